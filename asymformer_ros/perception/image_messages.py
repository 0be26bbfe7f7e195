"""Images as ROS messages hold them, raw or compressed, to arrays: from DDS and from bags alike.

Nothing is read before height, width, step and the amount of data are known to agree. The byte order
flag is believed for 16 and 32 bit alone: some drivers set it on 8-bit images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.perception.compressed_depth import (
    decode_compressed_depth,
    is_compressed_depth,
)
from asymformer_ros.perception.depth import to_metres
from asymformer_ros.perception.frames import FrameError
from asymformer_ros.perception.image_file import (
    decode_color_file,
    decode_depth_file,
    decode_label_file,
    to_rgb,
)


class RawImage(Protocol):
    """What is read of a sensor_msgs/Image."""

    @property
    def encoding(self) -> str:
        """One of sensor_msgs/image_encodings."""

    @property
    def height(self) -> int:
        """Rows."""

    @property
    def width(self) -> int:
        """Pixels of a row."""

    @property
    def step(self) -> int:
        """Bytes of a row."""

    @property
    def is_bigendian(self) -> Any:
        """Whether values of more than a byte are big-endian."""

    @property
    def data(self) -> Any:
        """A buffer of bytes."""


@runtime_checkable
class CompressedImage(Protocol):
    """What is read of a sensor_msgs/CompressedImage."""

    @property
    def format(self) -> str:
        """What image_transport says of the data."""

    @property
    def data(self) -> Any:
        """A buffer of bytes."""


ImageMessage: TypeAlias = "RawImage | CompressedImage"
#: Reads other encodings: a message and the encoding wanted ("passthrough": its own) to an array
#: [H, W] or [H, W, channels]; raises FrameError with half a sentence.
Converter: TypeAlias = Callable[[Any, str], NDArray[Any]]


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
    "mono8": ColorEncoding(1, cv2.COLOR_GRAY2RGB),
}
#: Depth encodings that the node reads, with their numpy type; units are those of REP 118.
DEPTH_ENCODINGS: Mapping[str, type[np.generic]] = {
    "16UC1": np.uint16,
    "mono16": np.uint16,
    "32FC1": np.float32,
}

_SWAPPED = "are the colour and depth topics swapped?"


def no_converter(message: Any, encoding: str) -> NDArray[Any]:
    """A Converter that reads nothing."""
    raise FrameError("or convert the images")


def decode_color(message: ImageMessage, convert: Converter = no_converter) -> NDArray[np.uint8]:
    """Colour image as contiguous uint8 [H, W, 3] in R, G, B order; raises FrameError.

    Shares the message's memory where rows are R, G, B and unpadded. What is not in COLOR_ENCODINGS,
    JPEG or PNG is left to `convert`.
    """
    if isinstance(message, CompressedImage):
        return _color_of_file(message)
    encoding = COLOR_ENCODINGS.get(message.encoding)
    if encoding is None:
        return _converted_color(message, convert)
    pixels = _view(message, "colour", np.dtype(np.uint8), encoding.channels)
    if encoding.to_rgb is not None:
        with _named("colour"):
            return to_rgb(pixels, encoding.to_rgb)
    return np.ascontiguousarray(pixels)


def decode_depth(message: ImageMessage, convert: Converter = no_converter) -> NDArray[np.float32]:
    """Depth image as float32 [H, W] in metres, NaN where there is no reading; raises FrameError.

    A CompressedImage is compressedDepth's, or a 16-bit PNG of millimetres.
    """
    if isinstance(message, CompressedImage):
        return _depth_of_file(message)
    kind = DEPTH_ENCODINGS.get(message.encoding)
    if kind is None:
        return _converted_depth(message, convert)
    dtype = np.dtype(kind).newbyteorder("big" if message.is_bigendian else "little")
    raw = _view(message, "depth", dtype, 1)[:, :, 0]
    return to_metres(np.ascontiguousarray(raw, dtype=kind))


def decode_labels(message: ImageMessage) -> NDArray[np.uint8]:
    """Class indices as contiguous uint8 [H, W]: mono8, 8UC1 or an 8-bit PNG; raises FrameError."""
    if isinstance(message, CompressedImage):
        with _named("labels"):
            return decode_label_file(bytes(message.data))
    if message.encoding not in ("mono8", "8UC1"):
        raise FrameError(f"labels: encoding {message.encoding!r} holds no classes: publish mono8")
    return np.ascontiguousarray(_view(message, "labels", np.dtype(np.uint8), 1)[:, :, 0])


def _color_of_file(message: CompressedImage) -> NDArray[np.uint8]:
    # The order of channels that some formats claim is passed over: files say it themselves.
    if message.format.partition(";")[0].strip() in DEPTH_ENCODINGS:
        raise FrameError(f"colour: format {message.format!r} is depth: {_SWAPPED}")
    with _named("colour"):
        return decode_color_file(bytes(message.data))


def _depth_of_file(message: CompressedImage) -> NDArray[np.float32]:
    data = bytes(message.data)
    with _named("depth"):
        if is_compressed_depth(message.format):
            return decode_compressed_depth(message.format, data)
        return to_metres(decode_depth_file(data))


def _converted_color(message: RawImage, convert: Converter) -> NDArray[np.uint8]:
    refused = f"colour: encoding {message.encoding!r} is not supported: "
    if message.encoding in DEPTH_ENCODINGS:
        raise FrameError(refused + _SWAPPED)
    _require_pixels(message, "colour")
    try:
        rgb = convert(message, "rgb8")
        if rgb.dtype != np.uint8 or rgb.shape[2:] != (3,):
            raise FrameError(f"cv_bridge made {rgb.dtype} {rgb.shape} of it")
    except FrameError as error:
        raise FrameError(f"{refused}publish {_listed(COLOR_ENCODINGS)}, {error}") from error
    return np.ascontiguousarray(rgb)


def _converted_depth(message: RawImage, convert: Converter) -> NDArray[np.float32]:
    _require_pixels(message, "depth")
    refusal = FrameError(
        f"depth: encoding {message.encoding!r} holds no distances that can be used: subscribe "
        f"to the driver's raw depth image ({_listed(DEPTH_ENCODINGS)}), "
        "not to a JPEG or coloured copy of it"
    )
    if message.encoding in COLOR_ENCODINGS:
        raise refusal
    try:
        raw = convert(message, "passthrough")
    except FrameError as error:
        raise refusal from error
    # REP 118 knows no unit for other integers, and single-channel ones may be Bayer patterns.
    if raw.ndim != 2 or raw.dtype.kind != "f":
        raise refusal
    return to_metres(raw.astype(np.float32))


@contextmanager
def _named(what: str) -> Iterator[None]:
    try:
        yield
    except FrameError as error:
        raise FrameError(f"{what}: {error}") from error


def _view(message: RawImage, what: str, dtype: np.dtype[Any], channels: int) -> NDArray[Any]:
    """[H, W, channels] on the message's own memory, after checking that it is all there."""
    label = _require_pixels(message, what)
    height, width, step = message.height, message.width, message.step
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


def _require_pixels(message: RawImage, what: str) -> str:
    """What the message is, for sentences about it; raises FrameError if it has no pixels."""
    label = f"{what}: {message.width}x{message.height} {message.encoding}"
    if message.height == 0 or message.width == 0:
        raise FrameError(f"{label} has no pixels: check the driver")
    return label


def _listed(encodings: Mapping[str, object]) -> str:
    *others, last = encodings
    return f"{', '.join(others)} or {last}"
