"""Ten thousand random messages through the decoders: arrays as announced, or a FrameError."""

from __future__ import annotations

import struct
import tracemalloc
from contextlib import contextmanager
from importlib.util import find_spec

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rvl_encoder import compressed_depth

pytest.importorskip("sensor_msgs.msg", reason="needs the ROS message packages")

from sensor_msgs.msg import CompressedImage, Image

from asymformer_ros.perception.frames import FrameError, RgbdFrame
from asymformer_ros.perception.image_file import MAX_PIXELS
from asymformer_ros.perception.image_messages import (
    COLOR_ENCODINGS,
    DEPTH_ENCODINGS,
)
from asymformer_ros.ros.images import decode_color, decode_depth

BYTES_OF_PIXEL = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "mono8": 1} | {
    "16UC1": 2,
    "mono16": 2,
    "32FC1": 4,
}
ENCODINGS = [*BYTES_OF_PIXEL, "yuv422", "rgb16", "64FC1", "nonsense", "", "\0"]
FORMATS = [
    *(f"{e}; compressedDepth{c}" for e in DEPTH_ENCODINGS for c in ("", " png", " rvl", " zip")),
    *("rgb8; jpeg compressed bgr8", "16UC1; png compressed ", "16UC1; jpeg compressed mono8"),
    *("jpeg", "png", "16UC1", "32FC1", "", ";", ";;", "; compressedDepth rvl", "\0"),
]
#: Memory that numpy takes beside what is in proportion to a message of a few kilobytes.
SLACK = 2**20

numbers = st.integers(0, 9) | st.sampled_from([2**16, 2**31, 2**32 - 1])
random_data = st.binary(max_size=400)


def files():
    """Formats with their data, small and of every kind that is read."""
    random = np.random.default_rng(0)
    for height, width in ((1, 1), (5, 7), (24, 16)):
        grey = random.integers(0, 256, (height, width), dtype=np.uint8)
        for array in (grey, np.dstack((grey,) * 3), np.dstack((grey,) * 4)):
            yield "png", cv2.imencode(".png", array)[1].tobytes()
            if array.shape[2:] != (4,):
                yield "jpeg", cv2.imencode(".jpg", array)[1].tobytes()
                progressive = (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
                yield "jpeg", cv2.imencode(".jpg", array, progressive)[1].tobytes()
        depth = grey.astype(np.uint16) * (grey > 60) * 37
        yield "16UC1; png compressed ", cv2.imencode(".png", depth)[1].tobytes()
        yield "png", cv2.imencode(".png", np.dstack((depth,) * 3))[1].tobytes()
        for codec in ("png", "rvl"):
            for encoding in DEPTH_ENCODINGS:
                data = compressed_depth(depth, codec, a=10100.0, b=-1009.0)
                yield f"{encoding}; compressedDepth {codec}", data


VALID = list(files())


@st.composite
def damaged(draw, message_format, data):
    """The format, or another, and the data as it is or changed in one place."""
    message_format = draw(st.just(message_format) | st.sampled_from(FORMATS))
    return message_format, draw(st.just(data) | changed(data))


@st.composite
def changed(draw, data):
    """The data with bytes flipped, overwritten, cut out, repeated or appended."""
    kind = draw(st.sampled_from(["flip", "write", "cut", "truncate", "repeat", "append"]))
    at = draw(st.integers(0, len(data)))
    length = draw(st.integers(1, 12))
    if kind == "flip" and at < len(data):
        return data[:at] + bytes([data[at] ^ draw(st.integers(1, 255))]) + data[at + 1 :]
    if kind == "write":
        written = draw(st.binary(min_size=length, max_size=length) | st.just(b"\xff" * length))
        return data[:at] + written + data[at + length :]
    if kind == "cut":
        return data[:at] + data[at + length :]
    if kind == "truncate":
        return data[:at]
    if kind == "repeat":
        return data[:at] + data[max(at - length, 0) : at] + data[at:]
    return data + draw(random_data)


@contextmanager
def memory_within(limit):
    # Traced only here: hypothesis would take ten times as long.
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= limit


def decode(message, limit):
    """Decode the message as both; only FrameError, in one line, may come out."""
    arrays = []
    for decoder, dtype, more in ((decode_color, np.uint8, (3,)), (decode_depth, np.float32, ())):
        array = None
        try:
            with memory_within(limit):
                array = decoder(message)
        except FrameError as refusal:
            assert str(refusal)
            assert "\n" not in str(refusal)
        else:
            assert array.dtype == dtype
            assert array.shape[2:] == more
            assert array.flags.c_contiguous
        arrays.append(array)
    rgb, depth_m = arrays
    if depth_m is not None:
        assert not (depth_m <= 0).any()
        assert not np.isinf(depth_m).any()
    return rgb, depth_m


def check_raw(message):
    rgb, depth_m = decode(message, SLACK + 40 * len(message.data))
    size = (message.height, message.width)
    for array, encodings in ((rgb, COLOR_ENCODINGS), (depth_m, DEPTH_ENCODINGS)):
        if array is not None:
            assert array.shape[:2] == size
            # Of other encodings cv_bridge knows how many bytes they have.
            assert message.encoding in encodings or find_spec("cv_bridge")
            needed = BYTES_OF_PIXEL.get(message.encoding, 1) * size[0] * size[1]
            assert len(message.data) >= needed


@settings(max_examples=2500)
@given(st.sampled_from(ENCODINGS), numbers, numbers, numbers | st.integers(0, 40), random_data)
def test_raw_images_of_garbage(encoding, height, width, step, data):
    message = Image(height=height, width=width, encoding=encoding, step=step)
    message.is_bigendian = len(data) % 2
    message.data.frombytes(data)

    check_raw(message)


@settings(max_examples=2500)
@given(
    st.sampled_from([*BYTES_OF_PIXEL]),
    st.tuples(st.integers(1, 9), st.integers(2, 9), st.integers(0, 5)),
    st.sampled_from(["nothing", "height", "width", "step", "encoding", "short", "long"]),
    st.data(),
)
def test_raw_images_with_one_thing_wrong(encoding, layout, wrong, draw):
    height, width, padding = layout
    step = width * BYTES_OF_PIXEL[encoding] + padding
    size = height * step
    message = Image(height=height, width=width, encoding=encoding, step=step)
    message.is_bigendian = draw.draw(st.integers(0, 255))
    if wrong in ("height", "width", "step"):
        setattr(message, wrong, draw.draw(numbers))
    elif wrong == "encoding":
        message.encoding = draw.draw(
            st.sampled_from(ENCODINGS) | st.text("rgb8UC1\0é ", max_size=8)
        )
    elif wrong in ("short", "long"):
        size = draw.draw(st.integers(0, size - 1) if wrong == "short" else st.integers(size, 400))
    seed = draw.draw(st.binary(min_size=1, max_size=400))
    message.data.frombytes((seed * (size // len(seed) + 1))[:size])

    check_raw(message)
    if wrong == "nothing":
        decode_depth(message) if encoding in DEPTH_ENCODINGS else decode_color(message)


def compressed(message_format, data):
    message = CompressedImage(format=message_format)
    message.data.frombytes(data)
    return message


def announced_sizes(data):
    """Sizes (height, width) that PNG or RVL data announces, wherever they would be."""
    for layout, at in ((">II", 16), (">II", 28), ("<II", 12)):
        if len(data) >= at + 8:
            width, height = struct.unpack_from(layout, data, at)
            yield height, width


def check_compressed(message):
    data = bytes(message.data)
    is_jpeg = data.startswith(b"\xff\xd8")
    sizes = [size for size in announced_sizes(data) if 0 < size[0] * size[1] <= MAX_PIXELS]
    # A JPEG has at least one bit for a block of 64 pixels.
    pixels = 512 * len(data) if is_jpeg else max((h * w for h, w in sizes), default=0)
    # RVL takes most, for each number of the stream and for uint16, float32 and a mask of pixels.
    for array in decode(message, SLACK + 100 * len(data) + 20 * pixels):
        if array is not None:
            assert 0 < array.shape[0] * array.shape[1] <= pixels
            assert is_jpeg or array.shape[:2] in sizes


@settings(max_examples=5000)
@given(st.sampled_from(VALID).flatmap(lambda valid: damaged(*valid)))
def test_compressed_images_with_damage(message):
    check_compressed(compressed(*message))


@settings(max_examples=2500)
@given(
    st.sampled_from(FORMATS) | st.text("16UC1F3; compressedDepthngrvl", max_size=30),
    st.sampled_from([b"", *{data[:n] for _, data in VALID for n in (2, 8, 12, 20, 33)}]),
    random_data,
    st.sampled_from([b"", b"\xff\xd9", VALID[0][1][-12:]]),
)
def test_compressed_images_of_garbage(message_format, start, data, end):
    check_compressed(compressed(message_format, start + data + end))


@settings(max_examples=500)
@given(*[st.tuples(st.integers(1, 5), st.integers(1, 5))] * 2)
def test_sizes_agree_or_are_refused(color, depth):
    arrays = np.zeros((*color, 3), np.uint8), np.zeros(depth, np.float32)
    if color == depth:
        RgbdFrame(*arrays)
    else:
        with pytest.raises(FrameError, match=r"colour is .* but depth is"):
            RgbdFrame(*arrays)
