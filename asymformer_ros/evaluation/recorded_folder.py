"""Folders of image files as recordings: color/ and depth/, perhaps label/, of equal stems."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.evaluation.recordings import (
    RawMessage,
    RecordedImage,
    Recording,
    RecordingError,
    Stream,
)

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
_FRAME_ID = "camera_color_optical_frame"

_Files = Mapping[Stream, Path]


def open_folder(folder: Path, rate_hz: float) -> Recording:
    """Pair the files of a folder by their stems; raises RecordingError.

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

    def images(*only: Stream) -> Iterator[RecordedImage]:
        for index, files in enumerate(frames):
            for image in _frame(files, index * period_ns):
                if not only or image.stream in only:
                    yield image

    left_out = len(color.keys() ^ depth.keys())
    return Recording(
        sources={stream: f"{found[stream][0]}/" for stream in counts},
        counts=counts,
        first={image.stream: image for image in _frame(frames[0], 0)},
        warnings=(f"{left_out} images have no partner of their name and are left out",)
        * bool(left_out),
        images=images,
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


def _frame(files: _Files, time_ns: int) -> list[RecordedImage]:
    """The images of a frame, labels first, so that a score is ready for them; colour last."""
    color = _read(files["color"], cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    images = [
        _image("depth", files["depth"], _depth(files["depth"]), "16UC1", time_ns),
        _image("color", files["color"], color, "bgr8", time_ns),
    ]
    if (path := files.get("labels")) is not None:
        labels = _labels(path, color.shape[:2])
        images.insert(0, _image("labels", path, labels, "mono8", time_ns))
    return images


def _depth(path: Path) -> NDArray[np.uint16]:
    depth = _read(path, cv2.IMREAD_UNCHANGED)
    if depth.dtype != np.uint16 or depth.ndim != 2:
        raise RecordingError(
            f"{path} is {_kind(depth)}, whose unit is unknown: "
            "depth must be 16-bit PNG with one channel in millimetres"
        )
    return depth


def _labels(path: Path, size: tuple[int, ...]) -> NDArray[np.uint8]:
    labels = _read(path, cv2.IMREAD_UNCHANGED)
    if labels.dtype != np.uint8 or labels.ndim != 2 or labels.shape != size:
        raise RecordingError(
            f"{path} is {_kind(labels)}, its colour image is {size[1]}x{size[0]}: labels must be "
            "8-bit PNG with one channel, as large as the colour image"
        )
    return labels


def _kind(image: NDArray[Any]) -> str:
    channels = 1 if image.ndim == 2 else image.shape[2]
    plural = "s" if channels > 1 else ""
    size = f"{image.shape[1]}x{image.shape[0]}"
    return f"{size}, {8 * image.dtype.itemsize}-bit with {channels} channel{plural}"


def _read(path: Path, flags: int) -> NDArray[Any]:
    image = cv2.imread(str(path), flags)
    if image is None:
        raise RecordingError(f"{path} is no image that OpenCV can read: replace or remove it")
    return image


def _image(
    stream: Stream, path: Path, array: NDArray[Any], encoding: str, time_ns: int
) -> RecordedImage:
    height, width = array.shape[:2]
    data = np.ascontiguousarray(array).view(np.uint8).reshape(-1)
    return RecordedImage(
        stream=stream,
        time_ns=time_ns,
        stamp_ns=time_ns,
        frame_id=_FRAME_ID,
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
