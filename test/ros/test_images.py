"""Image messages to arrays and back: layouts, files, what is refused, and with which words."""

from __future__ import annotations

import sys

import cv2
import numpy as np
import pytest
from rvl_encoder import compressed_depth

pytest.importorskip("sensor_msgs.msg", reason="needs the ROS message packages")

from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from asymformer_ros.perception.frames import FrameError, RgbdFrame
from asymformer_ros.ros.images import decode_color, decode_depth, stamp_ns, to_message

RGB = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
MILLIMETRES = (np.arange(4 * 6, dtype=np.uint16) * 301).reshape(4, 6)
METRES = MILLIMETRES.astype(np.float32) / 1000


def image(array, encoding, *, padding=0, big_endian=False, **fields):
    """A message with `padding` bytes after each row, as a driver would fill it."""
    ordered = array.astype(array.dtype.newbyteorder(">" if big_endian else "<"))
    rows = ordered.reshape(len(array), -1).view(np.uint8)
    padded = np.full((len(rows), rows.shape[1] + padding), 0xEE, dtype=np.uint8)
    padded[:, : rows.shape[1]] = rows
    message = Image(height=array.shape[0], width=array.shape[1], encoding=encoding)
    message.step = padded.shape[1]
    message.is_bigendian = int(big_endian)
    message.data.frombytes(padded.tobytes())
    for name, value in fields.items():
        setattr(message, name, value)
    return message


def compressed(message_format, data, **fields):
    message = CompressedImage(format=message_format, **fields)
    message.data.frombytes(data)
    return message


def encoded(extension, array):
    """The file of an array; colours are R, G, B."""
    ordered = array[..., ::-1] if array.ndim == 3 else array
    return cv2.imencode(extension, np.ascontiguousarray(ordered))[1].tobytes()


@pytest.mark.parametrize("padding", [0, 1, 14])
@pytest.mark.parametrize(
    ("encoding", "stored"),
    [
        ("rgb8", RGB),
        ("bgr8", RGB[..., ::-1]),
        ("rgba8", np.dstack((RGB, np.full(RGB.shape[:2], 7, np.uint8)))),
        ("bgra8", np.dstack((RGB[..., ::-1], np.full(RGB.shape[:2], 7, np.uint8)))),
    ],
)
def test_colour_comes_out_as_contiguous_rgb(encoding, stored, padding):
    decoded = decode_color(image(np.ascontiguousarray(stored), encoding, padding=padding))

    np.testing.assert_array_equal(decoded, RGB)
    assert decoded.flags.c_contiguous
    assert decoded.dtype == np.uint8


@pytest.mark.parametrize("padding", [0, 5])
def test_a_grey_image_has_three_equal_channels(padding):
    decoded = decode_color(image(RGB[..., 0].copy(), "mono8", padding=padding))

    np.testing.assert_array_equal(decoded, np.dstack((RGB[..., 0],) * 3))
    assert decoded.flags.c_contiguous


@pytest.mark.parametrize(
    "message_format", ["rgb8; png compressed bgr8", "bgra8; png compressed bgr8", "png", ""]
)
def test_a_png_is_read_as_colour_whatever_its_format_says(message_format):
    message = compressed(message_format, encoded(".png", RGB))

    np.testing.assert_array_equal(decode_color(message), RGB)


@pytest.mark.parametrize("message_format", ["rgb8; jpeg compressed bgr8", "jpeg", "rgb8; jpeg"])
def test_a_jpeg_is_read_as_colour(message_format):
    red = np.zeros((16, 16, 3), np.uint8) + np.uint8([200, 30, 60])

    decoded = decode_color(compressed(message_format, encoded(".jpg", red)))

    np.testing.assert_allclose(decoded, red, atol=3)


def test_unpadded_rgb_is_not_copied():
    message = image(RGB, "rgb8")

    assert np.shares_memory(decode_color(message), np.frombuffer(message.data, dtype=np.uint8))


def test_the_byte_order_flag_means_nothing_for_8_bit_images():
    np.testing.assert_array_equal(decode_color(image(RGB, "rgb8", is_bigendian=1)), RGB)


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("padding", [0, 1, 6])
@pytest.mark.parametrize("encoding", ["16UC1", "mono16"])
def test_16_bit_depth_is_millimetres_with_zero_for_no_reading(encoding, padding, big_endian):
    decoded = decode_depth(image(MILLIMETRES, encoding, padding=padding, big_endian=big_endian))

    assert np.isnan(decoded[0, 0])
    np.testing.assert_allclose(decoded.ravel()[1:], METRES.ravel()[1:], rtol=1e-6)
    assert decoded.dtype == np.float32
    assert decoded.dtype.isnative


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("padding", [0, 3, 8])
def test_float_depth_is_metres_with_nan_for_no_reading(padding, big_endian):
    stored = METRES.copy()
    stored[1] = [np.nan, np.inf, -np.inf, -1.0, 0.0, 2.5]

    decoded = decode_depth(image(stored, "32FC1", padding=padding, big_endian=big_endian))

    np.testing.assert_array_equal(decoded[1], np.float32([np.nan] * 5 + [2.5]))
    np.testing.assert_array_equal(decoded[2:], METRES[2:])


@pytest.mark.parametrize(
    ("message_format", "data"),
    [
        ("16UC1; compressedDepth png", compressed_depth(MILLIMETRES, "png")),
        ("16UC1; compressedDepth rvl", compressed_depth(MILLIMETRES, "rvl")),
        ("16UC1; png compressed ", encoded(".png", MILLIMETRES)),
        ("mono16; png compressed mono16", encoded(".png", MILLIMETRES)),
        ("png", encoded(".png", MILLIMETRES)),
    ],
)
def test_compressed_depth_and_16_bit_png_are_millimetres(message_format, data):
    decoded = decode_depth(compressed(message_format, data))

    assert np.isnan(decoded[0, 0])
    np.testing.assert_allclose(decoded.ravel()[1:], METRES.ravel()[1:], rtol=1e-6)


@pytest.mark.parametrize(
    ("message_format", "extension"),
    [
        ("16UC1; jpeg compressed mono8", ".jpg"),
        ("jpeg", ".jpg"),
        ("mono8; png compressed ", ".png"),
    ],
)
def test_an_8_bit_file_is_refused_as_depth_with_the_reason(message_format, extension):
    message = compressed(message_format, encoded(extension, RGB[..., 0]))

    with pytest.raises(FrameError, match=r"depth: a \w+ of 1 x 8 bits holds no distances: subs"):
        decode_depth(message)


@pytest.mark.parametrize(
    ("message_format", "data"),
    [
        ("16UC1; compressedDepth png", compressed_depth(MILLIMETRES, "png")),
        ("32FC1; compressedDepth rvl", compressed_depth(MILLIMETRES, "rvl")),
        ("16UC1; png compressed ", encoded(".png", MILLIMETRES)),
        ("png", encoded(".png", MILLIMETRES)),
    ],
)
def test_compressed_depth_is_refused_as_colour_with_advice(message_format, data):
    with pytest.raises(FrameError, match=r"colour: .* colour and depth (topics )?swapped"):
        decode_color(compressed(message_format, data))


def test_a_truncated_jpeg_is_refused():
    with pytest.raises(FrameError, match=r"colour: the JPEG has .*: the image is truncated"):
        decode_color(compressed("jpeg", encoded(".jpg", RGB)[:-2]))


def test_another_codec_is_refused():
    with pytest.raises(FrameError, match=r"colour: .* neither JPEG nor PNG"):
        decode_color(compressed("rgb8; tiff compressed ", b"II*\0\x08\0\0\0"))


@pytest.mark.parametrize("kind", [Image, CompressedImage])
def test_the_stamp_is_in_nanoseconds(kind):
    message = kind()
    message.header.stamp.sec, message.header.stamp.nanosec = 1_700_000_000, 7

    assert stamp_ns(message) == 1_700_000_000_000_000_007


def test_the_last_row_needs_no_padding():
    message = image(RGB, "rgb8", padding=14)
    del message.data[-14:]

    np.testing.assert_array_equal(decode_color(message), RGB)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"step": 17}, "colour: 6x4 rgb8 needs step >= 18, got 17"),
        ({"height": 5}, r"needs 90 bytes, got 72: the image is truncated"),
        ({"height": 0}, "6x0 rgb8 has no pixels"),
        ({"width": 0}, "0x4 rgb8 has no pixels"),
        ({"height": 2**32 - 1, "width": 2**32 - 1, "step": 2**32 - 1}, "needs step >= "),
        ({"height": 2**32 - 1}, "the image is truncated"),
        ({"encoding": "16UC1"}, "are the colour and depth topics swapped"),
        (
            {"encoding": "rgb88"},
            "encoding 'rgb88' is not supported: publish rgb8, bgr8, rgba8, bgra8 or mono8",
        ),
        ({"encoding": ""}, "encoding '' is not supported"),
    ],
)
def test_a_colour_image_that_cannot_be_read_is_refused_in_words(fields, sentence):
    with pytest.raises(FrameError, match=sentence):
        decode_color(image(RGB, **({"encoding": "rgb8"} | fields)))


@pytest.mark.parametrize("encoding", ["mono8", "8UC1", "rgb8", "jpeg", "16SC1"])
def test_an_image_without_distances_is_refused_as_depth_with_advice(encoding):
    with pytest.raises(FrameError, match=r"raw depth image \(16UC1, mono16 or 32FC1\)"):
        decode_depth(image(MILLIMETRES, encoding))


def test_truncated_depth_is_refused():
    with pytest.raises(FrameError, match="depth: 6x4 16UC1 with step 12 needs 48 bytes, got 0"):
        decode_depth(Image(height=4, width=6, step=12, encoding="16UC1"))


def test_depth_of_another_size_is_refused_with_the_drivers_remedies():
    with pytest.raises(FrameError, match=r"colour is 6x4 but depth is 3x4: .*align_depth\.enable"):
        RgbdFrame(RGB, METRES[:, :3])


@pytest.mark.parametrize(("array", "encoding"), [(RGB[..., 0], "mono8"), (RGB[::-1], "rgb8")])
def test_an_array_becomes_a_message_with_the_very_header(array, encoding):
    header = Header(frame_id="camera")

    message = to_message(header, array, encoding)

    assert message.header is header
    assert (message.height, message.width, message.encoding) == (4, 6, encoding)
    assert message.step * message.height == len(message.data) == array.size
    assert bytes(message.data) == array.tobytes()


def test_these_tests_ran_on_a_little_endian_machine():
    assert sys.byteorder == "little", "the byte orders above would have to be swapped"
