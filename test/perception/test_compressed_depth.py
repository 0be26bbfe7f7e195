"""compressedDepth messages to metres: formats old and new, both units, and what is refused."""

from __future__ import annotations

import struct
import tracemalloc

import cv2
import numpy as np
import pytest
from rvl_encoder import compressed_depth, quantised

from asymformer_ros.perception.compressed_depth import decode_compressed_depth, is_compressed_depth
from asymformer_ros.perception.frames import FrameError

MILLIMETRES = np.uint16([[0, 400, 1500, 1500], [65535, 1, 9999, 0]])
METRES = np.float32([[np.nan, 0.4, 1.5, 1.5], [65.535, 0.001, 9.999, np.nan]])
FORMATS = [
    ("16UC1; compressedDepth png", "png"),
    ("16UC1; compressedDepth rvl", "rvl"),
    ("mono16; compressedDepth png", "png"),
    ("mono16; compressedDepth rvl", "rvl"),
    ("16UC1; compressedDepth", "png"),
    ("16UC1", "png"),
]


@pytest.mark.parametrize(("message_format", "codec"), FORMATS)
def test_16_bit_depth_is_millimetres_with_zero_for_no_reading(message_format, codec):
    decoded = decode_compressed_depth(message_format, compressed_depth(MILLIMETRES, codec))

    np.testing.assert_allclose(decoded, METRES, rtol=1e-6)
    assert decoded.dtype == np.float32


@pytest.mark.parametrize("codec", ["png", "rvl"])
def test_float_depth_is_an_inverse_depth_with_zero_for_no_reading(codec):
    inverse = np.uint16([[0, 1, 2], [1001, 3, 65535]])

    decoded = decode_compressed_depth(
        f"32FC1; compressedDepth {codec}", compressed_depth(inverse, codec, a=100.0, b=1.0)
    )

    # q = B is infinitely far: no reading.
    expected = np.float32([[np.nan, np.nan, 100.0], [0.1, 50.0, 100 / 65534]])
    np.testing.assert_allclose(decoded, expected, rtol=1e-6)


@pytest.mark.parametrize(
    "message_format", ["32FC1; compressedDepth png", "32FC1; compressedDepth", "32FC1"]
)
def test_float_depth_of_a_publisher_comes_back_within_a_step_of_its_quantisation(message_format):
    metres = np.float32([[0.5, 1.0, 2.5], [np.nan, 9.9, 12.0]])
    a, b, inverse = quantised(metres)

    decoded = decode_compressed_depth(message_format, compressed_depth(inverse, "png", a, b))

    np.testing.assert_array_equal(np.isnan(decoded), [[False] * 3, [True, False, True]])
    readings = ~np.isnan(decoded)
    step_m = metres[readings] ** 2 / a
    assert (np.abs(decoded - metres)[readings] <= 1.5 * step_m).all()


def test_distances_behind_the_camera_are_no_readings():
    inverse = np.uint16([[1, 2, 300]])

    decoded = decode_compressed_depth(
        "32FC1; compressedDepth png", compressed_depth(inverse, "png", a=100.0, b=200.0)
    )

    np.testing.assert_array_equal(decoded, np.float32([[np.nan, np.nan, 1.0]]))


@pytest.mark.parametrize("message_format", [message_format for message_format, _ in FORMATS])
def test_compressed_depth_is_known_by_its_format(message_format):
    assert is_compressed_depth(message_format)


@pytest.mark.parametrize(
    "message_format",
    ["16UC1; png compressed ", "16UC1; jpeg compressed mono8", "rgb8; jpeg compressed bgr8", "png"],
)
def test_the_plain_transport_is_no_compressed_depth(message_format):
    assert not is_compressed_depth(message_format)


PNG, RVL = compressed_depth(MILLIMETRES, "png"), compressed_depth(MILLIMETRES, "rvl")
RVL_OF = [PNG[:12] + struct.pack("<II", *size) + RVL[20:] for size in ((60000, 60000), (0, 4))]
MASK = np.zeros((2, 3), np.uint8)


@pytest.mark.parametrize(
    ("message_format", "data", "sentence"),
    [
        ("16UC1; compressedDepth png", b"", "0 bytes has no header: it is truncated"),
        ("16UC1; compressedDepth png", PNG[:12], "neither JPEG nor PNG"),
        ("16UC1; compressedDepth png", PNG[:-1], "the PNG has no end: the image is truncated"),
        ("16UC1; compressedDepth png", RVL, "neither JPEG nor PNG"),
        ("16UC1; compressedDepth rvl", RVL[:19], "ends before its size: it is truncated"),
        ("16UC1; compressedDepth rvl", RVL[:-4], "ends before its 8 pixels: .* truncated"),
        ("16UC1; compressedDepth rvl", RVL_OF[0], "announces 60000x60000 pixels"),
        ("16UC1; compressedDepth rvl", RVL_OF[1], "announces 0x4 pixels"),
        ("16UC1; compressedDepth zstd", PNG, "compressedDepth 'zstd' is not known: publish png"),
        ("bgr8; compressedDepth png", PNG, "compressedDepth of 'bgr8' is not known: publish 16UC1"),
        ("32FC1; compressedDepth png", PNG, r"quantised with A = 0\.0, B = 0\.0: it is damaged"),
        (
            "32FC1; compressedDepth png",
            compressed_depth(MILLIMETRES, "png", a=1.0, b=np.nan),
            "B = nan: it is damaged",
        ),
        (
            "16UC1; compressedDepth png",
            PNG[:12] + cv2.imencode(".png", MASK)[1].tobytes(),
            "a PNG of 1 x 8 bits holds no distances",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(message_format, data, sentence):
    with pytest.raises(FrameError, match=sentence):
        decode_compressed_depth(message_format, data)


@pytest.mark.parametrize("codec", ["png", "rvl"])
def test_a_size_announced_with_little_data_takes_no_memory(codec):
    size = struct.pack(">II", 60000, 60000) if codec == "png" else struct.pack("<II", 60000, 60000)
    data = PNG[:28] + size + PNG[36:] if codec == "png" else RVL[:12] + size + RVL[20:]

    tracemalloc.start()
    try:
        with pytest.raises(FrameError, match="announces 60000x60000 pixels"):
            decode_compressed_depth(f"16UC1; compressedDepth {codec}", data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000
