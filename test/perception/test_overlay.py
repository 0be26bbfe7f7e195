"""Labels become pictures: colours, overlay on the camera image, legend."""

import cv2
import numpy as np
import pytest

from asymformer_ros.perception.frames import UNLABELLED
from asymformer_ros.perception.labels import LabelSpace
from asymformer_ros.perception.overlay import blend, colorize, encode_jpeg, legend


@pytest.fixture
def space():
    palette = np.zeros((256, 3), dtype=np.uint8)
    palette[:3] = [[200, 0, 0], [0, 100, 0], [0, 0, 50]]
    return LabelSpace("three", ("wall", "floor", "door"), palette)


def random_image(*shape):
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


def test_every_pixel_takes_the_colour_of_its_label():
    labels, palette = random_image(24, 32), random_image(256, 3)
    np.testing.assert_array_equal(colorize(labels, palette), palette[labels])


@pytest.mark.parametrize("alpha", [0.0, 0.25, 0.5, 1.0])
def test_the_overlay_mixes_colours_and_camera_by_alpha(space, alpha):
    rgb, labels = random_image(6, 8, 3), random_image(6, 8) % 3
    colors = colorize(labels, space.palette)
    expected = alpha * colors.astype(float) + (1 - alpha) * rgb
    mixed = blend(rgb, colors, labels, alpha)
    assert mixed.dtype == np.uint8
    assert np.abs(mixed - expected).max() <= 0.5 + 1e-4


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_unlabelled_pixels_show_the_camera_untouched(space, alpha):
    rgb = random_image(6, 8, 3)
    labels = np.full((6, 8), 2, dtype=np.uint8)
    labels[2:, 3:] = UNLABELLED
    mixed = blend(rgb, colorize(labels, space.palette), labels, alpha)
    np.testing.assert_array_equal(mixed[2:, 3:], rgb[2:, 3:])


def test_the_overlay_leaves_its_inputs_alone(space):
    rgb, labels = random_image(6, 8, 3), np.full((6, 8), UNLABELLED, dtype=np.uint8)
    colors = colorize(labels, space.palette)
    before = rgb.copy(), colors.copy()
    blend(rgb, colors, labels, 0.5)[:] = 7
    np.testing.assert_array_equal(rgb, before[0])
    np.testing.assert_array_equal(colors, before[1])


def test_the_legend_shows_the_classes_in_view_and_no_other(space):
    labels = np.full((96, 128), UNLABELLED, dtype=np.uint8)
    labels[:10] = 2
    labels[10:20] = 0
    image = legend(space, labels)
    colours = {tuple(colour) for colour in image.reshape(-1, 3).tolist()}
    assert image.shape[0] == 96
    assert (200, 0, 0) in colours
    assert (0, 0, 50) in colours
    assert (0, 100, 0) not in colours


def test_the_legend_keeps_its_width_while_its_classes_fit_into_one_column(space):
    one = legend(space, np.zeros((96, 128), dtype=np.uint8))
    three = legend(space, (np.arange(96 * 128) % 3).astype(np.uint8).reshape(96, 128))
    assert one.shape == three.shape


def test_the_legend_of_many_classes_grows_to_the_right(space):
    labels = (np.arange(48 * 128) % 3).astype(np.uint8).reshape(48, 128)
    narrow = legend(space, np.zeros_like(labels))
    wide = legend(space, labels)
    assert wide.shape == (48, 2 * narrow.shape[1], 3)
    assert (wide == [0, 0, 50]).all(axis=2).any()


def test_the_legend_of_nothing_is_blank(space):
    assert (legend(space, np.full((48, 64), UNLABELLED, dtype=np.uint8)) == 255).all()


def test_a_jpeg_shows_red_where_red_was():
    rgb = np.zeros((16, 32, 3), dtype=np.uint8)
    rgb[:, :16, 0] = 200
    rgb[:, 16:, 2] = 200
    file = encode_jpeg(rgb)
    assert file[:3] == b"\xff\xd8\xff"
    bgr = cv2.imdecode(np.frombuffer(file, dtype=np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(bgr[..., ::-1].astype(int) - rgb)[:, [2, 29]].max() < 12
