"""What /diagnostics says about the node, as one diagnostic_msgs/DiagnosticStatus."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from asymformer_ros.engines.self_check import percent
from asymformer_ros.ros.frame_times import Timing
from asymformer_ros.ros.gpu_usage import GpuUsage
from asymformer_ros.ros.health import Judgement
from asymformer_ros.ros.pipeline import FrameAccount


@dataclass(frozen=True)
class NodeReport:
    """The figures of a report.

    engine: its name and precision. agreement: share of the labels of its self-check that equal
    float32's. sync_policy: the parameter. pairs_hz: pairs a second. resident_mb: memory of the
    process, None where it is not known.
    """

    engine: str
    agreement: float
    sync_policy: str
    account: FrameAccount
    timing: Timing
    pairs_hz: float
    resident_mb: float | None
    gpus: Sequence[GpuUsage]


def diagnostic_status(name: str, judgement: Judgement, report: NodeReport) -> DiagnosticStatus:
    """The report of the node of this name, with a judgement of it."""
    account, timing = report.account, report.timing
    values: dict[str, object] = {
        "engine": report.engine,
        "engine.self_check": percent(report.agreement),
        "received_color": account.received_color,
        "received_depth": account.received_depth,
        "paired": account.paired,
        "segmented": account.segmented,
        "pending": account.pending,
        "waiting_depth": account.waiting_depth,
    }
    values |= {f"dropped.{cause}": n for cause, n in sorted(account.dropped_color.items())}
    values |= {f"dropped_depth.{cause}": n for cause, n in sorted(account.dropped_depth.items())}
    values["rate_hz"] = f"{timing.rate_hz:.2f}"
    for stage, percentiles in timing.percentiles.items():
        for share, value in zip(("p50", "p95", "p99"), percentiles, strict=True):
            values[f"{stage}.{share}"] = f"{value:.1f}"
    values["sync.policy"] = report.sync_policy
    values["sync.pairs_hz"] = f"{report.pairs_hz:.2f}"
    if account.stamps_apart_ns is not None:
        values["sync.stamps_apart_ms"] = f"{account.stamps_apart_ns / 1e6:.1f}"
    if report.resident_mb is not None:
        values["memory.resident_mb"] = f"{report.resident_mb:.0f}"
    for index, gpu in enumerate(report.gpus):
        values[f"gpu.{index}.name"] = gpu.name
        if gpu.memory_used_mb is not None:
            values[f"gpu.{index}.memory_used_mb"] = f"{gpu.memory_used_mb:.0f}"
        if gpu.utilisation_percent is not None:
            values[f"gpu.{index}.utilisation_percent"] = gpu.utilisation_percent
    return DiagnosticStatus(
        level=judgement.level,
        name=name,
        message=judgement.sentence,
        values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
    )


def resident_mb() -> float | None:
    """The memory that this process holds, in 10^6 bytes; None where there is no /proc."""
    with suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    return None
