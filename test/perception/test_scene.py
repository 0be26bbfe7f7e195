"""The scene lists the classes in view with their share, distance, place and confidence."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asymformer_ros.perception.camera_model import CameraModel
from asymformer_ros.perception.frames import UNLABELLED, FrameError, Segmentation
from asymformer_ros.perception.labels import LabelSpace
from asymformer_ros.perception.scene import classes_in_view

_SPACE = LabelSpace("four", ("wall", "floor", "chair", "person"), np.zeros((256, 3), np.uint8))
_WALL, _FLOOR, _CHAIR, _PERSON = range(4)
_SHAPE = (100, 200)


def camera(height=100, width=200, focal=100.0, coefficients=()):
    k = (focal, 0.0, width / 2, 0.0, focal, height / 2, 0.0, 0.0, 1.0)
    return CameraModel(k, "plumb_bob", coefficients, width, height)


def a_view(shape=_SHAPE):
    """A wall 4 m away, all over the image; confidence 255."""
    labels = np.full(shape, _WALL, dtype=np.uint8)
    return labels, np.full_like(labels, 255), np.full(shape, 4.0, dtype=np.float32)


def look(labels, confidence, depth, model=None, stride=1):
    found = classes_in_view(Segmentation(labels, confidence), depth, _SPACE, model, stride)
    return {entry.name: entry for entry in found}


def test_each_class_in_view_is_listed_with_the_largest_first():
    labels, confidence, depth = a_view()
    labels[:10] = _PERSON
    labels[60:] = _FLOOR
    found = classes_in_view(Segmentation(labels, confidence), depth, _SPACE, None)
    assert [(entry.class_id, entry.name) for entry in found] == [
        (_WALL, "wall"),
        (_FLOOR, "floor"),
        (_PERSON, "person"),
    ]
    assert [entry.pixel_share for entry in found] == pytest.approx([0.5, 0.4, 0.1])


def test_classes_of_equal_share_are_listed_in_the_order_of_their_labels():
    labels, confidence, depth = a_view()
    labels[:50] = _CHAIR
    assert list(look(labels, confidence, depth)) == ["wall", "chair"]


def test_unlabelled_pixels_belong_to_no_class_but_count_in_the_shares():
    labels, confidence, depth = a_view()
    labels[:75] = UNLABELLED
    found = look(labels, confidence, depth)
    assert list(found) == ["wall"]
    assert found["wall"].pixel_share == pytest.approx(0.25)


def test_nothing_labelled_is_an_empty_scene():
    labels, confidence, depth = a_view()
    assert look(np.full_like(labels, UNLABELLED), confidence, depth, camera()) == {}


@pytest.mark.parametrize(("pixels", "listed"), [(19, False), (20, True)])
def test_a_class_is_in_view_from_a_thousandth_of_the_pixels_on(pixels, listed):
    labels, confidence, depth = a_view()
    labels[0, :pixels] = _CHAIR
    assert ("chair" in look(labels, confidence, depth)) is listed


def test_confidence_is_the_mean_over_the_classs_pixels():
    labels, confidence, depth = a_view()
    labels[:, :50] = _PERSON
    confidence[:, :25] = 51
    confidence[:, 25:50] = 102
    found = look(labels, confidence, depth)
    assert found["person"].confidence == pytest.approx(0.3)
    assert found["wall"].confidence == pytest.approx(1)


def test_a_box_at_a_known_place_is_found_there():
    labels, confidence, depth = a_view()
    # 20 pixels right of and 10 below the axis at 2 m: x = 20 * 2 / 100, y = 10 * 2 / 100.
    labels[50:71, 110:131] = _CHAIR
    depth[50:71, 110:131] = 2.0
    chair = look(labels, confidence, depth, camera())["chair"]
    assert (chair.nearest_m, chair.median_m) == (2, 2)
    assert chair.centroid == pytest.approx((0.4, 0.2, 2.0))


def test_the_nearest_distance_is_that_of_the_nearest_part():
    labels, confidence, depth = a_view()
    depth[:20] = 1.5
    wall = look(labels, confidence, depth)["wall"]
    assert (wall.nearest_m, wall.median_m) == (1.5, 4)


@pytest.mark.parametrize("size", [(480, 640), (720, 1280), (100, 200)])
def test_a_single_speckle_is_not_the_nearest_part(size):
    labels, confidence, depth = a_view(size)
    depth[48, 96] = 0.2
    assert look(labels, confidence, depth)["wall"].nearest_m == 4


@pytest.mark.parametrize("size", [(480, 640), (720, 1280), (1080, 1920)])
def test_a_small_obstacle_of_a_class_that_fills_the_view_is_its_nearest_part(size):
    labels, confidence, depth = a_view(size)
    # A 60th of each side: 0.03 percent of the class.
    height, width = size[0] // 60, size[1] // 60
    depth[200 : 200 + height, 300 : 300 + width] = 0.7
    assert look(labels, confidence, depth)["wall"].nearest_m == np.float32(0.7)


def test_pixels_that_bleed_onto_the_background_do_not_draw_the_centroid_there():
    labels, confidence, depth = a_view()
    labels[40:61, 90:111] = _PERSON
    depth[40:61, 90:105] = 1.0
    person = look(labels, confidence, depth, camera())["person"]
    assert person.median_m == 1
    assert person.centroid[2] == 1


def test_holes_count_in_the_share_and_not_in_the_distances():
    labels, confidence, depth = a_view()
    labels[:, :100] = _FLOOR
    depth[:, :100] = 3.0
    depth[:, ::3] = np.nan
    floor = look(labels, confidence, depth, camera())["floor"]
    assert floor.pixel_share == pytest.approx(0.5)
    assert (floor.nearest_m, floor.median_m) == (3, 3)
    assert not any(map(math.isnan, floor.centroid))


def test_a_class_without_depth_has_share_and_confidence_alone():
    labels, confidence, depth = a_view()
    labels[:, :100] = _FLOOR
    depth[:, :100] = np.nan
    floor = look(labels, confidence, depth, camera())["floor"]
    assert (floor.pixel_share, floor.confidence) == pytest.approx((0.5, 1))
    assert all(map(math.isnan, (floor.nearest_m, floor.median_m, *floor.centroid)))


def test_a_single_reading_is_better_than_none():
    labels, confidence, depth = a_view()
    depth[:] = np.nan
    depth[0, 0] = 1.25
    wall = look(labels, confidence, depth)["wall"]
    assert (wall.nearest_m, wall.median_m) == (1.25, 1.25)


def test_without_a_camera_model_distances_are_known_and_the_centroid_is_not():
    found = look(*a_view(), None)["wall"]
    assert (found.nearest_m, found.median_m) == (4, 4)
    assert all(map(math.isnan, found.centroid))


def test_pixels_that_the_lens_model_cannot_place_are_left_out_of_the_place():
    model = camera(focal=60.0, coefficients=(-0.35, 0.15, 0.0, 0.0, -0.03))
    lost = np.isnan(model.rays(*_SHAPE)[..., 0])
    labels, confidence, depth = a_view()
    depth[lost] = 0.5
    wall = look(labels, confidence, depth, model)["wall"]
    assert lost.any()
    assert (wall.nearest_m, wall.median_m) == (4, 4)
    assert wall.centroid == pytest.approx((0, 0, 4), abs=0.1)


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_a_strided_label_image_gives_the_same_scene(stride):
    labels, confidence, depth = a_view((480, 640))
    labels[240:361, 320:481] = _CHAIR
    depth[240:361, 320:481] = 2.0
    model = camera(480, 640)
    chair = look(labels, confidence, depth, model)["chair"]
    small = look(
        np.ascontiguousarray(labels[::stride, ::stride]),
        np.ascontiguousarray(confidence[::stride, ::stride]),
        depth,
        model,
        stride,
    )["chair"]
    assert small.pixel_share == pytest.approx(chair.pixel_share, abs=0.005)
    assert (small.nearest_m, small.median_m) == (chair.nearest_m, chair.median_m)
    # Half a grid cell of the coarsest at 2 m and f = 100.
    assert small.centroid == pytest.approx(chair.centroid, abs=4 * 2 / 100)


@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 30),
    width=st.integers(1, 30),
    hole=st.floats(0, 1),
)
def test_every_scene_has_shares_and_distances_that_fit_the_image(seed, height, width, hole):
    rng = np.random.default_rng(seed)
    labels = rng.choice(np.uint8([0, 1, 2, 3, 255]), (height, width))
    depth = rng.uniform(0.3, 8, (height, width)).astype(np.float32)
    depth[rng.random((height, width)) < hole] = np.nan
    before = depth.copy()
    confidence = rng.integers(0, 256, (height, width), dtype=np.uint8)
    found = look(labels, confidence, depth, camera(height, width))
    total = sum(entry.pixel_share for entry in found.values())
    assert total == pytest.approx((labels != UNLABELLED).mean())
    for entry in found.values():
        own = labels == entry.class_id
        readings = depth[own & ~np.isnan(depth)]
        assert entry.confidence == pytest.approx(confidence[own].mean() / 255)
        assert math.isnan(entry.nearest_m) == (readings.size == 0)
        if readings.size:
            assert readings.min() <= entry.nearest_m <= readings.max()
            assert abs((readings < entry.median_m).mean() - 0.5) <= 0.5 / readings.size + 1e-9
    np.testing.assert_array_equal(depth, before)


def test_a_camera_info_of_another_size_is_refused():
    with pytest.raises(FrameError, match="camera_info is of a 64x48 image"):
        look(*a_view(), camera(48, 64))
