"""Pictures on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.files import write_atomically
from asymformer_ros.perception.labels import LabelSpace
from asymformer_ros.perception.overlay import legend

Picture = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Write uint8 [H, W, 3] in R, G, B order as PNG, whole or not at all; raises OSError."""
    done, content = cv2.imencode(".png", image[:, :, ::-1])
    if not done:
        raise OSError(f"cannot encode {path}")
    write_atomically(path, content.tobytes())


def write_picture(path: Path, picture: Picture, space: LabelSpace) -> None:
    """Write the overlay with its legend as PNG."""
    write_png(path, _with_legend(picture, space))


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
