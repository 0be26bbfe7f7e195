"""The frames that contenders are timed on."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from asymformer_ros.benchmark.contender_process import Frame
from asymformer_ros.evaluation.samples import Sample, iterate_nyuv2_small, render_room


def simulated_frames(count: int, size: tuple[int, int]) -> list[Frame]:
    """Views of simulated rooms, sensor noise included; size: height and width in pixels."""
    height, width = size
    rooms = [render_room(seed, width, height) for seed in range(count)]
    return [(room.rgb, room.depth_m) for room in rooms]


def nyuv2_frames(folder: Path, count: int, size: tuple[int, int]) -> list[Frame]:
    """Frames spread evenly over a folder as `iterate_nyuv2_small` reads it, in the given size.

    Raises FileNotFoundError.
    """
    step = max(1, len(list((folder / "depth").glob("*.png"))) // count)
    samples = islice(iterate_nyuv2_small(folder), 0, count * step, step)
    return [_resized(sample, size) for sample in samples]


def _resized(sample: Sample, size: tuple[int, int]) -> Frame:
    rgb = cv2.resize(sample.rgb, size[::-1], interpolation=cv2.INTER_LINEAR)
    depth_m = cv2.resize(sample.depth_m, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(rgb, np.uint8), np.asarray(depth_m, np.float32)
