"""RVL streams to pixels: what the published codec writes, and what is refused."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rvl_encoder import encode_rvl

from asymformer_ros.perception.frames import FrameError
from asymformer_ros.perception.rvl import decode_rvl

# Written by the RvlCodec of image_transport_plugins (commit 7404d77).
PIXELS = np.uint16([0, 0, 0, 1500, 1501, 1499, 0, 0, 1490, 65535, 1, 32768, 0, 0, 700, 0])
STREAM = bytes.fromhex("23e58f339aab9224f3ffbff321f1ffef10f1adf8")

runs = st.tuples(st.integers(0, 65535) | st.sampled_from([0, 0, 1, 65535]), st.integers(1, 30))
images = st.lists(runs, min_size=1, max_size=60).map(
    lambda pairs: np.uint16([value for value, length in pairs for _ in range(length)])
)


def test_a_stream_of_the_published_codec_is_read():
    np.testing.assert_array_equal(decode_rvl(STREAM, 16), PIXELS)


@given(images)
def test_every_image_comes_back_as_it_was(pixels):
    decoded = decode_rvl(encode_rvl(pixels), len(pixels))

    np.testing.assert_array_equal(decoded, pixels)
    assert decoded.dtype == np.uint16


def test_an_image_with_noise_and_holes_comes_back_at_a_cameras_resolution():
    random = np.random.default_rng(0)
    pixels = (random.normal(1500, 30, 640 * 480) * (random.random(640 * 480) > 0.05)).astype("u2")

    np.testing.assert_array_equal(decode_rvl(encode_rvl(pixels), pixels.size), pixels)


def test_a_covered_camera_takes_eight_digits():
    assert not decode_rvl(encode_rvl(np.zeros(640 * 480, np.uint16)), 640 * 480).any()


def test_bytes_after_the_last_pixel_are_passed_over():
    np.testing.assert_array_equal(decode_rvl(STREAM + bytes(11), 16), PIXELS)


@pytest.mark.parametrize(
    "pixels", [PIXELS, np.arange(1, 60, dtype=np.uint16)], ids=["many runs", "one run"]
)
def test_a_stream_cut_anywhere_is_refused(pixels):
    stream = encode_rvl(pixels)
    for length in range(len(stream)):
        with pytest.raises(FrameError, match=f"ends before its {len(pixels)} pixels: the image is"):
            decode_rvl(stream[:length], len(pixels))


@pytest.mark.parametrize(
    ("pixels", "sentence"), [(17, "ends before its 17 pixels"), (13, "holds more than its 13")]
)
def test_another_number_of_pixels_than_announced_is_refused(pixels, sentence):
    with pytest.raises(FrameError, match=sentence):
        decode_rvl(STREAM, pixels)


def test_a_number_too_long_for_any_image_is_refused():
    with pytest.raises(FrameError, match="a number of 11 digits: it is damaged"):
        decode_rvl(bytes.fromhex("ffffffff000070ff"), 2**24)


@given(st.binary(max_size=200), st.integers(1, 500), st.sampled_from([0xFF, 0x77, 0x7F]))
def test_garbage_is_decoded_or_refused(stream, pixels, mask):
    # Without the bits that say "goes on", numbers are short and more often make an image.
    try:
        decoded = decode_rvl(bytes(octet & mask for octet in stream), pixels)
    except FrameError as refusal:
        assert "RVL" in str(refusal)
    else:
        assert decoded.shape == (pixels,)


@pytest.mark.parametrize("octet", [0x00, 0x11, 0x77, 0xFF])
def test_memory_is_in_proportion_to_the_data_whatever_is_announced(octet):
    stream = bytes([octet]) * 100_000

    tracemalloc.start()
    try:
        with pytest.raises(FrameError):
            decode_rvl(stream, 2**24)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100 * len(stream)
