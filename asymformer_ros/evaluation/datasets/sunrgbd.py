"""SUN RGB-D as its authors publish it: the folder SUNRGBD beside their SUNRGBDtoolbox.

Layout and meaning: Song et al., CVPR 2015, and the toolbox; 37 classes are SUNRGBD2Dseg.seglabel.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.evaluation.datasets.frame_files import (
    labelled_frame,
    read_color,
    read_depth,
    require_files,
)
from asymformer_ros.evaluation.datasets.label_codes import classes_from_one, decode_labels
from asymformer_ros.evaluation.datasets.matlab import load_variable, open_hdf5
from asymformer_ros.evaluation.datasets.sun_size import RESIZE, resized
from asymformer_ros.evaluation.labelled_frames import DatasetError, LabelledFrame, LabelledFrames
from asymformer_ros.perception.depth_unit import DepthUnit

_SPLITS = "SUNRGBDtoolbox/traintestSUNRGBD/allsplit.mat"
_META = "SUNRGBDtoolbox/Metadata/SUNRGBDMeta.mat"
_LABELS = "SUNRGBDtoolbox/Metadata/SUNRGBD2Dseg.mat"


@dataclass(frozen=True)
class _Files:
    """name: its folder below SUNRGBD. index: its place in the authors' metadata."""

    name: str
    index: int
    color: Path
    depth: Path


def open_sunrgbd(root: Path, split: str, unit: DepthUnit) -> LabelledFrames:
    """The official split, in the order of SUNRGBDMeta; depth is the in-painted `depth_bfx`."""
    every = _every_frame(root)
    chosen = {_below_sunrgbd(text) for text in load_variable(root / _SPLITS, f"all{split}")}
    files = [one for one in every if one.name in chosen]
    if not files:
        raise DatasetError(
            f"{root / _SPLITS} names no frame of {root / _META}: unpack the toolbox again"
        )
    why = f"it is one of the {split} frames of {_SPLITS}"
    require_files([path for one in files for path in (one.color, one.depth)], why)
    frames = _SunFrames(root / _LABELS, files, len(every), unit)
    return LabelledFrames(
        label_space="sunrgbd37",
        settings={
            "frames": f"{len(files)} of the {len(chosen)} of allsplit.mat",
            "depth": "in-painted (depth_bfx)",
            "resize": RESIZE,
        },
        names=tuple(one.name for one in files),
        read=frames.read,
    )


class _SunFrames:
    """Holds the file of labels open; it is closed when this goes, or when the process ends."""

    def __init__(self, path: Path, files: Sequence[_Files], total: int, unit: DepthUnit) -> None:
        self._path, self._files, self._unit = path, files, unit
        self._table = classes_from_one(37)
        with ExitStack() as stack:
            self._labels = stack.enter_context(open_hdf5(path))
            self._references = _references(self._labels, path, total)
            weakref.finalize(self, stack.pop_all().close)

    def read(self, index: int) -> LabelledFrame:
        files = self._files[index]
        where = f"{self._path}, {files.name}"
        try:
            # MATLAB's axes are reversed.
            labels = np.ascontiguousarray(self._labels[self._references[files.index]][()].T)
        except (KeyError, ValueError, OSError) as error:
            raise DatasetError(f"{where} cannot be read, unpack it again: {error}") from error
        frame = labelled_frame(
            files.name,
            read_color(files.color),
            read_depth(files.depth, self._unit),
            decode_labels(labels, self._table, where),
        )
        return resized(frame)


def _references(file: Any, path: Path, total: int) -> NDArray[Any]:
    """Where the labels of each frame of the metadata are."""
    try:
        references = np.ravel(file["SUNRGBD2Dseg"]["seglabel"][()])
    except (KeyError, OSError) as error:
        raise DatasetError(
            f"{path} has no SUNRGBD2Dseg.seglabel: unpack the toolbox again"
        ) from error
    if len(references) != total:
        raise DatasetError(
            f"{path} has labels of {len(references)} frames, {_META} has {total}: "
            "unpack the toolbox again"
        )
    return references


def _every_frame(root: Path) -> list[_Files]:
    records = load_variable(root / _META, "SUNRGBDMeta")
    try:
        columns = [records[field] for field in ("rgbpath", "rgbname", "depthname")]
    except (ValueError, IndexError) as error:
        raise DatasetError(
            f"{root / _META} lacks rgbpath, rgbname or depthname: unpack the toolbox again"
        ) from error
    frames = []
    for index, (path, color, depth) in enumerate(zip(*columns, strict=True)):
        name = _below_sunrgbd(str(PurePosixPath(path).parent.parent))
        folder = root / "SUNRGBD" / name
        frames.append(_Files(name, index, folder / "image" / color, folder / "depth_bfx" / depth))
    return frames


def _below_sunrgbd(path: str) -> str:
    """The part of a path on its authors' machine, .../SUNRGBD/kv1/..., that is the same here."""
    parts = PurePosixPath(path).parts
    return "/".join(parts[parts.index("SUNRGBD") + 1 :] if "SUNRGBD" in parts else parts)
