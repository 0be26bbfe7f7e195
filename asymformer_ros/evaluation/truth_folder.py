"""Label images in a folder, each named by the stamp of the colour image that it belongs to."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.evaluation.recordings import RecordingError
from asymformer_ros.perception.frame_files import read_labels
from asymformer_ros.perception.frames import FrameError
from asymformer_ros.perception.stamps import nearest

_NANOSECONDS = re.compile(r"\d+")
_SECONDS = re.compile(r"\d+\.\d+")
# Stems in seconds with six decimals, as TUM RGB-D has them, are as near as this.
_NEAR_NS = 1_000_000


class TruthFolder:
    """PNGs of class indices, 8 bits, 255 = void, read when they are asked for.

    Raises RecordingError where the folder has none, or a name that is no stamp.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        files = sorted((_stamp_ns(file), file) for file in folder.glob("*.png"))
        if not files:
            raise RecordingError(
                f"{folder} has no PNG: a folder of labels has one for each labelled colour image"
            )
        self._stamps = [stamp for stamp, _ in files]
        self._files = [file for _, file in files]
        self._used: set[int] = set()
        self._asked_ns: int | None = None
        self._read(0)

    @property
    def unused(self) -> int:
        """How many of its images were not found by a stamp."""
        return len(self._files) - len(self._used)

    @property
    def note(self) -> str:
        """A sentence where images were not found, else nothing."""
        images = f"{len(self._files)} label images in {self._folder}"
        if self._used:
            return f"{self.unused} of {images} belong to no colour image" if self.unused else ""
        example = "" if self._asked_ns is None else f", as in {self._asked_ns}.png"
        return (
            f"none of the {images} is within 1 ms of a colour image: name them by its stamp"
            + example
        )

    def find(self, stamp_ns: int) -> NDArray[np.uint8] | None:
        """The labels nearest to a stamp, uint8 [H, W], None beyond 1 ms; raises RecordingError."""
        self._asked_ns = stamp_ns
        index = nearest(self._stamps, stamp_ns)
        if index is None or abs(self._stamps[index] - stamp_ns) > _NEAR_NS:
            return None
        self._used.add(index)
        return self._read(index)

    def close(self) -> None:
        """Nothing is open between two readings."""

    def _read(self, index: int) -> NDArray[np.uint8]:
        try:
            return read_labels(self._files[index])
        except FrameError as error:
            raise RecordingError(str(error)) from error


def open_truth_folder(path: Path) -> TruthFolder:
    """The label images in a folder; raises RecordingError."""
    if not path.is_dir():
        raise RecordingError(f"{path} is no folder: give one with a PNG of labels for each stamp")
    return TruthFolder(path)


def _stamp_ns(file: Path) -> int:
    if _NANOSECONDS.fullmatch(file.stem):
        return int(file.stem)
    if _SECONDS.fullmatch(file.stem):
        return int(Decimal(file.stem) * 1_000_000_000)
    raise RecordingError(
        f"{file} is not named by a stamp: give nanoseconds, as in 1305031102175304000.png, or "
        "seconds, as in 1305031102.175304.png"
    )
