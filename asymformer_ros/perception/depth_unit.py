"""Depth images of files, whose unit nothing in the file tells: it is declared, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.perception.depth import to_metres
from asymformer_ros.perception.frames import FrameError

_FLOATS = ("float16", "float32", "float64")
_WIDE = ("uint16", "int16", "uint32", "int32", "uint64", "int64", *_FLOATS)


@dataclass(frozen=True)
class DepthUnit:
    """metres = offset_m + metres_per_step * value.

    zero_is_hole: whether 0 means no reading. dtypes: the types of numbers that it is declared for.
    """

    name: str
    metres_per_step: float
    offset_m: float = 0.0
    zero_is_hole: bool = True
    dtypes: tuple[str, ...] = _WIDE

    def to_metres(self, raw: NDArray[Any]) -> NDArray[np.float32]:
        """Depth in metres, NaN = no reading: not finite, not above zero, or a hole; float32 [H, W].

        raw: [H, W] of one of `dtypes`. Raises FrameError.
        """
        if raw.ndim != 2:
            raise FrameError(f"depth is {raw.dtype} {raw.shape}: a depth image has one channel")
        if raw.dtype.name not in self.dtypes:
            raise FrameError(
                f"depth is {raw.dtype}, the unit {self.name} is for {', '.join(self.dtypes)}: "
                "declare its true unit, if need be as the metres of one step"
            )
        # In float64, so that millimetres become to the last bit what a driver's become.
        metres = raw.astype(np.float64) * self.metres_per_step + self.offset_m
        if self.zero_is_hole:
            metres[raw == 0] = np.nan
        with np.errstate(over="ignore"):  # beyond float32 is no reading, either
            return to_metres(metres.astype(np.float32))


#: Units by name; see `parse_depth_unit`.
DEPTH_UNITS: Mapping[str, DepthUnit] = {
    unit.name: unit
    for unit in (
        DepthUnit("mm", 0.001),
        DepthUnit("m", 1.0, dtypes=_FLOATS),
        # SUN RGB-D's PNGs hold millimetres rotated left by three bits (SUNRGBDtoolbox,
        # read3dPoints.m); AsymFormer's loader, as others, takes them as they are. From 8.192 m on,
        # beyond the sensors' range, the two differ.
        DepthUnit("sunrgbd", 0.001 / 8, dtypes=("uint16",)),
        DepthUnit("nyuv2-small", 1 / 25.5, 0.5 / 25.5, zero_is_hole=False, dtypes=("uint8",)),
    )
}


def parse_depth_unit(text: str) -> DepthUnit:
    """A unit by its name, or by the metres of one step, for example "0.0002"; raises ValueError."""
    if text in DEPTH_UNITS:
        return DEPTH_UNITS[text]
    try:
        step = float(text)
    except ValueError:
        step = 0.0
    if not 0 < step < 1000:
        raise ValueError(
            f"depth unit {text!r}: give one of {', '.join(DEPTH_UNITS)} or the metres of one "
            "step, for example 0.0002"
        )
    return DepthUnit(text, step, dtypes=("uint8", *_WIDE))
