"""What /diagnostics carries beside the judgement."""

from __future__ import annotations

import mmap

import numpy as np
import pytest

pytest.importorskip("diagnostic_msgs.msg", reason="needs the ROS message packages")

from diagnostic_msgs.msg import DiagnosticStatus

from asymformer_ros.ros.diagnostics import NodeReport, diagnostic_status, resident_mb
from asymformer_ros.ros.frame_times import Timing
from asymformer_ros.ros.gpu_usage import GpuUsage
from asymformer_ros.ros.health import Judgement
from asymformer_ros.ros.pipeline import FrameAccount

ACCOUNT = FrameAccount(
    received_color=30,
    received_depth=31,
    paired=29,
    segmented=27,
    dropped_color={"bad_depth": 2},
    dropped_depth={"late": 1},
    pending=1,
    in_work=0,
    waiting_depth=0,
    refused=2,
    last_drop="depth is truncated",
    stamps_apart_ns=12_340_000,
)


def test_the_status_carries_every_figure():
    report = NodeReport(
        engine="tensorrt fp16",
        agreement=0.99728,
        sync_policy="own",
        account=ACCOUNT,
        timing=Timing(29.7, {"latency_ms": (10.0, 20.04, 30.0), "inference_ms": (8.26, 9.0, 9.9)}),
        pairs_hz=29.9,
        resident_mb=512.4,
        gpus=[GpuUsage("Orin", None, None), GpuUsage("H200", 1024.6, 37)],
    )

    status = diagnostic_status(
        "robot/segmentation_node", Judgement(DiagnosticStatus.WARN, "so so", False), report
    )

    assert (status.name, status.level) == ("robot/segmentation_node", DiagnosticStatus.WARN)
    assert status.message == "so so"
    assert {value.key: value.value for value in status.values} == {
        "engine": "tensorrt fp16",
        "engine.self_check": "99.72%",
        "received_color": "30",
        "received_depth": "31",
        "paired": "29",
        "segmented": "27",
        "pending": "1",
        "waiting_depth": "0",
        "dropped.bad_depth": "2",
        "dropped_depth.late": "1",
        "rate_hz": "29.70",
        "latency_ms.p50": "10.0",
        "latency_ms.p95": "20.0",
        "latency_ms.p99": "30.0",
        "inference_ms.p50": "8.3",
        "inference_ms.p95": "9.0",
        "inference_ms.p99": "9.9",
        "sync.policy": "own",
        "sync.pairs_hz": "29.90",
        "sync.stamps_apart_ms": "12.3",
        "memory.resident_mb": "512",
        "gpu.0.name": "Orin",
        "gpu.1.name": "H200",
        "gpu.1.memory_used_mb": "1025",
        "gpu.1.utilisation_percent": "37",
    }


def test_the_resident_memory_follows_what_is_held():
    before = resident_mb()
    # Not from malloc, which may have it already.
    held = np.frombuffer(mmap.mmap(-1, 50_000_000), dtype=np.uint8)
    held.fill(1)

    assert resident_mb() - before == pytest.approx(held.nbytes / 1e6, abs=5)
