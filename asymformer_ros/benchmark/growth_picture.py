"""The growth of a process as a picture: memory, threads and handles over time."""

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
    Axes,
    Color,
    canvas,
    text,
)
from asymformer_ros.benchmark.growth import Growth, Sample

_WIDTH, _MARGIN = 1800, 56
_LEFT = _MARGIN + 70
_HEIGHTS = (360, 180, 180)
_GAP = 130
_TOP = 220


def growth_picture(
    samples: Sequence[Sample], growth: Growth, title: str, subtitle: str
) -> NDArray[np.uint8]:
    """Draw at least two samples: uint8 [H, W, 3], R, G, B order."""
    image = canvas(_WIDTH, _TOP + sum(_HEIGHTS) + _GAP * len(_HEIGHTS))
    text(image, title, (_MARGIN, 72), 1.15, INK)
    text(image, subtitle, (_MARGIN, 112), 0.75, GREY)
    minutes = np.array([sample.seconds for sample in samples]) / 60
    memory = np.array([sample.resident_mb for sample in samples])
    threads = np.array([float(sample.threads) for sample in samples])
    handles = np.array([float(sample.handles) for sample in samples])
    segmented = np.array([sample.segmented for sample in samples])
    rate = np.append(0.0, np.diff(segmented) / np.diff(minutes) / 60)
    curves: tuple[tuple[str, tuple[tuple[NDArray[np.float64], Color], ...]], ...] = (
        ("resident memory, MB", ((memory, BLUE),)),
        ("threads (blue), open file handles (orange)", ((threads, BLUE), (handles, ORANGE))),
        ("frames segmented a second", ((rate, GREEN),)),
    )
    top = _TOP
    for height, (name, series) in zip(_HEIGHTS, curves, strict=True):
        highest = 1.15 * max(1.0, *(float(values.max()) for values, _ in series))
        box = (_LEFT, top, _WIDTH - _MARGIN, top + height)
        axes = Axes(box, (0.0, float(minutes[-1])), (0.0, highest))
        steady, _ = axes.at(growth.warm_up_s / 60, 0.0)
        cv2.rectangle(image, (_LEFT, top), (steady, top + height), LINE, cv2.FILLED)
        axes.draw(image, "minutes; grey: warm-up", name)
        for values, color in series:
            axes.curve(image, minutes, values, color)
        top += height + _GAP
    return image
