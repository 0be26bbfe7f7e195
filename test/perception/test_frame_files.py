"""A pair of image files as one frame: what is read, and which sentence refuses what is not."""

from __future__ import annotations

import pickle
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asymformer_ros.perception.depth_unit import DEPTH_UNITS, parse_depth_unit
from asymformer_ros.perception.frame_files import read_color, read_depth, read_frame
from asymformer_ros.perception.frames import FrameError

GREY = np.add.outer(np.arange(24), np.arange(32)).astype(np.uint8)
RGB = np.dstack((GREY, 2 * GREY, 255 - GREY))
MILLIMETRES = GREY.astype(np.uint16) * 100
METRES = np.where(GREY == 0, np.nan, MILLIMETRES / 1000).astype(np.float32)


def write(path, image, *parameters):
    """Write an array in the format of the name's ending; colours are R, G, B."""
    if path.suffix == ".npy":
        np.save(path, image)
    else:
        array = np.ascontiguousarray(image[..., ::-1] if image.ndim == 3 else image)
        assert cv2.imwrite(str(path), array, parameters)
    return path


def chunk(name, content):
    body = name + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def png(width, height, bits, color, content, *chunks):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(content))
    return b"".join((b"\x89PNG\r\n\x1a\n", header, *chunks, body, chunk(b"IEND", b"")))


def npy_announcing(shape, kind="|u1"):
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header + b"\n"


def webp(image, quality=101):
    """The file of R, G, B or R, G, B, A; quality 101 is without loss."""
    code = cv2.COLOR_RGBA2BGRA if image.shape[2] == 4 else cv2.COLOR_RGB2BGR
    bgr = cv2.cvtColor(image, code)
    return cv2.imencode(".webp", bgr, [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()


@pytest.mark.parametrize("name", ["color.png", "color.npy"])
def test_colour_is_read_in_the_order_red_green_blue(tmp_path, name):
    np.testing.assert_array_equal(read_color(write(tmp_path / name, RGB)), RGB)


def test_a_jpeg_is_read(tmp_path):
    path = write(tmp_path / "color.jpg", RGB, cv2.IMWRITE_JPEG_QUALITY, 100)
    assert np.abs(read_color(path).astype(int) - RGB).mean() < 3


@pytest.mark.parametrize("kind", [b"VP8 ", b"VP8L", b"VP8X"])
def test_every_kind_of_webp_is_read(tmp_path, kind):
    half_clear = np.dstack((RGB, np.where(GREY < 20, 128, 255).astype(np.uint8)))
    data = {b"VP8 ": webp(RGB, 95), b"VP8L": webp(RGB), b"VP8X": webp(half_clear, 95)}[kind]
    assert data[12:16] == kind
    (tmp_path / "color.webp").write_bytes(data)
    rgb = read_color(tmp_path / "color.webp")
    assert rgb.shape == RGB.shape
    assert np.abs(rgb.astype(int) - RGB).mean() < 12


def test_grey_colour_and_columns_first_are_read(tmp_path):
    grey = read_color(write(tmp_path / "grey.png", GREY))
    columns_first = read_color(write(tmp_path / "color.npy", np.asfortranarray(RGB)))
    np.testing.assert_array_equal(grey, np.dstack((GREY,) * 3))
    np.testing.assert_array_equal(columns_first, RGB)
    assert columns_first.flags.c_contiguous


def test_the_format_is_that_of_the_content_whatever_the_name(tmp_path):
    write(tmp_path / "color.png", RGB).rename(tmp_path / "color.jpg")
    np.testing.assert_array_equal(read_color(tmp_path / "color.jpg"), RGB)


@pytest.mark.parametrize(
    ("name", "raw", "unit"),
    [
        ("depth.png", MILLIMETRES, ""),
        ("depth.npy", MILLIMETRES, ""),
        ("depth.npy", METRES, ""),
        ("depth.npy", METRES.astype(">f4"), ""),
        ("depth.npy", METRES.astype(np.float64), "m"),
        ("depth.npy", MILLIMETRES.astype(np.int64), "mm"),
        ("depth.png", MILLIMETRES * 5, "0.0002"),
        ("depth.png", GREY, "0.1"),
        ("depth.npy", GREY, "0.1"),
    ],
)
def test_depth_is_in_metres_by_the_declared_unit_or_by_rep_118(tmp_path, name, raw, unit):
    declared = parse_depth_unit(unit) if unit else None
    depth_m = read_depth(write(tmp_path / name, raw), declared)
    np.testing.assert_allclose(depth_m, METRES, rtol=1e-6)
    assert depth_m.dtype == np.float32


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint32, np.float16, np.float64])
def test_the_unit_of_other_numbers_is_not_guessed(tmp_path, dtype):
    path = write(tmp_path / "depth.npy", GREY.astype(dtype))
    with pytest.raises(FrameError, match=f"says the unit of {np.dtype(dtype)} depth.*: declare it"):
        read_depth(path, None)


def test_a_unit_that_does_not_fit_is_refused_with_the_file(tmp_path):
    path = write(tmp_path / "depth.png", GREY)
    with pytest.raises(FrameError, match=r"depth\.png: depth is uint8, the unit mm is for uint16"):
        read_depth(path, DEPTH_UNITS["mm"])


def test_a_pair_is_a_frame(tmp_path):
    color, depth = write(tmp_path / "c.png", RGB), write(tmp_path / "d.png", MILLIMETRES)
    frame = read_frame(color, depth)
    np.testing.assert_array_equal(frame.rgb, RGB)
    np.testing.assert_array_equal(frame.depth_m, METRES)


def test_sizes_that_differ_propose_registration(tmp_path):
    color, depth = write(tmp_path / "c.png", RGB), write(tmp_path / "d.png", MILLIMETRES[:12])
    with pytest.raises(FrameError, match=r"c\.png is 32x24 but .*d\.png is 32x12: register the"):
        read_frame(color, depth)


@pytest.mark.parametrize(
    ("read", "name", "image"),
    [
        ("color", "x.png", MILLIMETRES),
        ("color", "x.npy", METRES),
        ("depth", "x.png", RGB),
        ("depth", "x.npy", RGB),
        ("depth", "x.jpg", RGB),
    ],
)
def test_swapped_files_are_recognised(tmp_path, read, name, image):
    path = write(tmp_path / name, image)
    with pytest.raises(FrameError, match=r"x\.\w+: .*are colour and depth swapped\?$"):
        read_color(path) if read == "color" else read_depth(path, DEPTH_UNITS["mm"])


PNG_16 = png(2, 1, 16, 0, b"\0\x01\x00\x02\x00")
LOSSY, LOSSLESS = webp(RGB, 95), webp(RGB)
REFUSED_COLOR = [
    (b"", "an empty file, no PNG"),
    (b"II*\0\x10\0\0\0", "no PNG, JPEG, WebP or .npy"),
    (png(2, 1, 16, 2, bytes(13)), "a PNG of 3 x 16 bits is not read as colour"),
    (png(9, 9, 8, 2, bytes(252))[:-12], "the PNG has no end"),
    (png(60000, 60000, 8, 2, bytes(100)), "announces 60000x60000 pixels"),
    (npy_announcing((2, 2, 4)) + bytes(16), r"this is uint8 \[2, 2, 4\]: convert it"),
    (npy_announcing((2, 2, 3), "<f4") + bytes(48), r"this is float32 \[2, 2, 3\]: convert it"),
    (b"RIFF\x10\0\0\0WAVEfmt ", "the WebP has no valid header"),
    (LOSSY[:27], "the WebP ends in its header"),
    (LOSSY[:90], "the WebP cannot be decoded"),
    (LOSSLESS[:21] + b"\xff\xff\xff\x0f" + LOSSLESS[25:], "announces 16384x16384 pixels"),
    (LOSSY[:26] + b"\xff\x3f\xff\x3f" + LOSSY[30:], "announces 16383x16383 pixels"),
]
REFUSED_DEPTH = [
    (npy_announcing((2, 2), "|O") + pickle.dumps([1]), "damaged or holds no numbers"),
    (npy_announcing((2, 2), "<c8") + bytes(32), "complex64.* is no image"),
    (npy_announcing((2,), "<u2") + bytes(4), r"uint16 \[2\] is no image"),
    (npy_announcing((2, 2, 1), "<u2") + bytes(8), r"depth is \[H, W\], this is \[2, 2, 1\]"),
    (npy_announcing((100000, 100000), "<u2") + bytes(8), "damaged or holds no numbers"),
    (npy_announcing((2, 0), "<u2"), "damaged or holds no numbers|announces 0x2 pixels"),
    (npy_announcing((2, 2), "<u2") + bytes(3), "damaged or holds no numbers"),
    (b"\x93NUMPY\x01\x00\xff", "damaged or holds no numbers"),
    (PNG_16[:-12], "the PNG has no end"),
    (png(2, 1, 4, 0, b"\0\x12"), "a PNG of 1 x 4 bits holds no distances"),
    (png(2, 1, 8, 3, bytes(3), chunk(b"PLTE", bytes(6))), "with a palette holds no distances"),
    (png(2, 1, 16, 4, bytes(9)), "a PNG of 2 x 16 bits holds no distances"),
    (PNG_16.replace(b"IDAT", b"IDAX"), "cannot be decoded"),
]


@pytest.mark.parametrize(
    ("read", "data", "sentence"),
    [
        *((read_color, *case) for case in REFUSED_COLOR),
        *((lambda path: read_depth(path, None), *case) for case in REFUSED_DEPTH),
    ],
)
def test_what_is_no_image_is_refused_with_the_file_and_the_reason(tmp_path, read, data, sentence):
    path = tmp_path / "image"
    path.write_bytes(data)
    with pytest.raises(FrameError, match=rf"image: .*({sentence})") as refused:
        read(path)
    assert "\n" not in str(refused.value)


def test_an_array_larger_than_any_image_is_refused_without_being_read(tmp_path):
    path = tmp_path / "large.npy"
    with path.open("wb") as file:
        file.write(npy_announcing((4097, 4096), "<u2"))
        file.truncate(file.tell() + 2 * 4097 * 4096)  # a hole, no disk
    with pytest.raises(FrameError, match="announces 4096x4097 pixels"):
        read_depth(path, None)


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(FrameError, match=r"none\.png: there is no such file"):
        read_color(tmp_path / "none.png")
    with pytest.raises(FrameError, match="this is a folder: give one image"):
        read_depth(tmp_path, None)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_damaged_is_read_or_refused(tmp_path, data):
    whole = data.draw(
        st.sampled_from([PNG_16, LOSSY, LOSSLESS, npy_announcing((4, 4)) + bytes(16)])
    )
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, min(len(whole) - 1, 80)))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged"
    path.write_bytes(damaged[: data.draw(st.integers(0, len(whole)))])
    for read in (read_color, lambda path: read_depth(path, parse_depth_unit("0.001"))):
        try:
            assert read(path).size
        except FrameError as error:
            assert str(path) in str(error)
