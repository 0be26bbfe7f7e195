"""Folders of image files as recordings: color/ and depth/, perhaps label/, of equal stems."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.evaluation.recordings import (
    FRAME_ID,
    Losses,
    RawMessage,
    RecordedImage,
    Recording,
    RecordingError,
    Stream,
)
from asymformer_ros.perception.frame_files import (
    read_color,
    read_labels,
    read_millimetres,
    read_size,
)
from asymformer_ros.perception.frames import FrameError

_FOLDERS: Mapping[Stream, tuple[str, ...]] = {
    "color": ("color", "rgb"),
    "depth": ("depth",),
    "labels": ("label40", "label"),
}
_SUFFIXES: Mapping[Stream, tuple[str, ...]] = {
    "color": (".png", ".jpg", ".jpeg", ".webp"),
    "depth": (".png",),
    "labels": (".png",),
}

_Files = Mapping[Stream, Path]


def open_folder(folder: Path, rate_hz: float) -> Recording:
    """Pair the files of a folder by their stems; raises RecordingError, also for a bad first frame.

    Depth must be 16-bit PNG in millimetres, labels 8-bit PNG of class indices with 255 = void.
    """
    found = {stream: _find(folder, stream) for stream in _FOLDERS}
    for stream in ("color", "depth"):
        if not found[stream][1]:
            raise RecordingError(
                f"{folder} has no images in {' or '.join(_FOLDERS[stream])}/: a folder to replay "
                "has colour images in color/ and 16-bit PNG depth images in depth/"
            )
    color, depth = found["color"][1], found["depth"][1]
    stems = sorted(color.keys() & depth.keys(), key=_natural)
    if not stems:
        raise RecordingError(
            f"{folder}: no colour image has the name of a depth image, as {min(color)} "
            f"and {min(depth)} show: name the files of a frame alike"
        )
    frames = [
        {stream: files[stem] for stream, (_, files) in found.items() if stem in files}
        for stem in stems
    ]
    counts = Counter(stream for files in frames for stream in files)
    period_ns = round(1e9 / rate_hz)
    losses = Losses()
    if left_out := sum(len(files.keys() - set(stems)) for _, files in found.values()):
        losses.note(f"{left_out} images have no partner of their name and are left out")
    try:
        first = {stream: _read(stream, frames[0], 0) for stream in frames[0]}
    except FrameError as error:
        raise RecordingError(str(error)) from error

    def images(*only: Stream) -> Iterator[RecordedImage]:
        for index, files in enumerate(frames):
            # Labels first, so that a score is ready for them, and colour last.
            for stream in reversed(files):
                if only and stream not in only:
                    continue
                try:
                    yield _read(stream, files, index * period_ns)
                except FrameError as error:
                    losses.note(str(error))

    return Recording(
        sources={stream: f"{found[stream][0]}/" for stream in counts},
        counts=counts,
        first=first,
        warnings=(),
        images=images,
        losses=losses,
    )


def _find(folder: Path, stream: Stream) -> tuple[str, dict[str, Path]]:
    """Name of the folder of a stream, and its files by stem."""
    for name in _FOLDERS[stream]:
        place = folder / name
        if place.is_dir():
            files = [f for f in sorted(place.iterdir()) if f.suffix.lower() in _SUFFIXES[stream]]
            return name, {file.stem: file for file in files}
    return "", {}


def _natural(stem: str) -> list[tuple[str, int]]:
    """Sorts 2 before 10."""
    return [(text, int(number or -1)) for text, number in re.findall(r"(\D*)(\d*)", stem)]


def _read(stream: Stream, files: _Files, time_ns: int) -> RecordedImage:
    """The image of a stream; raises FrameError, also for labels of another size than colour."""
    path = files[stream]
    if stream == "color":
        return _image(stream, path, read_color(path), "rgb8", time_ns)
    if stream == "depth":
        return _image(stream, path, read_millimetres(path), "16UC1", time_ns)
    labels, size = read_labels(path), read_size(files["color"])
    if labels.shape != size:
        raise FrameError(
            f"{path}: labels of {labels.shape[1]}x{labels.shape[0]}, their colour image is "
            f"{size[1]}x{size[0]}: both must be of one size"
        )
    return _image(stream, path, labels, "mono8", time_ns)


def _image(
    stream: Stream, path: Path, array: NDArray[Any], encoding: str, time_ns: int
) -> RecordedImage:
    height, width = array.shape[:2]
    data = np.ascontiguousarray(array).view(np.uint8).reshape(-1)
    return RecordedImage(
        stream=stream,
        time_ns=time_ns,
        stamp_ns=time_ns,
        frame_id=FRAME_ID,
        message=RawMessage(
            encoding=encoding,
            height=height,
            width=width,
            step=len(data) // height,
            is_bigendian=sys.byteorder == "big",
            data=data,
        ),
        name=path.stem,
    )
