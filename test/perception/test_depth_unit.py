"""Depth of files: metres by the declared unit, exactly, and nothing without one."""

import numpy as np
import pytest

from asymformer_ros.perception.depth import to_metres
from asymformer_ros.perception.depth_unit import DEPTH_UNITS, DepthUnit, parse_depth_unit
from asymformer_ros.perception.frames import FrameError

NAN = float("nan")


@pytest.mark.parametrize(
    ("unit", "raw", "metres"),
    [
        ("mm", np.uint16([0, 1, 1500, 65535]), [NAN, 0.001, 1.5, 65.535]),
        ("mm", np.int32([-5, 0, 100_000]), [NAN, NAN, 100.0]),
        ("mm", np.float32([np.nan, 0.0, 1500.5]), [NAN, NAN, 1.5005]),
        ("m", np.float16([0.5, np.inf]), [0.5, NAN]),
        ("m", np.float32([np.nan, np.inf, -np.inf, -1.0, 0.0, 2.75]), [NAN] * 5 + [2.75]),
        ("m", np.float64([2.75, 1e300]), [2.75, NAN]),
        ("sunrgbd", np.uint16([0, 1, 8000, 65535]), [NAN, 0.000125, 1.0, 8.191875]),
        ("nyuv2-small", np.uint8([0, 25, 255]), [0.5 / 25.5, 1.0, 255.5 / 25.5]),
        ("0.0002", np.uint16([0, 5000]), [NAN, 1.0]),
        ("0.0002", np.uint8([0, 255]), [NAN, 0.051]),
        ("2", np.float64([0.25]), [0.5]),
    ],
)
def test_a_unit_says_how_far_a_value_is_and_which_are_holes(unit, raw, metres):
    depth_m = parse_depth_unit(unit).to_metres(raw[None])

    assert depth_m.dtype == np.float32
    np.testing.assert_array_equal(depth_m, np.float32([metres]))


def test_millimetres_of_a_file_are_to_the_last_bit_those_of_a_message():
    raw = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    np.testing.assert_array_equal(DEPTH_UNITS["mm"].to_metres(raw), to_metres(raw))


@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<f4", ">f4"])
def test_either_byte_order_is_read_and_the_image_stays_as_it_was(dtype):
    raw = np.array([[1, 2000]], dtype)

    metres = DEPTH_UNITS["mm"].to_metres(raw)

    np.testing.assert_array_equal(metres, np.float32([[0.001, 2.0]]))
    np.testing.assert_array_equal(raw, [[1, 2000]])


@pytest.mark.parametrize(
    ("unit", "dtype"),
    [
        ("mm", np.uint8),
        ("m", np.uint16),
        ("m", np.int32),
        ("sunrgbd", np.uint8),
        ("sunrgbd", np.float32),
        ("nyuv2-small", np.uint16),
        ("0.001", np.bool_),
        ("0.001", np.complex64),
    ],
)
def test_numbers_that_a_unit_is_not_for_are_refused(unit, dtype):
    with pytest.raises(FrameError, match=f"depth is .*, the unit {unit} is for .*: declare its"):
        parse_depth_unit(unit).to_metres(np.ones((2, 2), dtype))


@pytest.mark.parametrize("shape", [(2, 2, 3), (4,), (0, 4)])
def test_an_image_with_channels_or_without_pixels_is_refused(shape):
    with pytest.raises(FrameError, match="one channel"):
        DEPTH_UNITS["mm"].to_metres(np.ones(shape, np.uint16))


def test_every_unit_is_found_by_its_name():
    assert {name: parse_depth_unit(name) for name in DEPTH_UNITS} == dict(DEPTH_UNITS)


def test_a_number_is_the_metres_of_one_step():
    unit = parse_depth_unit("2.5e-4")
    assert isinstance(unit, DepthUnit)
    assert (unit.name, unit.metres_per_step, unit.offset_m) == ("2.5e-4", 0.00025, 0.0)
    assert unit.zero_is_hole


@pytest.mark.parametrize("text", ["", "inch", "MM", "0", "-0.001", "nan", "inf", "1000", "1 mm"])
def test_another_text_is_refused_with_what_there_is(text):
    with pytest.raises(ValueError, match=r"one of mm, m, sunrgbd, nyuv2-small or the metres of"):
        parse_depth_unit(text)
