"""All of a measurement over DDS: figures, targets, and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from asymformer_ros.benchmark.machine import Machine
from asymformer_ros.benchmark.ros.figures import (
    OutputCost,
    PathRun,
    Receiving,
    Target,
    percentiles,
)

# What the node promises at its usual size, in milliseconds.
_RECEIVING_MS = 0.3
_OUTPUTS_MS = {
    ("semantic",): 1.0,
    ("semantic", "semantic/confidence", "semantic/overlay"): 4.0,
    ("semantic", "semantic/points"): 12.0,
}


@dataclass(frozen=True)
class RosReport:
    """parts: what the straightforward node and the transport are made of. failures: run, reason.

    other_load: cores that other processes kept busy meanwhile.
    """

    command: str
    machine: Machine
    parts: Mapping[str, str]
    receiving: tuple[Receiving, ...]
    outputs: tuple[OutputCost, ...]
    paths: tuple[PathRun, ...]
    failures: tuple[tuple[str, str], ...]
    other_load: float
    is_complete: bool

    @property
    def targets(self) -> list[Target]:
        """What is promised for the first size, and for engines slower than the camera."""
        targets = [
            Target("CPU that our node adds to receiving a pair", one.added_ms, _RECEIVING_MS)
            for one in self.receiving[:1]
        ]
        for cost in self.outputs:
            if cost.size == self.outputs[0].size:
                p50 = percentiles(cost.ms)
                what = f"engine's result to {', '.join(cost.outputs)}"
                targets.append(Target(what, p50 and p50.p50, _OUTPUTS_MS[cost.outputs]))
        for run in self.paths:
            case = run.case
            if case.node == "ours" and case.inference_ms > 1e3 / case.rate_hz:
                latency = percentiles(run.latency_ms)
                what = f"p99 latency, engine of {case.inference_ms:g} ms, {case.rate_hz:g} Hz"
                targets.append(Target(what, latency and latency.p99, run.limit_ms))
        return targets

    def to_json(self) -> str:
        """Everything, every label image of every run included; times in milliseconds."""
        content = {
            "command": self.command,
            "machine": asdict(self.machine),
            "parts": dict(self.parts),
            "other_load_cores": self.other_load,
            "is_complete": self.is_complete,
            "targets": [asdict(target) | {"is_met": target.is_met} for target in self.targets],
            "receiving": [asdict(one) | {"added_ms": one.added_ms} for one in self.receiving],
            "outputs": [
                asdict(one) | {"percentiles_ms": _percentiles(one.ms)} for one in self.outputs
            ],
            "paths": [_path(run) for run in self.paths],
            "failures": [{"run": run, "reason": reason} for run, reason in self.failures],
        }
        return json.dumps(content, indent=1)


def _path(run: PathRun) -> dict[str, Any]:
    began_ns = run.sent_ns[0]
    return {
        **asdict(run.case),
        "camera_hz": run.camera_hz,
        "sent": len(run.sent_ns),
        "labels": len(run.labels),
        "dropped": dict(run.dropped),
        "latency_ms": _percentiles(run.latency_ms),
        "age_ms": _percentiles(run.age_ms),
        "limit_ms": run.limit_ms,
        "pairs_behind": _percentiles(run.behind),
        "cpu_share": run.cpu_share,
        "samples_ms": [
            [round((moment - began_ns) / 1e6, 3) for moment in passage] for passage in run.labels
        ],
    }


def _percentiles(values: Any) -> dict[str, float] | None:
    found = percentiles(np.asarray(values, np.float64))
    return found and found._asdict()
