"""The segmenter fits frames of any size to the engine and the answer back to the camera."""

import numpy as np
import pytest

from asymformer_ros.network.profile import official_profile
from asymformer_ros.perception.frames import RgbdFrame
from asymformer_ros.perception.relative_depth import relative_depth
from asymformer_ros.perception.segmenter import Segmenter

FIXED = official_profile("nyu-rgb", 40)
PERCENTILE = official_profile("nyu-rgb-percentile", 40)


class RecordingEngine:
    """Labels each pixel with its red value and keeps what it was given."""

    name = "recording"

    def __init__(self, input_size, answer=None, profile=FIXED):
        self.input_size = input_size
        self.answer = answer
        self.profile = profile

    def infer(self, rgb, depth_m):
        self.rgb, self.depth_m = rgb, depth_m
        return self.answer or (rgb[..., 0].copy(), rgb[..., 1].copy())

    def close(self):
        pass


def frame_of(height, width, cells=(1, 1)):
    """A frame of `cells` flat patches, each with its own red, green and depth."""
    patch = np.ones((height // cells[0], width // cells[1]), dtype=np.uint8)
    index = np.arange(cells[0] * cells[1], dtype=np.uint8).reshape(cells)
    rgb = np.stack([np.kron(index + k, patch) for k in (1, 60, 120)], axis=2)
    return RgbdFrame(rgb, np.kron(index, patch).astype(np.float32) + 0.5)


def test_a_frame_of_the_engines_size_reaches_it_without_a_copy():
    frame = frame_of(4, 6, cells=(2, 3))
    engine = RecordingEngine((4, 6))
    segmentation = Segmenter(engine).segment(frame)
    assert engine.rgb is frame.rgb
    assert engine.depth_m is frame.depth_m
    np.testing.assert_array_equal(segmentation.labels, frame.rgb[..., 0])
    np.testing.assert_array_equal(segmentation.confidence, frame.rgb[..., 1])


@pytest.mark.parametrize("rotate_degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("camera", [(48, 64), (12, 16), (48, 16), (16, 48), (6, 8)])
def test_the_answer_has_the_cameras_size_and_lies_where_the_picture_lay(camera, rotate_degrees):
    frame = frame_of(*camera, cells=(2, 2))
    engine = RecordingEngine((24, 32))
    segmentation = Segmenter(engine, rotate_degrees).segment(frame)
    assert engine.rgb.shape == (24, 32, 3)
    assert engine.depth_m.shape == (24, 32)
    # Beside the patches' borders colour may be mixed when it is enlarged.
    inner = np.ones(camera, dtype=bool)
    inner[camera[0] // 2 - 1 : camera[0] // 2 + 1] = False
    inner[:, camera[1] // 2 - 1 : camera[1] // 2 + 1] = False
    np.testing.assert_array_equal(segmentation.labels[inner], frame.rgb[..., 0][inner])
    np.testing.assert_array_equal(segmentation.confidence[inner], frame.rgb[..., 1][inner])


UPRIGHT = [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize(
    ("rotate_degrees", "as_mounted"),
    [
        (0, [[1, 2, 3], [4, 5, 6]]),
        (90, [[3, 6], [2, 5], [1, 4]]),
        (180, [[6, 5, 4], [3, 2, 1]]),
        (270, [[4, 1], [5, 2], [6, 3]]),
    ],
)
def test_a_clockwise_turn_shows_the_network_an_upright_picture_and_the_answer_is_turned_back(
    rotate_degrees, as_mounted
):
    picture = np.uint8(as_mounted)
    rgb = np.stack([picture, picture + 60, picture + 120], axis=2)
    engine = RecordingEngine((2, 3))
    segmentation = Segmenter(engine, rotate_degrees).segment(RgbdFrame(rgb, np.float32(picture)))
    np.testing.assert_array_equal(engine.rgb[..., 0], UPRIGHT)
    np.testing.assert_array_equal(engine.depth_m, UPRIGHT)
    np.testing.assert_array_equal(segmentation.labels, picture)
    np.testing.assert_array_equal(segmentation.confidence, picture + 60)
    assert engine.rgb.flags.c_contiguous and engine.depth_m.flags.c_contiguous
    assert segmentation.labels.flags.c_contiguous and segmentation.confidence.flags.c_contiguous


def test_a_turn_that_is_no_quarter_is_refused():
    with pytest.raises(ValueError, match="rotate_degrees is 0, 90, 180 or 270, not 45"):
        Segmenter(RecordingEngine((2, 3)), 45)


def test_a_narrow_picture_keeps_its_shape_between_its_mirrored_sides():
    picture = np.uint8([[0, 1, 2, 3]] * 4)
    rgb = np.stack([picture] * 3, axis=2)
    engine = RecordingEngine((4, 8))
    segmentation = Segmenter(engine).segment(RgbdFrame(rgb, np.float32(picture)))
    np.testing.assert_array_equal(engine.rgb[..., 0], [[1, 0, 0, 1, 2, 3, 3, 2]] * 4)
    np.testing.assert_array_equal(engine.depth_m, [[1, 0, 0, 1, 2, 3, 3, 2]] * 4)
    np.testing.assert_array_equal(segmentation.labels, picture)
    assert segmentation.labels.flags.c_contiguous and segmentation.confidence.flags.c_contiguous


def test_a_wide_picture_fills_the_networks():
    columns = np.repeat(np.arange(4, dtype=np.uint8), 2)
    rgb = np.tile(columns[:, None], (2, 1, 3))
    engine = RecordingEngine((2, 4))
    segmentation = Segmenter(engine).segment(RgbdFrame(rgb, np.ones((2, 8), np.float32)))
    np.testing.assert_array_equal(engine.rgb[..., 0], [[0, 1, 2, 3]] * 2)
    np.testing.assert_array_equal(segmentation.labels, [columns] * 2)


def test_a_picture_of_one_column_is_segmented():
    segmentation = Segmenter(RecordingEngine((24, 32))).segment(frame_of(2000, 1))
    assert segmentation.labels.shape == (2000, 1)


@pytest.mark.parametrize("camera", [(37, 53), (11, 7), (480, 848)])
def test_depth_and_labels_are_never_interpolated(camera):
    rng = np.random.default_rng(2)
    depth = rng.choice(np.float32([1.0, 5.0, np.nan]), camera)
    labels = rng.choice(np.uint8([3, 200]), (24, 32))
    engine = RecordingEngine((24, 32), answer=(labels, labels))
    segmentation = Segmenter(engine).segment(RgbdFrame(np.zeros((*camera, 3), np.uint8), depth))
    assert set(np.unique(engine.depth_m[~np.isnan(engine.depth_m)])) == {1.0, 5.0}
    assert np.isnan(engine.depth_m).any()
    assert set(np.unique(segmentation.labels)) == {3, 200}
    assert set(np.unique(segmentation.confidence)) == {3, 200}


@pytest.mark.parametrize("times", [2, 4, 6])
def test_shrunk_colour_is_the_mean_of_what_it_covers(times):
    side = 2 * times
    rgb = np.zeros((side, side, 3), dtype=np.uint8)
    rgb[::2] = 100
    engine = RecordingEngine((2, 2))
    Segmenter(engine).segment(RgbdFrame(rgb, np.ones((side, side), np.float32)))
    assert (engine.rgb == 50).all()


@pytest.mark.parametrize("rotate_degrees", [0, 180])
def test_under_a_percentile_profile_the_range_is_that_of_the_resized_picture(rotate_degrees):
    depth_m = np.linspace(1, 4, 48 * 64, dtype=np.float32).reshape(48, 64)
    depth_m[10:20, 30:40] = np.nan
    given = RecordingEngine((24, 32))
    relative = RecordingEngine((24, 32), profile=PERCENTILE)
    frame = RgbdFrame(np.zeros((48, 64, 3), np.uint8), depth_m)
    for engine in (given, relative):
        Segmenter(engine, rotate_degrees).segment(frame)
    np.testing.assert_array_equal(relative.depth_m, relative_depth(given.depth_m, PERCENTILE))
    assert frame.depth_m is depth_m and np.isnan(depth_m[10:20, 30:40]).all()


def test_mirrored_sides_have_no_say_in_the_range_of_a_percentile_profile():
    picture = np.linspace(1, 4, 32 * 32, dtype=np.float32).reshape(32, 32).T
    engine = RecordingEngine((32, 48), profile=PERCENTILE)
    Segmenter(engine).segment(RgbdFrame(np.zeros((32, 32, 3), np.uint8), picture))
    np.testing.assert_array_equal(engine.depth_m[:, 8:40], relative_depth(picture, PERCENTILE))
