"""Colour, depth and labels of one frame, read from files and put together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.evaluation.labelled_frames import DatasetError, LabelledFrame
from asymformer_ros.perception import frame_files
from asymformer_ros.perception.depth_unit import DepthUnit
from asymformer_ros.perception.frames import FrameError
from asymformer_ros.perception.image_file import decode_grey_png


def read_color(path: Path) -> NDArray[np.uint8]:
    """uint8 [H, W, 3] in R, G, B order; raises DatasetError."""
    with of_dataset():
        return frame_files.read_color(path)


def read_depth(path: Path, unit: DepthUnit) -> NDArray[np.float32]:
    """Metres, float32 [H, W], NaN = no reading; raises DatasetError."""
    with of_dataset():
        return frame_files.read_depth(path, unit)


def read_label_values(path: Path) -> NDArray[Any]:
    """The values of a grey PNG of 8 or 16 bits or of a .npy file; raises DatasetError."""
    try:
        if path.suffix == ".npy":
            values = np.load(path)
        else:
            content = "classes, a grey PNG of 8 or 16 does"
            values = decode_grey_png(path.read_bytes(), (8, 16), content)
    except Exception as error:  # a damaged .npy file makes its parser raise all sorts
        reason = " ".join(str(error).split())
        raise DatasetError(f"{path} cannot be read as labels, replace it: {reason}") from error
    if not isinstance(values, np.ndarray):
        raise DatasetError(f"{path} is an archive of several arrays: replace it with a .npy file")
    return values


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


@contextmanager
def of_dataset(where: str = "") -> Iterator[None]:
    """What is wrong with a frame is wrong with the data set; where: in which part of it."""
    try:
        yield
    except FrameError as error:
        raise DatasetError(f"{where}: {error}" if where else str(error)) from error
