"""Frames with their truth: what data sets and simulated rooms give to evaluation and training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


class DatasetError(RuntimeError):
    """A data set cannot be used; the message says which file of it, why, and what to do."""


@dataclass(frozen=True, eq=False)
class LabelledFrame:
    """One frame and its truth, all of one size.

    rgb: uint8 [H, W, 3]. depth_m: float32 [H, W], metres, NaN = no reading. labels: uint8 [H, W],
    class index, 255 = void.
    """

    name: str
    rgb: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    labels: NDArray[np.uint8]


@dataclass(frozen=True)
class LabelledFrames:
    """A sequence of frames, of which none is held.

    label_space: name of their classes. settings: what else decides what they are, by name. names:
    one a frame. read: the frame of an index; raises DatasetError.
    """

    label_space: str
    settings: Mapping[str, str]
    names: tuple[str, ...]
    read: Callable[[int], LabelledFrame]
