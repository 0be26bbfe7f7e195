"""nyu_depth_v2_labeled.mat, the labelled frames of NYU Depth v2 as their authors publish them."""

from __future__ import annotations

import weakref
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from asymformer_ros.evaluation.datasets.frame_files import labelled_frame, of_dataset
from asymformer_ros.evaluation.datasets.label_codes import decode_labels
from asymformer_ros.evaluation.datasets.matlab import open_hdf5
from asymformer_ros.evaluation.datasets.nyuv2 import frame_count, official_split, table_of_894
from asymformer_ros.evaluation.labelled_frames import DatasetError, LabelledFrame, LabelledFrames
from asymformer_ros.perception.depth_unit import DepthUnit

FILE = "nyu_depth_v2_labeled.mat"


def open_nyuv2_mat(path: Path, split: str, unit: DepthUnit) -> LabelledFrames:
    """The file itself or its folder; depth is the in-painted one (`depths`)."""
    numbers = official_split(split)
    frames = _MatFrames(path / FILE if path.is_dir() else path, unit)
    return LabelledFrames(
        label_space="nyu40",
        settings={"frames": f"{len(numbers)}, the official split", "depth": "in-painted"},
        names=tuple(f"{number:04d}" for number in numbers),
        read=lambda index: frames.read(numbers[index]),
    )


class _MatFrames:
    """Holds the file open; it is closed when this goes, at the latest when the process ends."""

    def __init__(self, path: Path, unit: DepthUnit) -> None:
        self._path, self._unit, self._table = path, unit, table_of_894()
        with ExitStack() as stack:
            self._parts = _parts(stack.enter_context(open_hdf5(path)), path)
            weakref.finalize(self, stack.pop_all().close)

    def read(self, number: int) -> LabelledFrame:
        """The frame of a 1-based number."""
        where, index = f"{self._path}, frame {number}", number - 1
        try:
            image, depth, labels = (part[index] for part in self._parts)
        except OSError as error:
            raise DatasetError(f"{where} cannot be read, download it again: {error}") from error
        with of_dataset(where):
            depth_m = self._unit.to_metres(np.ascontiguousarray(depth.T))
        return labelled_frame(
            f"{number:04d}",
            np.ascontiguousarray(image.transpose(2, 1, 0), np.uint8),
            depth_m,
            decode_labels(np.ascontiguousarray(labels.T), self._table, where),
        )


def _parts(file: Any, path: Path) -> list[Any]:
    """The data sets of images, depths and labels, after a check of their shapes."""
    try:
        parts = [file[name] for name in ("images", "depths", "labels")]
    except KeyError as error:
        raise DatasetError(
            f"{path} has no images, depths and labels: is it the labelled data set of NYUv2?"
        ) from error
    images, depths, labels = (part.shape for part in parts)
    # MATLAB's axes are reversed: [frame, channel, column, row].
    is_whole = images[:2] == (frame_count(), 3) and len(images) == 4 and parts[0].dtype == np.uint8
    if not is_whole or not depths == labels == (images[0], *images[2:]):
        raise DatasetError(
            f"{path} holds {parts[0].dtype} images {images}, depths {depths} and labels {labels}, "
            f"the official file {frame_count()} frames: download it again"
        )
    return parts
