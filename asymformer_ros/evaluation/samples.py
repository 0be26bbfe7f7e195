"""Labelled frames: NYUv2 from disk and rooms from the simulation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.simulation import Intrinsics, random_view


@dataclass(frozen=True)
class Sample:
    """rgb: uint8 [H, W, 3]. depth_m: float32 [H, W], NaN = no reading. labels: uint8 [H, W]."""

    rgb: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    labels: NDArray[np.uint8]


def iterate_nyuv2_small(folder: Path) -> Iterator[Sample]:
    """One split, in order: ``color/*.webp``, ``depth/*.png``, ``label/*.png`` of one name.

    Depth is 8 bit, metres = (value + 0.5) / 25.5; labels are 0..39, 255 = void. Raises
    FileNotFoundError.
    """
    names = sorted(path.stem for path in (folder / "depth").glob("*.png"))
    if not names:
        raise FileNotFoundError(f"{folder} has no depth/*.png: is it a split of nyuv2_small?")
    for name in names:
        color = _read(folder / "color" / f"{name}.webp", cv2.IMREAD_COLOR)
        depth = _read(folder / "depth" / f"{name}.png", cv2.IMREAD_GRAYSCALE)
        labels = _read(folder / "label" / f"{name}.png", cv2.IMREAD_GRAYSCALE)
        metres = (depth.astype(np.float32) + 0.5) / 25.5
        yield Sample(np.ascontiguousarray(color[:, :, ::-1]), metres, labels)


def iterate_rooms(seeds: Iterable[int], width: int, height: int) -> Iterator[Sample]:
    """One view of one simulated room a seed, with sensor noise."""
    for seed in seeds:
        yield render_room(seed, width, height)


def render_room(seed: int, width: int, height: int) -> Sample:
    """A random view of the room of that seed, with sensor noise."""
    frame = random_view(seed, Intrinsics().scaled(width, height))
    return Sample(frame.rgb, frame.depth_m, frame.labels)


def _read(path: Path, flags: int) -> NDArray[np.uint8]:
    image = cv2.imread(str(path), flags)
    if image is None:
        raise FileNotFoundError(f"{path} is missing or no image")
    return np.asarray(image, np.uint8)
