"""What is in view, class by class: how much of it, how sure, how far, where."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.perception.camera_model import CameraModel
from asymformer_ros.perception.frames import Segmentation
from asymformer_ros.perception.labels import LabelSpace
from asymformer_ros.perception.refine import where_nan

# A person fills this much 27 m away (VGA, 60 degrees), farther than indoor depth cameras measure;
# smaller patches are mostly seams between classes.
_SMALLEST_SHARE = 1e-3

# Distances are read on a grid of about 320x240 points: four times faster than on a VGA image.
_GRID_ROWS = 240

# What the nearest reading passes over as speckles: so much of the class, but never so much of the
# image that an obstacle (5x5 VGA pixels) in a wide-spread class could be missed.
_SPECKLES_OF_CLASS = 0.02
_SPECKLES_OF_IMAGE = 1e-4

_NAN = float("nan")
_NOWHERE = (_NAN, _NAN, _NAN)
_STEPS = np.arange(256) / 255


@dataclass(frozen=True)
class ClassInView:
    """One entry of msg/SemanticClass.msg.

    pixel_share: of all pixels, 0..1. nearest_m, median_m: along the optical axis in metres; nearest
    passes over speckles. centroid: the medians of x (right), y (down) and z (forward) in metres, so
    that pixels which bleed onto the background do not draw it there. confidence: mean, 0..1. NaN
    without depth, the centroid also without a camera model.
    """

    class_id: int
    name: str
    pixel_share: float
    nearest_m: float
    median_m: float
    centroid: tuple[float, float, float]
    confidence: float


def classes_in_view(
    segmentation: Segmentation,
    depth_m: NDArray[np.float32],
    space: LabelSpace,
    camera: CameraModel | None,
    stride: int = 1,
) -> list[ClassInView]:
    """The classes that fill at least a thousandth of the label image, largest first.

    segmentation: what `refine` gave at this stride. depth_m: float32 [H, W] of the whole image,
    NaN = no reading. camera: None where it is unknown. Raises FrameError.
    """
    labels, confidence = segmentation.labels, segmentation.confidence
    # Ten times faster than numpy's bincount with confidence as weights.
    pixels_of = cv2.calcHist(
        [labels, confidence], [0, 1], None, [256, 256], [0, 256, 0, 256]
    ).astype(np.float64)
    pixels = pixels_of.sum(axis=1)[: len(space.classes)]
    in_view = np.nonzero(pixels >= labels.size * _SMALLEST_SHARE)[0].tolist()
    place = _Places(labels, depth_m, camera, stride).place
    return [
        ClassInView(
            label,
            space.classes[label],
            float(pixels[label] / labels.size),
            *place(label),
            float(pixels_of[label] @ _STEPS / pixels[label]),
        )
        for label in sorted(in_view, key=lambda label: -pixels[label])
    ]


class _Places:
    """Where the classes of one frame are, read on a coarse grid."""

    def __init__(
        self,
        labels: NDArray[np.uint8],
        depth_m: NDArray[np.float32],
        camera: CameraModel | None,
        stride: int,
    ) -> None:
        step = max(1, min(labels.shape) // _GRID_ROWS)
        self._depth = np.ascontiguousarray(depth_m[:: stride * step, :: stride * step])
        self._aside: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None
        known = self._depth
        if camera is not None:
            height, width = depth_m.shape
            rays = camera.rays(height, width, stride)[::step, ::step]
            self._aside = rays[..., 0] * self._depth, rays[..., 1] * self._depth
            known = self._aside[0]
        coarse = np.ascontiguousarray(labels[::step, ::step])
        self._labels = cv2.bitwise_or(coarse, where_nan(known))

    def place(self, label: int) -> tuple[float, float, tuple[float, float, float]]:
        """Nearest and median distance and centroid of a class."""
        chosen = np.flatnonzero(self._labels == label)
        if not chosen.size:
            return _NAN, _NAN, _NOWHERE
        depth = self._depth.take(chosen)
        speckles = min(_SPECKLES_OF_CLASS * depth.size, _SPECKLES_OF_IMAGE * self._depth.size)
        rank = min(max(1, int(speckles)), depth.size - 1)
        middle = depth.size // 2
        depth.partition((rank, middle))
        nearest, median = float(depth[rank]), float(depth[middle])
        if self._aside is None:
            return nearest, median, _NOWHERE
        x, y = (_middle(values.take(chosen)) for values in self._aside)
        return nearest, median, (x, y, median)


def _middle(values: NDArray[np.float32]) -> float:
    # Not np.median: it takes twice as long, and the middle of two surfaces is on neither.
    middle = values.size // 2
    values.partition(middle)
    return float(values[middle])
