"""Colour, depth and labels of one frame, from PNG, JPEG, WebP and .npy files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.evaluation.labelled_frames import DatasetError, LabelledFrame
from asymformer_ros.perception.depth_unit import DepthUnit
from asymformer_ros.perception.frames import FrameError


def read_color(path: Path) -> NDArray[np.uint8]:
    """uint8 [H, W, 3] in R, G, B order; an array in a .npy file has that order already."""
    if path.suffix == ".npy":
        array = _load(path)
        if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
            raise DatasetError(
                f"{path} is {array.dtype} {array.shape}: colour must be uint8 [height, width, 3]"
            )
        return np.ascontiguousarray(array)
    bgr = _decode(path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def read_numbers(path: Path) -> NDArray[Any]:
    """Depth or labels as they are stored."""
    return _load(path) if path.suffix == ".npy" else _decode(path, cv2.IMREAD_UNCHANGED)


def depth_in_metres(raw: NDArray[Any], unit: DepthUnit, where: str) -> NDArray[np.float32]:
    """`DepthUnit.to_metres`; raises DatasetError, where: the file."""
    if raw.ndim != 2:
        raise DatasetError(
            f"{where} is {raw.dtype} {raw.shape}, a picture of depth without distances: put a file "
            "with one channel of distances in its place"
        )
    try:
        return unit.to_metres(raw)
    except FrameError as error:
        raise DatasetError(f"{where}: {error}") from error


def labelled_frame(
    name: str, rgb: NDArray[np.uint8], depth_m: NDArray[np.float32], labels: NDArray[np.uint8]
) -> LabelledFrame:
    """A frame of parts of one size; raises DatasetError."""
    sizes = [f"{part.shape[1]}x{part.shape[0]}" for part in (rgb, depth_m, labels)]
    if len(set(sizes)) > 1:
        raise DatasetError(
            f"frame {name}: colour is {sizes[0]}, depth {sizes[1]}, labels {sizes[2]}: all parts "
            "of a frame have one size in this layout; replace the wrong file"
        )
    return LabelledFrame(name, rgb, depth_m, labels)


def require_files(paths: list[Path], why: str) -> None:
    """Raise DatasetError unless all of them are there."""
    missing = [path for path in paths if not path.is_file()]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise DatasetError(f"{missing[0]} is missing{more}: {why}; unpack the data set again")


def _decode(path: Path, flags: int) -> NDArray[Any]:
    try:
        image = cv2.imread(str(path), flags)
    except cv2.error:
        image = None
    if image is None:
        raise DatasetError(f"{path} is missing or no image that OpenCV can read: replace it")
    return np.asarray(image)


def _load(path: Path) -> NDArray[Any]:
    try:
        array = np.load(path)
    except Exception as error:  # a damaged file makes its parser raise all sorts
        reason = " ".join(str(error).split())
        raise DatasetError(f"{path} cannot be read as .npy, replace it: {reason}") from error
    if not isinstance(array, np.ndarray):
        raise DatasetError(f"{path} is an archive of several arrays: replace it with a .npy file")
    return array
