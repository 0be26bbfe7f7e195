"""The whole path as a picture: how old labels get, from our node and the straightforward one."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.benchmark.drawing import (
    BLUE,
    GREY,
    INK,
    LINE,
    ORANGE,
    Axes,
    Color,
    canvas,
    text,
    text_right,
    text_width,
    tick,
)
from asymformer_ros.benchmark.ros.figures import PathRun, percentiles, size_text
from asymformer_ros.benchmark.ros.report import RosReport
from asymformer_ros.benchmark.ros.table import is_busy

_WIDTH = 1800
_MARGIN = 56
_CHART_TOP, _CHART_HEIGHT = 260, 380
_PANEL, _ROW, _BAR = 132, 66, 22
_BARS_LEFT, _BARS_RIGHT = 200, 1130
_COLUMNS = (("p50", 1240), ("p99", 1350), ("labels/s", 1480), ("behind", 1610), ("CPU", 1744))
_USUAL_HZ = 30.0
_NODES: dict[str, tuple[str, Color]] = {
    "ours": ("asymformer_ros", BLUE),
    "straightforward": ("straightforward node", ORANGE),
}


def picture(report: RosReport) -> NDArray[np.uint8]:
    """Draw a report with at least one run of the whole path: uint8 [H, W, 3], R, G, B order."""
    size = report.paths[0].case.size
    runs = [run for run in report.paths if run.case.size == size]
    slowest = max(run.case.inference_ms for run in runs)
    inferences = sorted({run.case.inference_ms for run in runs}, reverse=True)
    panels = [[run for run in runs if run.case.inference_ms == one] for one in inferences]
    panels_height = sum(_PANEL + _ROW * len(_rates(panel)) for panel in panels)
    top = _CHART_TOP + _CHART_HEIGHT + 90
    image = canvas(_WIDTH, top + panels_height + 110)
    _heading(image, report, size)
    rates = _rates(runs)
    shown = _USUAL_HZ if _USUAL_HZ in rates else rates[0]
    _chart(image, [r for r in runs if (r.case.inference_ms, r.case.rate_hz) == (slowest, shown)])
    for panel in panels:
        top = _panel(image, top, panel)
    _footnotes(image, top, report)
    return image


def _rates(runs: Sequence[PathRun]) -> list[float]:
    return sorted({run.case.rate_hz for run in runs})


def _heading(image: NDArray[np.uint8], report: RosReport, size: tuple[int, int]) -> None:
    title = "How old labels are: camera stamp to published labels, milliseconds"
    text(image, title, (_MARGIN, 72), 1.15, INK)
    machine = report.machine
    note = f"; {report.other_load:.1f} cores busy with other processes" if is_busy(report) else ""
    how = f"{size_text(size)}, {machine.processor}, {report.parts['transport']}"
    text(image, how + note, (_MARGIN, 112), 0.75, GREY)
    left = _MARGIN
    for name, color in _NODES.values():
        cv2.rectangle(image, (left, 146), (left + 22, 168), color, cv2.FILLED)
        text(image, name, (left + 34, 165), 0.75, INK)
        left += 34 + text_width(name, 0.75) + 44


def _chart(image: NDArray[np.uint8], runs: Sequence[PathRun]) -> None:
    """The latency of each label image over the time of the run."""
    ages = [run.latency_ms for run in runs if len(run.watched)]
    if not ages:
        return
    case = runs[0].case
    span_s = (runs[0].sent_ns[-1] - runs[0].sent_ns[0]) / 1e9 + 1 / case.rate_hz
    top = _CHART_TOP
    box = (_MARGIN + 70, top, _WIDTH - _MARGIN, top + _CHART_HEIGHT)
    axes = Axes(box, (0.0, span_s), (0.0, 1.1 * max(float(age.max()) for age in ages)))
    heading = f"camera of {case.rate_hz:g} Hz, engine of {case.inference_ms:g} ms"
    text(image, heading, (_MARGIN, top - 44), 0.85, INK)
    axes.draw(image, "seconds since the camera started", "ms")
    limit = runs[0].limit_ms
    _, row = axes.at(0.0, limit)
    for left in range(box[0], box[2], 24):
        cv2.line(image, (left, row), (left + 12, row), INK, 1)
    words = f"one period + one inference + 10 ms = {limit:.0f} ms"
    text_right(image, words, (box[2] - 8, row - 12), 0.6, INK)
    for run in runs:
        _, color = _NODES[run.case.node]
        published_s = np.array([(p.published_ns - run.sent_ns[0]) / 1e9 for p in run.watched])
        axes.curve(image, published_s, run.latency_ms, color)
        axes.dots(image, published_s, run.latency_ms, color, 4)


def _panel(image: NDArray[np.uint8], top: int, runs: Sequence[PathRun]) -> int:
    """Draw the runs of an engine below `top`; returns where the next ones begin."""
    cv2.line(image, (_MARGIN, top), (_WIDTH - _MARGIN, top), LINE, 2)
    heading = f"engine of {runs[0].case.inference_ms:g} ms: p50 (bar) to p99 (line)"
    text(image, heading, (_MARGIN, top + 46), 0.85, INK)
    for name, right in _COLUMNS:
        text_right(image, name, (right, top + 46), 0.7, GREY)
    rates = _rates(runs)
    first = top + _PANEL - 36
    bottom = first + len(rates) * _ROW
    found = [p.p99 for run in runs if (p := percentiles(run.latency_ms)) is not None]
    longest = max(found, default=1.0)
    scale = (_BARS_RIGHT - _BARS_LEFT) / longest
    step = tick(longest)
    for number in range(int(longest / step) + 1):
        x = _BARS_LEFT + round(number * step * scale)
        cv2.line(image, (x, first), (x, bottom), LINE, 2)
        words = f"{number * step:g}"
        text(image, words, (x - text_width(words, 0.6) // 2, first - 10), 0.6, GREY)
    for row, rate in enumerate(rates):
        y = first + row * _ROW + (_ROW - 2 * _BAR) // 2
        text_right(image, f"{rate:g} Hz", (_BARS_LEFT - 20, y + _BAR + 8), 0.8, INK)
        for place, node in enumerate(_NODES):
            for run in runs:
                if (run.case.node, run.case.rate_hz) == (node, rate):
                    _bar(image, y + place * _BAR, run, scale)
    return bottom + 36


def _bar(image: NDArray[np.uint8], top: int, run: PathRun, scale: float) -> None:
    found = percentiles(run.latency_ms)
    if found is None:
        return
    _, color = _NODES[run.case.node]
    p50, p99 = (_BARS_LEFT + round(value * scale) for value in (found.p50, found.p99))
    cv2.rectangle(image, (_BARS_LEFT, top + 1), (p50, top + _BAR - 2), color, cv2.FILLED)
    middle = top + _BAR // 2
    cv2.line(image, (p50, middle), (p99, middle), color, 3)
    cv2.line(image, (p99, middle - 7), (p99, middle + 7), color, 3)
    cells = (
        f"{found.p50:.0f}",
        f"{found.p99:.0f}",
        f"{run.labels_hz:.1f}",
        str(run.behind.max()),
        f"{run.cpu_share:.0%}",
    )
    for words, (_, right) in zip(cells, _COLUMNS, strict=True):
        text_right(image, words, (right, top + _BAR - 5), 0.65, color)


def _footnotes(image: NDArray[np.uint8], top: int, report: RosReport) -> None:
    parts = report.parts
    lines = (
        f"straightforward node: {parts['synchronizer']}, {parts['images']}, queues of 10, "
        "all work in the callback.",
        "Both publish labels and overlay; the engine is a stub that waits. "
        "behind: most newer pairs sent meanwhile. CPU: share of one core.",
    )
    for number, line in enumerate(lines):
        text(image, line, (_MARGIN, top + 20 + 32 * number), 0.62, GREY)
