"""JPEG and PNG, of messages and of files: what they announce is checked, then decoded.

A damaged or hostile file is refused from its header, before memory is taken for what it announces.
Damage inside the compressed pixels of a JPEG is not seen: the format has no checksum.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.perception.frames import FrameError

#: The largest image that is decoded, 4096 x 4096; Azure Kinect's colour has 12.6 million pixels.
MAX_PIXELS = 4096 * 4096

_JPEG = b"\xff\xd8\xff"
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PNG_PALETTE = 3
# At best: bytes for a byte of file (zlib's technical details), pixels (a block) for a bit of file.
_DEFLATE_RATIO = 1032
_JPEG_BLOCK = 64
# Marker and length; markers without a length do not come before the first scan.
_SEGMENT = re.compile(rb"\xff+([^\xff\x00])(..)", re.DOTALL)
_FRAME_MARKERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN = 0xDA
_END_OF_IMAGE = b"\xff\xd9"


@dataclass(frozen=True)
class ImageFile:
    """What a file's header announces.

    kind: JPEG or PNG. bits: per channel. least_bytes: a file of this size has at least so many.
    has_palette: pixels are indices of colours.
    """

    kind: str
    width: int
    height: int
    channels: int
    bits: int
    least_bytes: int
    has_palette: bool = False

    def __str__(self) -> str:
        palette = " with a palette" if self.has_palette else ""
        return f"{self.kind} of {self.channels} x {self.bits} bits{palette}"


def decode_color_file(data: bytes) -> NDArray[np.uint8]:
    """A JPEG or an 8-bit PNG, with or without colour or alpha, as uint8 [H, W, 3] R, G, B.

    An orientation noted in the file is not applied: the camera's calibration is for the pixels as
    they are stored. Raises FrameError.
    """
    file = inspect_image_file(data)
    if file.bits > 8:
        raise FrameError(
            f"a {file} is not read as colour, which has 8 bits per channel"
            + (": are colour and depth swapped?" if file.channels == 1 else "")
        )
    shape = file.height, file.width, 3
    return to_rgb(decode_pixels(data, file.kind, cv2.IMREAD_COLOR, shape), cv2.COLOR_BGR2RGB)


def decode_depth_file(data: bytes) -> NDArray[np.uint16]:
    """A PNG of one 16-bit channel as uint16 [H, W]; raises FrameError."""
    advice = "subscribe to compressedDepth or raw, or are colour and depth swapped?"
    return decode_grey_png(data, (16,), f"distances: {advice}")


def decode_label_file(data: bytes) -> NDArray[np.uint8]:
    """A PNG of one 8-bit channel without a palette as uint8 [H, W]; raises FrameError."""
    return decode_grey_png(data, (8,), "class indices: labels are 8-bit grey PNG, 255 = void")


def decode_grey_png(data: bytes, bits: Sequence[int], content: str) -> NDArray[Any]:
    """The values of a PNG of one channel, uint8 or uint16 [H, W].

    bits: 8, 16 or both: of fewer OpenCV scales the values, of a palette it tells the colours.
    content: what another PNG does not hold, and advice. Raises FrameError.
    """
    file = inspect_image_file(data)
    if (file.kind, file.channels) != ("PNG", 1) or file.has_palette or file.bits not in bits:
        raise FrameError(f"a {file} holds no {content}")
    dtype = np.uint8 if file.bits == 8 else np.uint16
    shape = file.height, file.width
    return decode_pixels(data, file.kind, cv2.IMREAD_ANYDEPTH, shape, dtype)


def to_rgb(pixels: NDArray[np.uint8], code: int) -> NDArray[np.uint8]:
    """Pixels uint8 [H, W, channels] as contiguous R, G, B by OpenCV's code; raises FrameError."""
    try:
        return np.asarray(cv2.cvtColor(pixels, code), dtype=np.uint8)
    except cv2.error as error:  # OpenCV 4.5.4 does on an image of one pixel.
        height, width = pixels.shape[:2]
        raise FrameError(f"OpenCV cannot convert the colours of {width}x{height} pixels") from error


def decode_pixels(
    data: bytes, kind: str, flags: int, shape: tuple[int, ...], dtype: type[np.generic] = np.uint8
) -> NDArray[Any]:
    """What OpenCV makes of a file by its IMREAD flags; raises FrameError unless it is of a shape.

    To be called when the file's header was found to announce no more than that.
    """
    refusal = FrameError(f"the {kind} cannot be decoded: it is damaged")
    try:
        pixels = np.frombuffer(data, np.uint8)
        array = cv2.imdecode(pixels, flags | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        raise refusal from error
    if array is None or array.shape != shape or array.dtype != dtype:
        raise refusal
    return np.asarray(array)


def inspect_image_file(data: bytes) -> ImageFile:
    """What the file announces, after checking that it can hold it and that its end is there.

    Raises FrameError for another format, a size of 0 or above MAX_PIXELS, and a truncated file.
    """
    if data.startswith(_PNG):
        file = _inspect_png(data)
    elif data.startswith(_JPEG):
        file = _inspect_jpeg(data)
    else:
        beginning = f"begins with {data[:8].hex(' ')!r}" if data else "is empty"
        raise FrameError(
            f"the data {beginning}, which is neither JPEG nor PNG: "
            "check the file, or the topic and its image_transport format"
        )
    require_decodable_size(file.kind, file.width, file.height)
    if len(data) < file.least_bytes:
        raise FrameError(
            f"the {file.kind} announces {file.width}x{file.height} pixels in {len(data)} bytes: "
            "it is damaged"
        )
    return file


def require_decodable_size(kind: str, width: int, height: int) -> None:
    """Raise FrameError unless an image has pixels and at most MAX_PIXELS of them."""
    if not 0 < width * height <= MAX_PIXELS:
        raise FrameError(
            f"the {kind} announces {width}x{height} pixels, from 1 to {MAX_PIXELS} are decoded: "
            "check what made it"
        )


def _inspect_png(data: bytes) -> ImageFile:
    try:
        length, name, width, height, bits, color = struct.unpack_from(">I4sIIBB", data, len(_PNG))
    except struct.error as error:
        raise FrameError("the PNG ends in its header: the image is truncated") from error
    if (length, name) != (13, b"IHDR") or color not in _PNG_CHANNELS or bits > 16:
        raise FrameError("the PNG has no valid header: it is damaged")
    channels = _PNG_CHANNELS[color]
    least_bytes = width * height * channels * bits // (8 * _DEFLATE_RATIO)
    has_palette = color == _PNG_PALETTE
    file = ImageFile("PNG", width, height, channels, bits, least_bytes, has_palette)
    position = len(_PNG)
    while position + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        if name == b"IEND":
            return file
        position += 12 + int(length)
    raise FrameError("the PNG has no end: the image is truncated")


def _inspect_jpeg(data: bytes) -> ImageFile:
    file = None
    position = 2
    while segment := _SEGMENT.match(data, position):
        marker, body = segment[1][0], segment.end()
        if marker == _START_OF_SCAN:
            # After the first scan's header: the end of an embedded thumbnail comes before it.
            if file is None or data.rfind(_END_OF_IMAGE, body) < 0:
                break
            return file
        if marker in _FRAME_MARKERS and len(data) >= body + 6:
            bits, height, width, channels = struct.unpack_from(">BHHB", data, body)
            least_bytes = width * height // (8 * _JPEG_BLOCK)
            file = ImageFile("JPEG", width, height, channels, bits, least_bytes)
        position = segment.start(2) + int.from_bytes(segment[2], "big")
    raise FrameError("the JPEG has no frame header, no scan or no end: the image is truncated")
