"""The cloud has one point for each pixel of the label image, with colour, label and confidence."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asymformer_ros.perception.camera_model import CameraModel
from asymformer_ros.perception.cloud import POINT, labelled_cloud
from asymformer_ros.perception.frames import FrameError, Segmentation
from asymformer_ros.perception.labels import LabelSpace, load_labelling
from asymformer_ros.perception.refine import OutputOptions, mask_table, refine

_HEIGHT, _WIDTH = 24, 32
_K = (100.0, 0.0, 15.5, 0.0, 110.0, 11.0, 0.0, 0.0, 1.0)
_CAMERA = CameraModel(_K, "", (), _WIDTH, _HEIGHT)


def scene(seed=3, height=_HEIGHT, width=_WIDTH):
    """Random colour, depth with holes, and segmentation."""
    rng = np.random.default_rng(seed)
    depth = rng.uniform(0.3, 8, (height, width)).astype(np.float32)
    depth[rng.random((height, width)) < 0.2] = np.nan
    labels = rng.choice(np.uint8([0, 1, 2, 40, 255]), (height, width))
    confidence = rng.integers(0, 256, (height, width), dtype=np.uint8)
    rgb = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return rgb, depth, Segmentation(labels, confidence)


def bits(cloud):
    return cloud["rgb"].copy().view(np.uint32)


def test_a_point_is_24_unpadded_little_endian_bytes_as_pcl_reads_them():
    assert POINT.itemsize == 24
    layout = {name: (offset, kind.str) for name, (kind, offset) in POINT.fields.items()}
    assert layout == {
        "x": (0, "<f4"),
        "y": (4, "<f4"),
        "z": (8, "<f4"),
        "rgb": (12, "<f4"),
        "label": (16, "<u4"),
        "confidence": (20, "<f4"),
    }


def test_a_plane_before_the_camera_is_a_plane_of_points_in_the_optical_frame():
    rgb, _, segmentation = scene()
    depth = np.full((_HEIGHT, _WIDTH), 2.0, dtype=np.float32)
    cloud = labelled_cloud(rgb, depth, segmentation, _CAMERA)
    assert cloud.dtype == POINT
    assert cloud.shape == (_HEIGHT, _WIDTH)
    assert cloud.flags.c_contiguous
    assert (cloud["z"] == 2).all()
    # x = (u - cx) z / fx to the right, y = (v - cy) z / fy down.
    assert cloud["x"][0, 31] == pytest.approx((31 - 15.5) * 2 / 100)
    assert cloud["y"][0, 31] == pytest.approx((0 - 11) * 2 / 110)
    assert cloud["x"][23, 4] == pytest.approx((4 - 15.5) * 2 / 100)
    assert cloud["y"][23, 4] == pytest.approx((23 - 11) * 2 / 110)


@pytest.mark.parametrize(
    ("name", "coefficients", "project"),
    [
        ("plumb_bob", (-0.3, 0.1, 0.001, -0.002, 0.01), cv2.projectPoints),
        ("equidistant", (0.05, -0.01, 0.003, -0.001), cv2.fisheye.projectPoints),
    ],
)
def test_a_distorting_lens_sees_each_point_in_its_own_pixel(name, coefficients, project):
    rgb, depth, segmentation = scene()
    model = CameraModel(_K, name, coefficients, _WIDTH, _HEIGHT)
    cloud = labelled_cloud(rgb, depth, segmentation, model)
    rows, columns = np.nonzero(~np.isnan(depth))
    seen_points = cloud[rows, columns]
    points = np.column_stack([seen_points[axis] for axis in "xyz"]).reshape(-1, 1, 3)
    k, d = np.reshape(_K, (3, 3)), np.array(coefficients)
    seen = project(points.astype(float), np.zeros(3), np.zeros(3), k, d)[0].reshape(-1, 2)
    np.testing.assert_allclose(seen, np.column_stack([columns, rows]), atol=0.01)
    np.testing.assert_array_equal(seen_points["z"], depth[rows, columns])


def test_pixels_without_depth_keep_their_place_colour_and_label_but_have_no_position():
    rgb, depth, segmentation = scene()
    cloud = labelled_cloud(rgb, depth, segmentation, _CAMERA)
    for axis in "xyz":
        np.testing.assert_array_equal(np.isnan(cloud[axis]), np.isnan(depth))
    np.testing.assert_array_equal(cloud["label"], segmentation.labels)


def test_a_pixel_that_the_lens_model_cannot_place_has_no_position_although_it_has_depth():
    k = (20.0, 0.0, 15.5, 0.0, 20.0, 11.5, 0.0, 0.0, 1.0)
    model = CameraModel(k, "plumb_bob", (-0.35, 0.15, 0.0, 0.0, -0.03), _WIDTH, _HEIGHT)
    lost = np.isnan(model.rays(_HEIGHT, _WIDTH)[..., 0])
    rgb, _, segmentation = scene()
    depth = np.ones((_HEIGHT, _WIDTH), dtype=np.float32)
    cloud = labelled_cloud(rgb, depth, segmentation, model)
    assert 0 < lost.sum() < lost.size
    for axis in "xyz":
        np.testing.assert_array_equal(np.isnan(cloud[axis]), lost)


def test_colour_is_packed_as_pcl_unpacks_it_and_is_never_nan():
    rgb, depth, segmentation = scene()
    rgb[0, :3] = [[255, 255, 255], [1, 2, 3], [128, 0, 0]]
    cloud = labelled_cloud(rgb, depth, segmentation, _CAMERA)
    assert bits(cloud)[0, :3].tolist() == [0x00FFFFFF, 0x00010203, 0x00800000]
    for shift, channel in ((16, 0), (8, 1), (0, 2)):
        np.testing.assert_array_equal(bits(cloud) >> shift & 255, rgb[..., channel])
    assert not np.isnan(cloud["rgb"]).any()


def test_confidence_is_a_share_of_one():
    rgb, depth, segmentation = scene()
    segmentation.confidence[0, :3] = [0, 255, 51]
    cloud = labelled_cloud(rgb, depth, segmentation, _CAMERA)
    assert cloud["confidence"][0, :3].tolist() == pytest.approx([0, 1, 0.2])
    assert cloud["confidence"].max() <= 1


@given(height=st.integers(1, 20), width=st.integers(1, 20), stride=st.integers(1, 6))
def test_the_strided_cloud_lies_on_the_strided_label_image(height, width, stride):
    rgb, depth, segmentation = scene(height=height, width=width)
    camera = CameraModel(_K, "", (), width, height)
    labelling = load_labelling("", LabelSpace("any", ("a",), np.zeros((256, 3), np.uint8)))
    options = OutputOptions(labelling, mask_table(labelling, []), stride=stride)
    published = refine(segmentation, depth, options)
    whole = labelled_cloud(rgb, depth, segmentation, camera)
    cloud = labelled_cloud(rgb, depth, published, camera, stride)
    assert cloud.shape == published.labels.shape
    assert cloud.flags.c_contiguous
    assert cloud.tobytes() == whole[::stride, ::stride].tobytes()


def test_a_camera_info_of_another_size_is_refused():
    rgb, depth, segmentation = scene(height=_HEIGHT + 1)
    with pytest.raises(FrameError, match="camera_info is of a 32x24 image, this one is 32x25"):
        labelled_cloud(rgb, depth, segmentation, _CAMERA)
