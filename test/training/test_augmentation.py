"""Augmented views keep colour, depth and labels aligned."""

import numpy as np
import pytest

from asymformer_ros.evaluation.labelled_frames import LabelledFrame
from asymformer_ros.training.augmentation import augment


def quadrants():
    """Four flat quadrants: label, depth and brightness all tell which one a pixel is from."""
    labels = np.zeros((240, 320), np.uint8)
    labels[:120, 160:] = 1
    labels[120:, :160] = 2
    labels[120:, 160:] = 3
    rgb = np.repeat((labels * 60 + 30)[:, :, None], 3, axis=2).astype(np.uint8)
    return LabelledFrame("quadrants", rgb, (labels + 1).astype(np.float32), labels)


@pytest.mark.parametrize("scales", [(0.5, 0.6), (0.9, 1.1), (2.0, 2.4)])
def test_every_view_is_aligned(scales):
    rng = np.random.default_rng(0)
    for _ in range(10):
        view = augment(quadrants(), (192, 256), scales, rng)
        assert view.rgb.shape == (192, 256, 3) and view.rgb.dtype == np.uint8
        assert view.depth_m.shape == (192, 256) and view.depth_m.dtype == np.float32
        assert view.labels.shape == (192, 256) and view.labels.dtype == np.uint8
        assert set(np.unique(view.labels)) <= {0, 1, 2, 3, 255}
        seen = np.isfinite(view.depth_m)
        # Depth is off by at most 8 % and noise, so that rounding gives the quadrant back.
        assert (np.rint(view.depth_m[seen]) == view.labels[seen] + 1).mean() > 0.97


def test_what_lies_outside_the_image_is_void():
    view = augment(quadrants(), (192, 256), (0.5, 0.5), np.random.default_rng(0))
    outside = view.labels == 255
    assert outside.mean() == pytest.approx(1 - 120 * 160 / (192 * 256), abs=0.001)
    assert np.isnan(view.depth_m[outside]).all()


def test_the_same_generator_gives_the_same_view():
    first, second = (
        augment(quadrants(), (96, 128), (0.8, 2.0), np.random.default_rng(5)) for _ in range(2)
    )
    assert np.array_equal(first.rgb, second.rgb)
    assert np.array_equal(first.depth_m, second.depth_m, equal_nan=True)
