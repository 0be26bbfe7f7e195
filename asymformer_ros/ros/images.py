"""sensor_msgs/Image to arrays and back, without cv_bridge.

Nothing is read before height, width, step and the amount of data are known to agree. The byte order
flag is believed for 16 and 32 bit alone: some drivers set it on 8-bit images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from asymformer_ros.perception.depth import to_metres
from asymformer_ros.perception.frames import FrameError


@dataclass(frozen=True)
class ColorEncoding:
    """How a colour encoding lies in memory: 8-bit channels and the way to R, G, B.

    to_rgb: cv2 conversion code, None where the bytes are R, G, B already.
    """

    channels: int
    to_rgb: int | None


#: Colour encodings that the node reads.
COLOR_ENCODINGS: Mapping[str, ColorEncoding] = {
    "rgb8": ColorEncoding(3, None),
    "bgr8": ColorEncoding(3, cv2.COLOR_BGR2RGB),
    "rgba8": ColorEncoding(4, cv2.COLOR_RGBA2RGB),
    "bgra8": ColorEncoding(4, cv2.COLOR_BGRA2RGB),
}
#: Depth encodings that the node reads, with their numpy type; units are those of REP 118.
DEPTH_ENCODINGS: Mapping[str, type[np.generic]] = {
    "16UC1": np.uint16,
    "mono16": np.uint16,
    "32FC1": np.float32,
}


def decode_color(message: Image) -> NDArray[np.uint8]:
    """Colour image as contiguous uint8 [H, W, 3] in R, G, B order.

    Shares the message's memory where rows are R, G, B and unpadded. Raises FrameError.
    """
    encoding = COLOR_ENCODINGS.get(message.encoding)
    if encoding is None:
        advice = (
            "are the colour and depth topics swapped?"
            if message.encoding in DEPTH_ENCODINGS
            else f"publish {_listed(COLOR_ENCODINGS)}"
        )
        raise FrameError(f"colour: encoding {message.encoding!r} is not supported: {advice}")
    pixels = _view(message, "colour", np.dtype(np.uint8), encoding.channels)
    if encoding.to_rgb is not None:
        return np.asarray(cv2.cvtColor(pixels, encoding.to_rgb), dtype=np.uint8)
    return np.ascontiguousarray(pixels)


def decode_depth(message: Image) -> NDArray[np.float32]:
    """Depth image as float32 [H, W] in metres, NaN where there is no reading; raises FrameError."""
    kind = DEPTH_ENCODINGS.get(message.encoding)
    if kind is None:
        raise FrameError(
            f"depth: encoding {message.encoding!r} holds no distances that can be used: subscribe "
            f"to the driver's raw depth image ({_listed(DEPTH_ENCODINGS)}), "
            "not to a JPEG or coloured copy of it"
        )
    dtype = np.dtype(kind).newbyteorder("big" if message.is_bigendian else "little")
    raw = _view(message, "depth", dtype, 1)[:, :, 0]
    return to_metres(np.ascontiguousarray(raw, dtype=kind))


def require_same_size(color: Image, depth: Image) -> None:
    """Raise FrameError with advice unless colour and depth have the same width and height."""
    if (color.width, color.height) != (depth.width, depth.height):
        raise FrameError(
            f"colour is {color.width}x{color.height} but depth is {depth.width}x{depth.height}: "
            "use the depth topic that the driver registers to colour "
            "(RealSense: align_depth.enable:=true, Orbbec: depth_registration:=true)"
        )


def stamp_ns(message: Image) -> int:
    """The message's stamp in nanoseconds."""
    stamp = message.header.stamp
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def to_message(header: Header, array: NDArray[Any], encoding: str) -> Image:
    """Image message of an array [H, W] or [H, W, channels], with the given header itself.

    array: of the encoding's own type, in this machine's byte order; copied once.
    """
    height, width = array.shape[:2]
    message = Image(header=header, height=height, width=width, encoding=encoding)
    message.step = array.nbytes // height
    # Filling the message's own array takes 0.02 ms; assigning an ndarray takes 40.
    message.data.frombytes(np.ascontiguousarray(array).view(np.uint8).data)
    return message


def _view(message: Image, what: str, dtype: np.dtype[Any], channels: int) -> NDArray[Any]:
    """[H, W, channels] on the message's own memory, after checking that it is all there."""
    height, width, step = message.height, message.width, message.step
    label = f"{what}: {width}x{height} {message.encoding}"
    if height == 0 or width == 0:
        raise FrameError(f"{label} has no pixels: check the driver")
    row = width * channels * dtype.itemsize
    if step < row:
        raise FrameError(f"{label} needs step >= {row}, got {step}")
    needed = step * (height - 1) + row
    if len(message.data) < needed:
        raise FrameError(
            f"{label} with step {step} needs {needed} bytes, got {len(message.data)}: "
            "the image is truncated"
        )
    strides = (step, channels * dtype.itemsize, dtype.itemsize)
    return np.ndarray((height, width, channels), dtype, buffer=message.data, strides=strides)


def _listed(encodings: Mapping[str, object]) -> str:
    *others, last = encodings
    return f"{', '.join(others)} or {last}"
