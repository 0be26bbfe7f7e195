"""From what the network said to what is published: doubtful pixels, groups, stride, mask."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.perception.frames import UNLABELLED, Segmentation
from asymformer_ros.perception.labels import Labelling, LabelSpaceError, did_you_mean

_Pixel = TypeVar("_Pixel", np.uint8, np.float32)

# Confidence comes in steps of 1/255: a threshold on a step keeps the pixels on it.
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class OutputOptions:
    """How labels are published; replaced as a whole when a parameter changes.

    labelling: which labels are published. mask_classes: uint8 [256], what `mask_table` gave.
    min_confidence: pixels below it become unlabelled, 0..1. drop_without_depth: so do pixels
    without a depth reading. stride: every stride-th pixel and row is published, >= 1.
    overlay_alpha: weight of the class colours in the overlay, 0..1. Raises ValueError.
    """

    labelling: Labelling
    mask_classes: NDArray[np.uint8]
    min_confidence: float = 0.0
    drop_without_depth: bool = False
    stride: int = 1
    overlay_alpha: float = 0.5

    def __post_init__(self) -> None:
        for name in ("min_confidence", "overlay_alpha"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} is {value}: set it to a number from 0 to 1")
        if self.stride < 1:
            raise ValueError(f"the output stride is {self.stride}: set it to 1 or more")


def refine(
    segmentation: Segmentation, depth_m: NDArray[np.float32], options: OutputOptions
) -> Segmentation:
    """The segmentation as it is published: doubtful pixels unlabelled, grouped, strided.

    segmentation: what the network said, [H, W]. depth_m: float32 [H, W], NaN = no reading. Returns
    arrays [ceil(H / stride), ceil(W / stride)], the segmentation itself where nothing is to be
    done. Confidence keeps the network's values, also where its label was dropped.
    """
    stride = options.stride
    labels = published = _every(segmentation.labels, stride)
    confidence = _every(segmentation.confidence, stride)
    if not options.labelling.is_identity:
        published = cv2.LUT(published, options.labelling.table)  # type: ignore[assignment]
    lowest_kept = math.ceil(options.min_confidence * 255 - _ROUNDING)
    if lowest_kept > 0:
        _, doubtful = cv2.threshold(confidence, lowest_kept - 1, 255, cv2.THRESH_BINARY_INV)
        published = cv2.bitwise_or(published, doubtful)  # type: ignore[assignment]
    if options.drop_without_depth:
        holes = where_nan(_every(depth_m, stride))
        published = cv2.bitwise_or(published, holes)  # type: ignore[assignment]
    if stride == 1 and published is labels:
        return segmentation
    return Segmentation(published, confidence)


def mask(labels: NDArray[np.uint8], options: OutputOptions) -> NDArray[np.uint8]:
    """255 where a published label belongs to the binary mask, else 0; uint8 [H, W]."""
    return cv2.LUT(labels, options.mask_classes)  # type: ignore[return-value]


def mask_table(labelling: Labelling, names: Sequence[str]) -> NDArray[np.uint8]:
    """OutputOptions.mask_classes of the published classes with these names.

    Returns uint8 [256]. Raises LabelSpaceError for a name that is not published.
    """
    table = np.zeros(256, dtype=np.uint8)
    for name in names:
        if name not in labelling.space.classes:
            raise LabelSpaceError(
                f"the mask's class {name!r} is not published by {labelling.space.name}; "
                f"{did_you_mean(name, labelling.space.classes)}"
            )
        table[labelling.space.classes.index(name)] = UNLABELLED
    return table


def where_nan(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """255 where a value is NaN, else 0; uint8 of the same shape [H, W]."""
    # Not CMP_NE: OpenCV's AVX code compares ordered, to which NaN does not differ from itself.
    return cv2.bitwise_not(cv2.compare(values, values, cv2.CMP_EQ))  # type: ignore[return-value]


def _every(image: NDArray[_Pixel], stride: int) -> NDArray[_Pixel]:
    return np.ascontiguousarray(image[::stride, ::stride])
