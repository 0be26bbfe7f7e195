"""A measurement over DDS as text for the console."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asymformer_ros.benchmark.ros.figures import (
    OutputCost,
    PathRun,
    Percentiles,
    Receiving,
    percentiles,
    size_text,
)
from asymformer_ros.benchmark.ros.report import RosReport

_BUSY_SHARE = 0.05


def table(report: RosReport) -> str:
    """The machine, three tables, the targets, and what failed."""
    machine = report.machine
    lines = [
        f"{machine.processor}; {machine.system}",
        f"  command  {report.command}",
        *(f"  {name:<8} {what}" for name, what in _described(report)),
    ]
    if report.receiving:
        lines += ["", "Receiving a pair, CPU ms of the whole process, median of the rounds"]
        lines += _aligned([_RECEIVING, *map(_receiving_row, report.receiving)])
    if report.outputs:
        lines += ["", "Our node on one core, ms from the engine's result to the last of"]
        lines += _aligned([_OUTPUTS, *map(_output_row, report.outputs)])
    if report.paths:
        lines += ["", "Whole path, subscribers of semantic and semantic/overlay, times in ms"]
        lines += _aligned([_PATHS, *map(_path_row, report.paths)])
        lines += ["  latency: colour stamp to published labels; age: to a subscriber's callback"]
        lines += ["  behind: newer pairs that the camera had sent when the labels came out"]
    if targets := report.targets:
        lines += ["", "Targets"]
        lines += _aligned(
            [
                (
                    t.what,
                    "not measured" if t.measured_ms is None else f"{t.measured_ms:.2f} ms",
                    f"limit {t.limit_ms:.1f} ms",
                    "met" if t.is_met else "MISSED",
                )
                for t in targets
            ]
        )
    lines += _notes(report)
    return "\n".join(lines)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest cell, the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  "
        + "  ".join(
            f"{cell:>{width}}" if index else f"{cell:<{width}}"
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


_RECEIVING = ("size", "rclpy, a pair", "and camera info", "our node", "added", "lost")
_OUTPUTS = ("size and outputs", "p50", "p95", "p99", "frames")
_PATHS = (
    *("node", "size", "engine", "Hz", "labels/s"),
    *("latency p50", "p95", "p99", "age p50", "p95", "p99"),
    *("behind p50", "max", "CPU", "dropped"),
)


def is_busy(report: RosReport) -> bool:
    """Whether other processes took enough of the machine to be named beside the figures."""
    return report.other_load > _BUSY_SHARE * report.machine.cores


def _described(report: RosReport) -> list[tuple[str, str]]:
    parts = report.parts
    return [
        ("DDS", parts["transport"]),
        ("against", f"a straightforward node: {parts['synchronizer']}; {parts['images']}"),
    ]


def _receiving_row(one: Receiving) -> tuple[str, ...]:
    medians = (float(np.median(ms)) for ms in (one.bare_ms, one.lifecycle_ms, one.node_ms))
    return (
        size_text(one.size),
        *(f"{value:.2f}" for value in medians),
        f"{one.added_ms:+.2f}",
        str(one.lost),
    )


def _output_row(one: OutputCost) -> tuple[str, ...]:
    frames = f"no {', '.join(one.missing)}" if one.missing else str(len(one.ms))
    what = f"{size_text(one.size)} {', '.join(one.outputs)}"
    return what, *_cells(percentiles(one.ms), 2), frames


def _path_row(run: PathRun) -> tuple[str, ...]:
    case, behind = run.case, run.behind
    return (
        case.node,
        size_text(case.size),
        f"{case.inference_ms:g} ms",
        f"{run.camera_hz:.1f}",
        f"{run.labels_hz:.1f}",
        *_cells(percentiles(run.latency_ms), 1),
        *_cells(percentiles(run.age_ms), 1),
        *((f"{np.median(behind):.0f}", str(behind.max())) if len(behind) else ("", "")),
        f"{run.cpu_share:.0%}",
        ", ".join(f"{count} {cause}" for cause, count in run.dropped.items()) or "none",
    )


def _cells(found: Percentiles | None, digits: int) -> tuple[str, str, str]:
    if found is None:
        return "", "", ""
    p50, p95, p99 = (f"{value:.{digits}f}" for value in found)
    return p50, p95, p99


def _notes(report: RosReport) -> list[str]:
    notes = []
    if is_busy(report):
        busy = f"{report.other_load:.1f} cores busy"
        notes.append(f"  other processes kept {busy}: measure again on a quiet machine")
    if not report.is_complete:
        notes.append("  interrupted: not everything was measured")
    notes += [f"  failed: {run}: {reason}" for run, reason in report.failures]
    return ["", *notes] if notes else []
