"""The segmenter fits frames of any size to the engine and the answer back to the camera."""

import numpy as np
import pytest

from asymformer_ros.perception.frames import RgbdFrame
from asymformer_ros.perception.segmenter import Segmenter


class RecordingEngine:
    """Labels each pixel with its red value and keeps what it was given."""

    name = "recording"

    def __init__(self, input_size, answer=None):
        self.input_size = input_size
        self.answer = answer

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


@pytest.mark.parametrize("camera", [(48, 64), (12, 16), (48, 16), (6, 8)])
def test_the_answer_has_the_cameras_size_and_lies_where_the_picture_lay(camera):
    frame = frame_of(*camera, cells=(2, 2))
    engine = RecordingEngine((24, 32))
    segmentation = Segmenter(engine).segment(frame)
    assert engine.rgb.shape == (24, 32, 3)
    assert engine.depth_m.shape == (24, 32)
    # Beside the patches' borders colour may be mixed when it is enlarged.
    inner = np.ones(camera, dtype=bool)
    inner[camera[0] // 2 - 1 : camera[0] // 2 + 1] = False
    inner[:, camera[1] // 2 - 1 : camera[1] // 2 + 1] = False
    np.testing.assert_array_equal(segmentation.labels[inner], frame.rgb[..., 0][inner])
    np.testing.assert_array_equal(segmentation.confidence[inner], frame.rgb[..., 1][inner])


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


def test_shrunk_colour_is_the_mean_of_what_it_covers():
    rgb = np.zeros((4, 4, 3), dtype=np.uint8)
    rgb[::2] = 100
    engine = RecordingEngine((2, 2))
    Segmenter(engine).segment(RgbdFrame(rgb, np.ones((4, 4), np.float32)))
    assert (engine.rgb == 50).all()
