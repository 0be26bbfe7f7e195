"""A benchmark as a picture: one bar a contender, its stages in colours."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.benchmark.drawing import (
    BLUE,
    GREEN,
    GREY,
    INK,
    LINE,
    ORANGE,
    PURPLE,
    Color,
    canvas,
    text,
    text_right,
    text_width,
    tick,
)
from asymformer_ros.benchmark.report import Figures, Report
from asymformer_ros.benchmark.table import BASELINE, is_busy
from asymformer_ros.engines.self_check import percent

_WIDTH = 1800
_MARGIN = 56
_ROW = 62
_BAR = 34
_PANEL = 112  # heading of a device
_BARS_LEFT, _BARS_RIGHT = 400, 1280
_COLUMNS = (("ms", 1420), ("x eager", 1570), ("as float32", _WIDTH - _MARGIN))

_STAGES: tuple[tuple[str, Color], ...] = (
    ("copy in", ORANGE),
    ("network", BLUE),
    ("copy out", PURPLE),
    ("post-processing", GREEN),
)


def picture(report: Report) -> NDArray[np.uint8]:
    """Draw a report with at least one contender's figures: uint8 [H, W, 3], R, G, B order."""
    panels = [
        [figure for figure in report.figures if figure.result.contender.device == device]
        for device in ("gpu", "cpu")
    ]
    panels = [panel for panel in panels if panel]
    height = 210 + sum(_PANEL + len(panel) * _ROW for panel in panels) + 100
    image = canvas(_WIDTH, height)
    _heading(image, report)
    top = 210
    for panel in panels:
        top = _panel(image, top, panel, _device(report, panel))
    footnotes = [BASELINE] if any(f.result.contender.is_baseline for f in report.figures) else []
    if report.outcome.float32:
        footnotes.append(
            f"as float32: share of the labels equal to those of {report.outcome.float32}"
        )
    for line, footnote in enumerate(footnotes):
        text(image, footnote, (_MARGIN, top + 30 + 32 * line), 0.65, GREY)
    return image


def _heading(image: NDArray[np.uint8], report: Report) -> None:
    subject = report.subject
    height, width = subject.size
    title = f"{subject.network}, {width}x{height}: milliseconds from host arrays to host labels"
    text(image, title, (_MARGIN, 72), 1.15, INK)
    rounds = max(len(figure.result.samples) for figure in report.figures)
    how = f"medians and 10th to 90th percentile of {rounds} interleaved rounds"
    note = "" if subject.is_trained else "; random weights"
    if is_busy(report):
        note += f"; {report.other_load:.1f} cores busy with other processes"
    text(image, how + note, (_MARGIN, 112), 0.75, GREY)
    left = _MARGIN
    for name, color in _STAGES:
        cv2.rectangle(image, (left, 146), (left + 22, 168), color, cv2.FILLED)
        text(image, name, (left + 34, 165), 0.75, INK)
        left += 34 + text_width(name, 0.75) + 44
    for name, right in _COLUMNS:
        text_right(image, name, (right, 165), 0.75, GREY)


def _device(report: Report, panel: Sequence[Figures]) -> str:
    machine = report.machine
    if panel[0].result.contender.device == "gpu":
        return f"GPU: {machine.gpu}"
    return f"CPU: {machine.processor}"


def _panel(image: NDArray[np.uint8], top: int, panel: Sequence[Figures], device: str) -> int:
    """Draw the contenders of a device below `top`; returns where the next ones begin."""
    cv2.line(image, (_MARGIN, top), (_WIDTH - _MARGIN, top), LINE, 2)
    text(image, device, (_MARGIN, top + 46), 0.85, INK)
    first = top + _PANEL - 20
    bottom = first + len(panel) * _ROW
    longest = max(max(figure.p90, sum(figure.stages)) for figure in panel)
    step = tick(longest)
    scale = (_BARS_RIGHT - _BARS_LEFT) / longest
    for number in range(int(longest / step) + 1):
        x = _BARS_LEFT + round(number * step * scale)
        cv2.line(image, (x, first), (x, bottom), LINE, 2)
        words = f"{number * step:g}"
        text(image, words, (x - text_width(words, 0.6) // 2, first - 10), 0.6, GREY)
    for row, figure in enumerate(panel):
        _bar(image, first + row * _ROW + (_ROW - _BAR) // 2, figure, scale)
    return bottom + 20


def _bar(image: NDArray[np.uint8], top: int, figure: Figures, scale: float) -> None:
    middle, baseline = top + _BAR // 2, top + _BAR - 9
    contender = figure.result.contender
    name_color = GREY if contender.is_baseline else INK
    name = contender.name
    if figure.result.precision not in name:
        name = f"{name} {figure.result.precision}"
    text(image, name, (_MARGIN, baseline), 0.8, name_color)
    ends = np.cumsum((0.0, *figure.stages)) * scale + _BARS_LEFT
    for (_, color), start, end in zip(_STAGES, ends[:-1], ends[1:], strict=True):
        if round(end) > round(start):
            corners = (round(start), top), (round(end) - 1, top + _BAR)
            cv2.rectangle(image, *corners, color, cv2.FILLED)
    low, high = (_BARS_LEFT + round(value * scale) for value in (figure.p10, figure.p90))
    cv2.line(image, (low, middle), (high, middle), INK, 2)
    for x in (low, high):
        cv2.line(image, (x, middle - 8), (x, middle + 8), INK, 2)
    cells = (
        f"{figure.median:.2f}" if figure.median < 100 else f"{figure.median:.0f}",
        "" if figure.speedup is None else f"{figure.speedup:.2f}",
        "" if figure.agreement is None else percent(figure.agreement),
    )
    for words, (_, right) in zip(cells, _COLUMNS, strict=True):
        text_right(image, words, (right, baseline), 0.8, name_color)
