"""JPEG and PNG files to arrays: what is read, and what is refused before memory is taken."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

import asymformer_ros
from asymformer_ros.perception.frames import FrameError
from asymformer_ros.perception.image_file import (
    MAX_PIXELS,
    decode_color_file,
    decode_depth_file,
    decode_grey_png,
    inspect_image_file,
)

GREY = np.add.outer(np.arange(24), np.arange(32)).astype(np.uint8)
RGB = np.dstack((GREY, 2 * GREY, 255 - GREY))
DEPTH = GREY.astype(np.uint16) * 300


def encoded(extension, array, *parameters):
    """The file of an array in OpenCV's order of channels."""
    return cv2.imencode(extension, np.ascontiguousarray(array), parameters)[1].tobytes()


def chunk(name, content):
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )


def png(width, height, bits, color, content, *chunks):
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(content))
    signature = b"\x89PNG\r\n\x1a\n"
    return b"".join((signature, chunk(b"IHDR", header), *chunks, body, chunk(b"IEND", b"")))


def jpeg_announcing(width, height):
    start = JPEG.index(b"\xff\xc0") + 5
    return JPEG[:start] + struct.pack(">HH", height, width) + JPEG[start + 4 :]


JPEG = encoded(".jpg", RGB[..., ::-1], cv2.IMWRITE_JPEG_QUALITY, 95)
PNG = encoded(".png", RGB[..., ::-1])
# A JPEG within a JPEG: its end must not be taken for that of the whole.
THUMBNAIL = b"\xff\xe1" + struct.pack(">H", 2 + len(JPEG)) + JPEG
ROTATED = b"\xff\xe1\x00\x22Exif\0\0II*\0\x08\0\0\0" + struct.pack(
    "<HHHIHHI", 1, 0x112, 3, 1, 6, 0, 0
)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (PNG, RGB),
        (encoded(".png", np.dstack((RGB[..., ::-1], GREY))), RGB),
        (encoded(".png", GREY), np.dstack((GREY,) * 3)),
        (png(2, 1, 8, 4, b"\0\x05\x80\x06\xff"), [[[5, 5, 5], [6, 6, 6]]]),
        (
            png(2, 1, 8, 3, b"\0\x01\x00", chunk(b"PLTE", bytes(range(6)))),
            [[[3, 4, 5], [0, 1, 2]]],
        ),
    ],
    ids=["colour", "alpha", "grey", "grey and alpha", "palette"],
)
def test_a_png_of_8_bits_comes_out_as_contiguous_rgb(data, expected):
    decoded = decode_color_file(data)

    np.testing.assert_array_equal(decoded, expected)
    assert decoded.flags.c_contiguous
    assert decoded.dtype == np.uint8


@pytest.mark.parametrize(
    "data",
    [
        JPEG,
        encoded(".jpg", RGB[..., ::-1], cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        JPEG[:2] + THUMBNAIL + JPEG[2:],
        JPEG + bytes(64),
    ],
    ids=["baseline", "progressive", "with a thumbnail", "padded"],
)
def test_a_jpeg_comes_out_as_rgb(data):
    decoded = decode_color_file(data)

    assert np.abs(decoded.astype(int) - RGB).mean() < 4
    assert decoded.shape == RGB.shape


def test_a_grey_jpeg_has_three_equal_channels():
    decoded = decode_color_file(encoded(".jpg", GREY))

    assert decoded.shape == (24, 32, 3)
    assert (decoded == decoded[..., :1]).all()


def test_the_orientation_noted_in_a_jpeg_is_not_applied():
    np.testing.assert_array_equal(
        decode_color_file(JPEG[:2] + ROTATED + JPEG[2:]), decode_color_file(JPEG)
    )


def test_a_png_of_one_16_bit_channel_is_depth():
    decoded = decode_depth_file(encoded(".png", DEPTH))

    np.testing.assert_array_equal(decoded, DEPTH)
    assert decoded.dtype == np.uint16


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (JPEG, "a JPEG of 3 x 8 bits holds no distances: subscribe to compressedDepth or raw"),
        (PNG, "a PNG of 3 x 8 bits holds no distances: subscribe to compressedDepth or raw"),
        (encoded(".png", np.dstack((DEPTH,) * 3)), "PNG of 3 x 16 bits .*, or are colour and dep"),
    ],
)
def test_a_file_without_distances_is_refused_as_depth(data, sentence):
    with pytest.raises(FrameError, match=sentence):
        decode_depth_file(data)


def test_the_values_of_a_grey_png_are_those_of_the_file():
    see_through = chunk(b"tRNS", b"\0\x05")

    for data, expected in (
        (encoded(".png", GREY), GREY),
        (encoded(".png", DEPTH), DEPTH),
        (png(2, 1, 8, 0, b"\0\x05\x06", see_through), np.array([[5, 6]], np.uint8)),
    ):
        decoded = decode_grey_png(data, (8, 16), "")
        np.testing.assert_array_equal(decoded, expected)
        assert decoded.dtype == expected.dtype


PALETTE = png(2, 1, 8, 3, b"\0\x01\x00", chunk(b"PLTE", bytes(range(6))))


@pytest.mark.parametrize(
    ("data", "bits", "what"),
    [
        (PNG, (8, 16), "PNG of 3 x 8 bits"),
        (JPEG, (8, 16), "JPEG of 3 x 8 bits"),
        (encoded(".jpg", GREY), (8, 16), "JPEG of 1 x 8 bits"),
        (PALETTE, (8, 16), "PNG of 1 x 8 bits with a palette"),
        (png(2, 1, 8, 4, b"\0\x05\x80\x06\xff"), (8, 16), "PNG of 2 x 8 bits"),
        (png(2, 1, 4, 0, b"\0\x12"), (8, 16), "PNG of 1 x 4 bits"),
        (encoded(".png", DEPTH), (8,), "PNG of 1 x 16 bits"),
        (encoded(".png", GREY), (16,), "PNG of 1 x 8 bits"),
    ],
)
def test_what_is_no_grey_png_of_those_bits_is_refused(data, bits, what):
    with pytest.raises(FrameError, match=f"^a {what} holds no classes: say so$"):
        decode_grey_png(data, bits, "classes: say so")


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (
            np.dstack((DEPTH,) * 3),
            "a PNG of 3 x 16 bits is not read as colour, .* 8 bits per channel$",
        ),
        (DEPTH, "are colour and depth swapped"),
    ],
)
def test_16_bits_are_refused_as_colour(array, sentence):
    with pytest.raises(FrameError, match=sentence):
        decode_color_file(encoded(".png", array))


@pytest.mark.parametrize("length", [3, 20, 200, len(JPEG) // 2, len(JPEG) - 2, len(JPEG) - 1])
@pytest.mark.parametrize("start", [b"", THUMBNAIL], ids=["plain", "with a thumbnail"])
def test_a_jpeg_without_its_end_is_refused(length, start):
    whole = JPEG[:2] + start + JPEG[2:]

    with pytest.raises(FrameError, match="the image is truncated"):
        decode_color_file(whole[: length + len(start)])


@pytest.mark.parametrize("length", [8, 20, 33, len(PNG) // 2, len(PNG) - 13])
def test_a_png_without_its_end_is_refused(length):
    with pytest.raises(FrameError, match="the image is truncated"):
        decode_color_file(PNG[:length])


@pytest.mark.parametrize("at", [20, 45, -20])
def test_a_damaged_png_is_refused(at):
    data = bytearray(PNG)
    data[at] ^= 0x40

    with pytest.raises(FrameError, match="PNG"):
        decode_color_file(bytes(data))


@pytest.mark.parametrize("data", [b"", b"II*\0\x10\0\0\0", b"\xff\xd8", bytes(99)])
def test_another_format_is_refused(data):
    with pytest.raises(FrameError, match="neither JPEG nor PNG: check the file, or the topic"):
        decode_color_file(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_the_largest_image_that_is_decoded_has_16_megapixels(kind):
    blank = np.zeros((4096, MAX_PIXELS // 4096), np.uint8)
    assert inspect_image_file(encoded(f".{kind}", blank)).width == 4096

    with pytest.raises(
        FrameError,
        match="announces 4097x4096 pixels, from 1 to 16777216 are decoded: check what made",
    ):
        inspect_image_file(
            png(4097, 4096, 8, 0, b"") if kind == "PNG" else jpeg_announcing(4097, 4096)
        )


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (png(0, 4, 8, 0, b""), "0x4"),
        (png(4, 0, 8, 0, b""), "4x0"),
        (jpeg_announcing(4, 0), "4x0"),
    ],
)
def test_an_image_without_pixels_is_refused(data, size):
    with pytest.raises(FrameError, match=f"announces {size} pixels"):
        inspect_image_file(data)


# The header's own frame is small, and one behind it is large.
HIDDEN = [
    png(4, 2, 8, 2, bytes(26), chunk(b"IHDR", struct.pack(">IIBBBBB", 4000, 4000, 8, 2, 0, 0, 0))),
    png(
        4,
        2,
        8,
        2,
        bytes(26),
        chunk(b"acTL", struct.pack(">II", 9, 0)),
        chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 4000, 4000, 0, 0, 1, 1, 0, 0)),
    ),
]
BOMBS = [
    *(png(60000, 60000, 8, 2, bytes(1000)), jpeg_announcing(60000, 60000)),
    *(png(4000, 4000, 8, 2, bytes(1000)), jpeg_announcing(4000, 4000)),
    *HIDDEN,
]
_DECODE = """
import contextlib, resource, sys
from asymformer_ros.perception.frames import FrameError
from asymformer_ros.perception.image_file import decode_color_file
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with contextlib.suppress(FrameError):  # before 4.11, OpenCV reads the still image of an animation
    assert decode_color_file(sys.stdin.buffer.read()).shape == (2, 4, 3)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("bomb", BOMBS, ids=range(len(BOMBS)))
def test_a_decompression_bomb_does_not_take_its_memory(bomb):
    assert len(bomb) < 2000
    package = Path(asymformer_ros.__file__).parents[1]

    taken_kib = subprocess.run(
        [sys.executable, "-c", _DECODE], input=bomb, capture_output=True, cwd=package, check=True
    ).stdout

    assert int(taken_kib) < 8 * 1024
