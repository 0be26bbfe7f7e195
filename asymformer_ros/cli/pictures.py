"""Pictures on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.files import write_atomically
from asymformer_ros.perception.frames import UNLABELLED
from asymformer_ros.perception.labels import LabelSpace
from asymformer_ros.perception.overlay import legend

# In one column it shows all classes that can have a thousandth of the pixels in practice.
_TALLEST_LEGEND = 24 * 64
_LEGEND_MARGIN = 5

Picture = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Write uint8 [H, W], or [H, W, 3] in R, G, B order, as PNG, whole or not at all.

    Raises OSError.
    """
    done, content = cv2.imencode(".png", image if image.ndim == 2 else image[:, :, ::-1])
    if not done:
        raise OSError(f"cannot encode {path}")
    write_atomically(path, content.tobytes())


def write_picture(path: Path, picture: Picture, space: LabelSpace) -> None:
    """Write the overlay with its legend as PNG."""
    write_png(path, _with_legend(picture, space))


def write_legend(path: Path, labels: NDArray[np.uint8], space: LabelSpace) -> None:
    """Write colour, name and share of the pixels of each class in view as PNG, largest first."""
    pixels = np.bincount(labels.reshape(-1), minlength=256)[: len(space.classes)]
    order = np.argsort(-pixels, kind="stable")
    places = np.full(256, UNLABELLED, np.uint8)
    places[order] = np.arange(len(order))
    names = tuple(f"{space.classes[k]}  {pixels[k] / labels.size:.1%}" for k in order)
    palette = np.zeros_like(space.palette)
    palette[: len(order)] = space.palette[order]
    # A row's shares are those of the image: repeated, they give the list the height it needs.
    tall = places[labels].repeat(-(-_TALLEST_LEGEND // labels.shape[0]), axis=0)
    drawn = legend(LabelSpace(space.name, names, palette), tall)
    used = np.flatnonzero((drawn < 255).any(axis=(1, 2)))
    write_png(path, drawn[: used[-1] + _LEGEND_MARGIN if used.size else None])


def write_clip(
    path: Path, pictures: Sequence[Picture], stamps_ns: Sequence[int], space: LabelSpace
) -> None:
    """Write the overlays with their legends as MP4, as fast as their stamps say."""
    span_s = (stamps_ns[-1] - stamps_ns[0]) / 1e9
    rate_hz = (len(pictures) - 1) / span_s if span_s > 0 else 1.0
    frames = [_with_legend(picture, space) for picture in pictures]
    width = max(frame.shape[1] for frame in frames)
    writer = cv2.VideoWriter(
        str(path),
        cv2.VideoWriter.fourcc(*"mp4v"),
        rate_hz,
        (width, frames[0].shape[0]),
    )
    if not writer.isOpened():
        raise OSError(f"cannot write {path}: not a writable place, or an OpenCV without MP4")
    for frame in frames:
        padded = np.full((frame.shape[0], width, 3), 255, np.uint8)
        padded[:, : frame.shape[1]] = frame
        writer.write(padded[:, :, ::-1])
    writer.release()


def _with_legend(picture: Picture, space: LabelSpace) -> NDArray[np.uint8]:
    overlay, labels = picture
    return np.hstack((overlay, legend(space, labels)))
