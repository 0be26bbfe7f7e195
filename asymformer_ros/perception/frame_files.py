"""A colour and a depth image of two files as one frame, or a sentence that says why not."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.perception.depth_unit import DEPTH_UNITS, DepthUnit
from asymformer_ros.perception.frames import FrameError, RgbdFrame
from asymformer_ros.perception.image_file import (
    decode_color_file,
    decode_grey_png,
    decode_label_file,
    decode_pixels,
    inspect_image_file,
    require_decodable_size,
    to_rgb,
)

# The unit of a depth image by its type of numbers, as REP 118 has it; the other types have none.
_UNITS_OF_REP_118 = {"uint16": DEPTH_UNITS["mm"], "float32": DEPTH_UNITS["m"]}

_BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"RIFF": "WebP",
    b"\x93NUMPY": "npy",
}
_SWAPPED = "are colour and depth swapped?"


def read_frame(color: Path, depth: Path, unit: DepthUnit | None = None) -> RgbdFrame:
    """Read a pair of registered images.

    color: PNG, JPEG or WebP, or .npy of uint8 [H, W, 3] in R, G, B order. depth: grey PNG or .npy
    [H, W]. unit: of the depth. Without one REP 118 says it: uint16, so 16-bit PNG, is millimetres
    and float32 is metres; all else is refused. Raises FrameError.
    """
    rgb, depth_m = read_color(color), read_depth(depth, unit)
    if rgb.shape[:2] != depth_m.shape:
        sizes = [f"{image.shape[1]}x{image.shape[0]}" for image in (rgb, depth_m)]
        raise FrameError(
            f"{color} is {sizes[0]} but {depth} is {sizes[1]}: register the depth to the colour "
            "image first, as the camera's driver can, or the node from both calibrations"
        )
    return RgbdFrame(rgb, depth_m)


def read_color(path: Path) -> NDArray[np.uint8]:
    """A colour image, uint8 [H, W, 3] in R, G, B order; see `read_frame`."""
    with _named(path):
        kind = _kind(path)
        if kind == "npy":
            return _rgb_of_array(_read_npy(path))
        data = path.read_bytes()
        return _decode_webp(data) if kind == "WebP" else decode_color_file(data)


def read_depth(path: Path, unit: DepthUnit | None) -> NDArray[np.float32]:
    """A depth image in metres, float32 [H, W], NaN = no reading; see `read_frame`."""
    with _named(path):
        kind = _kind(path)
        if kind not in ("npy", "PNG"):
            raise FrameError(
                f"a {kind} holds no distances, depth is 16-bit PNG or .npy; {_SWAPPED}"
            )
        raw = _read_npy(path) if kind == "npy" else _decode_depth(path, (8, 16))
        if raw.ndim != 2:
            raise FrameError(f"depth is [H, W], this is {list(raw.shape)}: {_SWAPPED}")
        known = unit or _UNITS_OF_REP_118.get(raw.dtype.name)
        if known is None:
            fitting = [name for name, one in DEPTH_UNITS.items() if raw.dtype.name in one.dtypes]
            raise FrameError(
                f"nothing says the unit of {raw.dtype} depth, as REP 118 does of uint16 and "
                f"float32: declare it, {', '.join(fitting)} or the metres of one step"
            )
        return known.to_metres(raw)


def read_millimetres(path: Path) -> NDArray[np.uint16]:
    """The values of a 16-bit PNG of depth, uint16 [H, W]; raises FrameError."""
    with _named(path):
        return _decode_depth(path, (16,))


def read_labels(path: Path) -> NDArray[np.uint8]:
    """The class indices of an 8-bit grey PNG, uint8 [H, W], 255 = void; raises FrameError."""
    with _named(path):
        return decode_label_file(path.read_bytes())


def read_size(path: Path) -> tuple[int, int]:
    """Height and width that an image file announces; raises FrameError."""
    with _named(path):
        data = path.read_bytes()
        if _kind(path) == "WebP":
            width, height = _webp_size(data)
            return height, width
        file = inspect_image_file(data)
        return file.height, file.width


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """What is wrong is said of that file."""
    try:
        yield
    except FrameError as error:
        raise FrameError(f"{path}: {error}") from error
    except OSError as error:
        raise FrameError(f"{path}: it cannot be read: {error.strerror}") from error


def _kind(path: Path) -> str:
    """PNG, JPEG, WebP or npy by the file's first bytes, whatever its name ends in."""
    if path.is_dir():
        raise FrameError(
            "this is a folder: give one image, or the folder to `asymformer evaluate bag`"
        )
    if not path.is_file():
        raise FrameError("there is no such file: check the path")
    with path.open("rb") as file:
        beginning = file.read(max(map(len, _BEGINNINGS)))
    for magic, kind in _BEGINNINGS.items():
        if beginning.startswith(magic):
            return kind
    raise FrameError(
        f"{'no' if beginning else 'an empty file, no'} PNG, JPEG, WebP or .npy: convert it"
    )


def _read_npy(path: Path) -> NDArray[Any]:
    """The numbers of a .npy file; takes no memory for what the file only announces."""
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # the header is Python: what reading it raises has no bounds
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise FrameError(f"a .npy file that is damaged or holds no numbers: {reason}") from error
    if array.ndim not in (2, 3) or array.dtype.kind not in "uif":
        raise FrameError(f"{array.dtype} {list(array.shape)} is no image")
    require_decodable_size("array", array.shape[1], array.shape[0])
    return np.array(array)


def _rgb_of_array(array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8:
        raise FrameError(
            f"colour is uint8 [H, W, 3] in R, G, B order, this is {array.dtype} "
            f"{list(array.shape)}: {_SWAPPED if array.ndim == 2 else 'convert it'}"
        )
    return np.ascontiguousarray(array)


def _decode_depth(path: Path, bits: Sequence[int]) -> NDArray[Any]:
    return decode_grey_png(path.read_bytes(), bits, f"distances, 16-bit grey PNG does: {_SWAPPED}")


def _decode_webp(data: bytes) -> NDArray[np.uint8]:
    width, height = _webp_size(data)
    require_decodable_size("WebP", width, height)
    bgr = decode_pixels(data, "WebP", cv2.IMREAD_COLOR, (height, width, 3))
    return to_rgb(bgr, cv2.COLOR_BGR2RGB)


def _webp_size(data: bytes) -> tuple[int, int]:
    """Width and height that the header announces (RFC 9649, section 2)."""
    chunk = data[12:16] if data[8:12] == b"WEBP" else b""
    try:
        if chunk == b"VP8 ":
            width, height = struct.unpack_from("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
        if chunk == b"VP8L":
            (bits,) = struct.unpack_from("<I", data, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        if chunk == b"VP8X":
            wide, wider, high, higher = struct.unpack_from("<HBHB", data, 24)
            return wide + (wider << 16) + 1, high + (higher << 16) + 1
    except struct.error as error:
        raise FrameError("the WebP ends in its header: it is truncated") from error
    raise FrameError("the WebP has no valid header: it is damaged")
