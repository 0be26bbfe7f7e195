"""Depth as image_transport's compressedDepth sends it: PNG or RVL behind twelve bytes.

The format reads `16UC1; compressedDepth png`, `... rvl`, or, from older publishers, without the
codec or without both: PNG then. The data is int32 0, float32 A, float32 B, little-endian, and then
the PNG, or for RVL uint32 columns, uint32 rows and the stream. 16UC1 is millimetres; 32FC1 is an
inverse depth q of 16 bits: A / (q - B) metres, no reading where q is 0
(image_transport_plugins, compressed_depth_image_transport/src/codec.cpp).
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.perception.depth import to_metres
from asymformer_ros.perception.frames import FrameError
from asymformer_ros.perception.image_file import decode_depth_file, require_decodable_size
from asymformer_ros.perception.rvl import decode_rvl

_MILLIMETRES = ("16UC1", "mono16")
_INVERSE_DEPTH = "32FC1"
_PARAMETERS = struct.Struct("<iff")
_RVL_SIZE = struct.Struct("<II")


def is_compressed_depth(message_format: str) -> bool:
    """Whether a CompressedImage of this format comes from compressedDepth."""
    encoding, separator, transport = message_format.partition(";")
    if separator:
        return "compressedDepth" in transport.split()
    return encoding.strip() in (*_MILLIMETRES, _INVERSE_DEPTH)


def decode_compressed_depth(message_format: str, data: bytes) -> NDArray[np.float32]:
    """The distances of a compressedDepth message as float32 [H, W], metres, NaN for no reading.

    message_format: one that `is_compressed_depth`. Raises FrameError.
    """
    encoding, _, transport = message_format.partition(";")
    encoding = encoding.strip()
    if encoding not in (*_MILLIMETRES, _INVERSE_DEPTH):
        raise FrameError(f"compressedDepth of {encoding!r} is not known: publish 16UC1 or 32FC1")
    if len(data) < _PARAMETERS.size:
        raise FrameError(f"compressedDepth of {len(data)} bytes has no header: it is truncated")
    _, a, b = _PARAMETERS.unpack_from(data)
    values = _decode(transport.split()[1:], data[_PARAMETERS.size :])
    return to_metres(values) if encoding in _MILLIMETRES else _metres_of_inverse(values, a, b)


def _decode(codec: list[str], data: bytes) -> NDArray[np.uint16]:
    if codec in ([], ["png"]):
        return decode_depth_file(data)
    if codec != ["rvl"]:
        raise FrameError(f"compressedDepth {' '.join(codec)!r} is not known: publish png or rvl")
    if len(data) < _RVL_SIZE.size:
        raise FrameError("the RVL image ends before its size: it is truncated")
    columns, rows = _RVL_SIZE.unpack_from(data)
    require_decodable_size("RVL image", columns, rows)
    return decode_rvl(data[_RVL_SIZE.size :], rows * columns).reshape(rows, columns)


def _metres_of_inverse(q: NDArray[np.uint16], a: float, b: float) -> NDArray[np.float32]:
    if not (np.isfinite((a, b)).all() and a > 0):
        raise FrameError(f"compressedDepth was quantised with A = {a}, B = {b}: it is damaged")
    with np.errstate(divide="ignore", over="ignore"):
        metres = np.float32(a) / (q.astype(np.float32) - np.float32(b))
    metres[q == 0] = np.nan
    return to_metres(metres)
