"""The pictures of one frame in the report: colour, depth, prediction, truth and error."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.evaluation.figures import percent
from asymformer_ros.evaluation.frame_row import PicturedFrame
from asymformer_ros.perception.frames import UNLABELLED
from asymformer_ros.perception.labels import LabelSpace
from asymformer_ros.perception.overlay import colorize, encode_jpeg

_WIDEST = 480
_MOST_NAMES = 12
_WRONG, _VOID = (225, 35, 35), (24, 26, 30)
# Near is bright. Its dark end is blue, so that black holes stand out.
_DEPTH_MAP = cv2.COLORMAP_PLASMA
# A few stray readings must not take the scale from all others.
_DEPTH_RANGE = (1.0, 99.0)

# Takes the pixel centres as INTER_AREA does.
_NEAREST = cv2.INTER_NEAREST_EXACT

_Pixel = TypeVar("_Pixel", np.uint8, np.float32)


@dataclass(frozen=True)
class Picture:
    """uri: a data URI. size: width and height. text: what it shows, for who cannot see it.

    scale: its ends in words, for depth.
    """

    kind: str
    uri: str
    size: tuple[int, int]
    text: str
    scale: tuple[str, str] | None = None


@dataclass(frozen=True)
class Depicted:
    """A frame with its pictures.

    classes: those of prediction and truth, the largest first. wrong: share of the labelled pixels.
    """

    frame: PicturedFrame
    pictures: tuple[Picture, ...]
    classes: tuple[int, ...]
    wrong: float | None


def depict(frame: PicturedFrame, space: LabelSpace) -> Depicted:
    """Make the pictures of a frame; those of truth and error only where there is truth."""
    images = [frame.labels] if frame.truth is None else [frame.labels, frame.truth]
    pixels = np.bincount(np.concatenate([one.ravel() for one in images]), minlength=256)
    known = pixels[: len(space.classes)]
    order = np.argsort(-known, kind="stable")[: np.count_nonzero(known)]
    pictures = tuple(_pictures(frame, space))
    return Depicted(frame, pictures, tuple(order.tolist()), _wrong(frame))


def depth_colors() -> list[str]:
    """The colours of the depth scale from near to far, #rrggbb."""
    steps = np.linspace(255, 0, 9).round().astype(np.uint8)
    return [f"#{r:02x}{g:02x}{b:02x}" for b, g, r in cv2.applyColorMap(steps, _DEPTH_MAP)[:, 0]]


def _pictures(frame: PicturedFrame, space: LabelSpace) -> Iterator[Picture]:
    rgb = _shrunk(frame.frame.rgb, cv2.INTER_AREA)
    labels = _shrunk(frame.labels, _NEAREST)
    yield _picture("colour", _jpeg(rgb), rgb, "the camera image")
    yield _depth_picture(frame.frame.depth_m)
    yield _label_picture("prediction", labels, space)
    if frame.truth is None:
        return
    truth = _shrunk(frame.truth, _NEAREST)
    yield _label_picture("truth", truth, space)
    error = _error(rgb, labels, truth)
    text = f"{percent(_wrong(frame), 1)} of the labelled pixels are wrong"
    yield _picture("error", _jpeg(error), error, text)


def _wrong(frame: PicturedFrame) -> float | None:
    """Of the frame as it came, not of the smaller picture."""
    if frame.truth is None or not (labelled := frame.truth != UNLABELLED).any():
        return None
    return float((frame.labels != frame.truth)[labelled].mean())


def _depth_picture(depth_m: NDArray[np.float32]) -> Picture:
    depth_m = _shrunk(depth_m, _NEAREST)
    valid = np.isfinite(depth_m)
    image = np.zeros((*depth_m.shape, 3), np.uint8)
    if not valid.any():
        return _picture("depth", _jpeg(image), image, "no reading at all")
    near, far = (float(end) for end in np.percentile(depth_m[valid], _DEPTH_RANGE))
    share = (np.where(valid, depth_m, near) - near) / max(far - near, 1e-6)
    shades = (255 * (1 - np.clip(share, 0, 1))).round().astype(np.uint8)
    colors = np.asarray(cv2.applyColorMap(shades, _DEPTH_MAP), np.uint8)[:, :, ::-1]
    image[valid] = colors[valid]
    ends = f"{near:.2f} m", f"{far:.2f} m"
    holes = percent(1 - np.count_nonzero(valid) / valid.size, 1)
    text = f"depth from {ends[0]} to {ends[1]}, {holes} without a reading"
    return _picture("depth", _jpeg(image), image, text, ends)


def _label_picture(kind: str, labels: NDArray[np.uint8], space: LabelSpace) -> Picture:
    image = colorize(labels, space.palette)
    pixels = np.bincount(labels.ravel(), minlength=256)[: len(space.classes)]
    largest = [k for k in np.argsort(-pixels, kind="stable").tolist() if pixels[k]]
    shares = [f"{space.classes[k]} {percent(pixels[k] / labels.size, 1)}" for k in largest]
    more = f" and {len(shares) - _MOST_NAMES} more" * (len(shares) > _MOST_NAMES)
    text = ", ".join(shares[:_MOST_NAMES]) + more
    # PNG: with JPEG the colours of classes would run into each other.
    return _picture(kind, _png(image), image, text or "unlabelled")


def _error(
    rgb: NDArray[np.uint8], labels: NDArray[np.uint8], truth: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Wrong pixels red over the grey camera image, void ones dark."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    image = cv2.cvtColor(cv2.addWeighted(grey, 0.6, grey, 0.0, 70.0), cv2.COLOR_GRAY2RGB)
    red = cv2.addWeighted(image, 0.3, np.full_like(image, _WRONG), 0.7, 0.0)
    void = truth == UNLABELLED
    error = np.where(((labels != truth) & ~void)[:, :, None], red, image).astype(np.uint8)
    error[void] = _VOID
    return error


def _shrunk(image: NDArray[_Pixel], interpolation: int) -> NDArray[_Pixel]:
    height, width = image.shape[:2]
    if width <= _WIDEST:
        return image
    size = _WIDEST, max(1, round(height * _WIDEST / width))
    return np.asarray(cv2.resize(image, size, interpolation=interpolation), image.dtype)


def _picture(
    kind: str,
    uri: str,
    image: NDArray[np.uint8],
    text: str,
    scale: tuple[str, str] | None = None,
) -> Picture:
    return Picture(kind, uri, (image.shape[1], image.shape[0]), text, scale)


def _jpeg(rgb: NDArray[np.uint8]) -> str:
    return _data_uri("image/jpeg", encode_jpeg(rgb))


def _png(rgb: NDArray[np.uint8]) -> str:
    _, file = cv2.imencode(".png", np.ascontiguousarray(rgb[:, :, ::-1]))
    return _data_uri("image/png", file.tobytes())


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
