"""Depth is metres with NaN for no reading, whatever unit the driver chose (REP 118)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from asymformer_ros.perception.depth import to_metres, to_millimetres
from asymformer_ros.perception.frames import FrameError


def test_sixteen_bits_are_millimetres_and_zero_is_no_reading():
    metres = to_metres(np.array([[0, 1, 1500, 65535]], dtype=np.uint16))
    assert metres.dtype == np.float32
    np.testing.assert_array_equal(metres, np.float32([[np.nan, 0.001, 1.5, 65.535]]))


def test_floats_are_metres_and_only_positive_finite_ones_are_readings():
    raw = np.float32([[0.5, 12.25, 3.4e38, np.nan, np.inf, -np.inf, 0.0, -0.0, -1.5]])
    nan = np.nan
    expected = np.float32([[0.5, 12.25, 3.4e38, nan, nan, nan, nan, nan, nan]])
    np.testing.assert_array_equal(to_metres(raw), expected)


@given(hnp.arrays(np.uint16, hnp.array_shapes(min_dims=2, max_dims=2)))
def test_every_millimetre_image_agrees_with_the_definition(raw):
    metres = to_metres(raw)
    assert np.array_equal(np.isnan(metres), raw == 0)
    np.testing.assert_allclose(metres[raw > 0], raw[raw > 0] * 0.001, rtol=1e-6)


@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2)))
def test_every_metre_image_agrees_with_the_definition(raw):
    readings = np.isfinite(raw) & (raw >= np.finfo(np.float32).tiny)
    np.testing.assert_array_equal(to_metres(raw), np.where(readings, raw, np.float32(np.nan)))


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_the_padding_of_rows_is_left_out_and_the_message_stays_as_it_was(dtype):
    padded = np.arange(1, 25, dtype=dtype).reshape(3, 8)
    image = padded[:, :5]
    before = padded.copy()
    metres = to_metres(image)
    unit = 0.001 if dtype == np.uint16 else 1.0
    np.testing.assert_allclose(metres, image * unit, rtol=1e-6)
    metres[:] = 0
    np.testing.assert_array_equal(padded, before)


def test_a_read_only_image_is_taken():
    raw = np.frombuffer(np.float32([1, 2]).tobytes(), dtype=np.float32).reshape(1, 2)
    np.testing.assert_array_equal(to_metres(raw), np.float32([[1, 2]]))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float64, ">u2", ">f4"])
def test_a_type_without_a_known_unit_is_refused_and_the_remedy_is_named(dtype):
    with pytest.raises(FrameError, match="publish 16UC1 in millimetres or 32FC1 in metres"):
        to_metres(np.ones((2, 2), dtype=dtype))


@pytest.mark.parametrize("shape", [(2, 2, 3), (4,), (0, 4)])
def test_an_image_with_channels_or_without_pixels_is_refused(shape):
    with pytest.raises(FrameError, match="one channel"):
        to_metres(np.ones(shape, dtype=np.uint16))


def test_millimetres_are_rounded_with_zero_for_no_reading_and_a_ceiling():
    metres = np.float32([[0.5004, 0.5006, np.nan, 65.5354, 65.536, 900.0]])
    np.testing.assert_array_equal(to_millimetres(metres), [[500, 501, 0, 65535, 65535, 65535]])


def test_every_value_of_millimetres_survives_metres():
    millimetres = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    np.testing.assert_array_equal(to_millimetres(to_metres(millimetres)), millimetres)
