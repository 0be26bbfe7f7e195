"""Pictures of labels for people: colours, overlay and legend."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.perception.frames import UNLABELLED
from asymformer_ros.perception.labels import LabelSpace

_LEGEND_ROW = 24
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_SCALE = 0.5

# Half the size of image_transport's 95: an overlay is to be looked at.
_JPEG_QUALITY = 80


def colorize(labels: NDArray[np.uint8], palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Paint every pixel in the colour of its class.

    labels: uint8 [H, W]. palette: uint8 [256, 3]. Returns uint8 [H, W, 3] in the palette's channel
    order.
    """
    colors = np.empty((*labels.shape, 3), dtype=np.uint8)
    # Three times faster than palette.take(labels, axis=0), fourteen times than palette[labels].
    cv2.applyColorMap(labels, palette.reshape(256, 1, 3), dst=colors)
    return colors


def blend(
    rgb: NDArray[np.uint8],
    colors: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    alpha: float,
) -> NDArray[np.uint8]:
    """Lay class colours over the camera image; unlabelled pixels show the camera alone.

    rgb and colors (what `colorize` gave): uint8 [H, W, 3]. labels: uint8 [H, W]. alpha: weight of
    the class colours, 0..1. Returns a new uint8 [H, W, 3].
    """
    mixed = np.empty_like(colors)
    cv2.addWeighted(colors, alpha, rgb, 1.0 - alpha, 0.0, dst=mixed)
    # Not cv2.compare: with a scalar it takes 2 ms by way of float64.
    _, unlabelled = cv2.threshold(labels, UNLABELLED - 1, 255, cv2.THRESH_BINARY)
    cv2.copyTo(rgb, unlabelled, mixed)
    return mixed


def legend(label_space: LabelSpace, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Draw colour and name of each class in view, in class order, as tall as the label image.

    Classes on less than a thousandth of the pixels are left out.

    labels: uint8 [H, W]. Returns uint8 [H, W', 3] in R, G, B order, to be set beside the overlay;
    W' stays the same from frame to frame while the classes fit into one column.
    """
    pixels = np.bincount(labels.reshape(-1), minlength=256)[: len(label_space.classes)]
    in_view = np.nonzero(pixels * 1000 >= labels.size)[0].tolist()
    rows = max(1, labels.shape[0] // _LEGEND_ROW)
    columns = max(1, -(-len(in_view) // rows))
    column_width = 2 * _LEGEND_ROW + max(_text_width(name) for name in label_space.classes)
    image = np.full((labels.shape[0], columns * column_width, 3), 255, dtype=np.uint8)
    for position, index in enumerate(in_view):
        column, row = divmod(position, rows)
        left, top = column * column_width, row * _LEGEND_ROW
        colour = [int(value) for value in label_space.palette[index]]
        cv2.rectangle(image, (left + 4, top + 4), (left + 20, top + 20), colour, cv2.FILLED)
        baseline = (left + _LEGEND_ROW + 4, top + 17)
        name = label_space.classes[index]
        cv2.putText(image, name, baseline, _FONT, _FONT_SCALE, (0, 0, 0), 1, cv2.LINE_AA)
    return image


def encode_jpeg(rgb: NDArray[np.uint8]) -> bytes:
    """The JPEG file of an image, uint8 [H, W, 3] in R, G, B order, at most 65500 pixels a side."""
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    _, file = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return file.tobytes()


def _text_width(text: str) -> int:
    (width, _), _ = cv2.getTextSize(text, _FONT, _FONT_SCALE, 1)
    return width
