"""The frames that contenders are timed on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from asymformer_ros.benchmark.contender_process import Frame
from asymformer_ros.evaluation.datasets import open_dataset
from asymformer_ros.evaluation.labelled_frames import LabelledFrame
from asymformer_ros.evaluation.simulated_frames import render_room


def simulated_frames(count: int, size: tuple[int, int]) -> list[Frame]:
    """Views of simulated rooms, sensor noise included; size: height and width in pixels."""
    height, width = size
    rooms = [render_room(seed, width, height) for seed in range(count)]
    return [(room.rgb, room.depth_m) for room in rooms]


def nyuv2_frames(folder: Path, count: int, size: tuple[int, int]) -> list[Frame]:
    """Frames spread evenly over the test split of layout nyuv2-small, in the given size.

    Raises DatasetError.
    """
    frames = open_dataset(folder, "nyuv2-small", "test")
    step = max(1, len(frames.names) // count)
    indices = range(0, len(frames.names), step)[:count]
    return [_resized(frames.read(index), size) for index in indices]


def _resized(frame: LabelledFrame, size: tuple[int, int]) -> Frame:
    rgb = cv2.resize(frame.rgb, size[::-1], interpolation=cv2.INTER_LINEAR)
    depth_m = cv2.resize(frame.depth_m, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(rgb, np.uint8), np.asarray(depth_m, np.float32)
