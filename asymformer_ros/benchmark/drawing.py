"""What pictures of figures are drawn with."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Color = tuple[int, int, int]

INK, GREY, LINE, PAPER = (32, 36, 42), (110, 118, 128), (226, 229, 233), (255, 255, 255)
# Okabe and Ito's colours, told apart by colour-blind readers too.
ORANGE, BLUE, PURPLE, GREEN = (230, 159, 0), (0, 114, 178), (204, 121, 167), (0, 158, 115)

_FONT = cv2.FONT_HERSHEY_DUPLEX
_AXIS_TEXT = 0.6
# Points of cv2.polylines in sixteenths of a pixel.
_SHIFT = 4


def canvas(width: int, height: int) -> NDArray[np.uint8]:
    """White paper: uint8 [height, width, 3]."""
    return np.full((height, width, 3), PAPER, dtype=np.uint8)


def text(
    image: NDArray[np.uint8], words: str, origin: tuple[int, int], size: float, color: Color
) -> None:
    """Write at the left end of the baseline."""
    cv2.putText(image, words, origin, _FONT, size, color, 1, cv2.LINE_AA)


def text_width(words: str, size: float) -> int:
    """Pixels that the words take."""
    (width, _), _ = cv2.getTextSize(words, _FONT, size, 1)
    return width


def text_right(
    image: NDArray[np.uint8], words: str, origin: tuple[int, int], size: float, color: Color
) -> None:
    """Write so that the words end at the origin."""
    left = origin[0] - text_width(words, size)
    text(image, words, (left, origin[1]), size, color)


def tick(longest: float) -> float:
    """A round step that divides an axis of that length into three to eight parts."""
    power = 10.0 ** np.floor(np.log10(longest))
    return float(next(p * power for p in (0.2, 0.25, 0.5, 1.0, 2.0) if longest / (p * power) <= 6))


@dataclass(frozen=True)
class Axes:
    """A frame for curves. box: left, top, right, bottom in pixels; x, y: values at its ends."""

    box: tuple[int, int, int, int]
    x: tuple[float, float]
    y: tuple[float, float]

    def draw(self, image: NDArray[np.uint8], x_name: str, y_name: str) -> None:
        """Grid lines with their values, and what the axes are, with units."""
        left, top, right, bottom = self.box
        for value in _ticks(*self.y):
            _, row = self.at(self.x[0], value)
            cv2.line(image, (left, row), (right, row), LINE, 2)
            text_right(image, f"{value:g}", (left - 10, row + 7), _AXIS_TEXT, GREY)
        for value in _ticks(*self.x):
            column, _ = self.at(value, self.y[0])
            cv2.line(image, (column, bottom), (column, bottom + 6), GREY, 1)
            words = f"{value:g}"
            half = text_width(words, _AXIS_TEXT) // 2
            text(image, words, (column - half, bottom + 28), _AXIS_TEXT, GREY)
        cv2.line(image, (left, bottom), (right, bottom), GREY, 1)
        text(image, y_name, (left, top - 14), _AXIS_TEXT, GREY)
        text_right(image, x_name, (right, bottom + 56), _AXIS_TEXT, GREY)

    def at(self, x: float, y: float) -> tuple[int, int]:
        """Column and row of a point."""
        column, row = self._exact(np.array([x]), np.array([y]))[0]
        return round(float(column)), round(float(row))

    def curve(
        self,
        image: NDArray[np.uint8],
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        color: Color,
        thickness: int = 2,
    ) -> None:
        """Join the points by a line."""
        points = np.rint(self._exact(x, y) * 2**_SHIFT).astype(np.int32)
        cv2.polylines(image, [points], False, color, thickness, cv2.LINE_AA, _SHIFT)

    def dots(
        self,
        image: NDArray[np.uint8],
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        color: Color,
        radius: int = 3,
    ) -> None:
        """Mark each point."""
        for column, row in self._exact(x, y):
            cv2.circle(image, (round(column), round(row)), radius, color, cv2.FILLED, cv2.LINE_AA)

    def _exact(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        left, top, right, bottom = self.box
        columns = left + (x - self.x[0]) / (self.x[1] - self.x[0]) * (right - left)
        rows = bottom - (y - self.y[0]) / (self.y[1] - self.y[0]) * (bottom - top)
        return np.stack([columns, rows], axis=-1)


def _ticks(low: float, high: float) -> list[float]:
    step = tick(high - low)
    first, last = int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9))
    return [number * step for number in range(first, last + 1)]
