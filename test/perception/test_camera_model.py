"""Each pixel looks along a ray: OpenCV, projecting the ray, ends in the pixel again."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asymformer_ros.perception.camera_model import CameraModel, strided_matrix
from asymformer_ros.perception.frames import FrameError

_K = (100.0, 0.0, 15.5, 0.0, 110.0, 11.0, 0.0, 0.0, 1.0)
_WIDTH, _HEIGHT = 32, 24

# Of the size that drivers of depth cameras publish; the first rational one is an OAK-D's.
_DISTORTIONS = [
    ("plumb_bob", (-0.0557, 0.0655, 0.0004, 0.0005, -0.0211)),
    ("plumb_bob", (-0.0557, 0.0655, 0.0004, 0.0005)),
    ("plumb_bob", (0.48, -2.7, 0.0006, -0.0002, 1.58, 0.36, -2.5, 1.5)),
    ("rational_polynomial", (-4.0934, 9.1908, 0.0013, -0.001, -8.9172, -4.188, 9.5568, -9.3035)),
    ("rational_polynomial", (0.48, -2.7, 0.0006, -0.0002, 1.58, 0.36, -2.5, 1.5)),
    ("equidistant", (0.05, -0.01, 0.003, -0.001)),
    ("equidistant", (0.0, 0.0, 0.0, 0.0)),
]


def camera(distortion_model="", coefficients=(), k=_K, width=_WIDTH, height=_HEIGHT):
    return CameraModel(k, distortion_model, tuple(coefficients), width, height)


def seen_at(model, rays):
    """Pixel [N, 2] in which OpenCV sees the points at the ends of rays [N, 2]."""
    points = np.column_stack([rays, np.ones(len(rays))]).reshape(-1, 1, 3).astype(float)
    project = cv2.fisheye.projectPoints if "equi" in model.distortion_model else cv2.projectPoints
    k, d = np.reshape(model.k, (3, 3)), np.array(model.coefficients)
    return project(points, np.zeros(3), np.zeros(3), k, d)[0].reshape(-1, 2)


def test_without_distortion_the_rays_are_those_of_the_pinhole_equation():
    rays = camera().rays(_HEIGHT, _WIDTH)
    assert rays.dtype == np.float32
    assert rays.shape == (24, 32, 2)
    np.testing.assert_allclose(rays[0, 0], [-15.5 / 100, -11 / 110], rtol=1e-6)
    np.testing.assert_allclose(rays[23, 31], [15.5 / 100, 12 / 110], rtol=1e-6)
    np.testing.assert_allclose(rays[5, 20], [4.5 / 100, -6 / 110], rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "coefficients"),
    [("plumb_bob", (0.0,) * 5), ("plumb_bob", ()), ("equidistant", ()), ("made up", ())],
)
def test_coefficients_of_zero_or_none_mean_no_distortion(name, coefficients):
    rays = camera(name, coefficients).rays(_HEIGHT, _WIDTH)
    np.testing.assert_array_equal(rays, camera().rays(_HEIGHT, _WIDTH))


def test_an_equidistant_lens_differs_from_a_pinhole_even_if_its_coefficients_are_zero():
    model = camera("equidistant", (0.0,) * 4)
    x, y = model.rays(_HEIGHT, _WIDTH)[11, 31]
    assert (x, y) == pytest.approx((np.tan(0.155), 0), abs=1e-6)


@pytest.mark.parametrize(("name", "coefficients"), _DISTORTIONS)
def test_a_distorted_ray_projects_to_its_own_pixel(name, coefficients):
    model = camera(name, coefficients)
    rays = model.rays(_HEIGHT, _WIDTH)
    rows, columns = np.indices((_HEIGHT, _WIDTH))
    pixels = np.column_stack([columns.ravel(), rows.ravel()])
    np.testing.assert_allclose(seen_at(model, rays.reshape(-1, 2)), pixels, atol=0.01)
    assert np.abs(rays - camera().rays(_HEIGHT, _WIDTH)).max() > 1e-5


def test_where_the_lens_model_sees_nothing_the_rays_are_nan_and_elsewhere_true():
    # Its projection folds back at 55 degrees: corners of this image are beyond any ray.
    k = (300.0, 0.0, 319.5, 0.0, 300.0, 239.5, 0.0, 0.0, 1.0)
    model = camera("plumb_bob", (-0.35, 0.15, 0.001, -0.001, -0.03), k, 640, 480)
    rays = model.rays(480, 640)
    known = ~np.isnan(rays)
    np.testing.assert_array_equal(known[..., 0], known[..., 1])
    assert not known[[0, 0, -1, -1], [0, -1, 0, -1]].any()
    assert known[100:380, 150:490].all()
    rows, columns = np.nonzero(known[..., 0])
    pixels = np.column_stack([columns, rows])
    np.testing.assert_allclose(seen_at(model, rays[rows, columns]), pixels, atol=0.11)


@pytest.mark.parametrize("stride", [2, 3, 7, 50])
@pytest.mark.parametrize(("name", "coefficients"), [("", ()), _DISTORTIONS[0]])
def test_a_stride_takes_every_nth_ray(name, coefficients, stride):
    model = camera(name, coefficients)
    strided = model.rays(_HEIGHT, _WIDTH, stride)
    np.testing.assert_array_equal(strided, model.rays(_HEIGHT, _WIDTH)[::stride, ::stride])
    assert strided.flags.c_contiguous


def test_equal_cameras_share_rays_that_nobody_can_change():
    rays = camera(*_DISTORTIONS[0]).rays(_HEIGHT, _WIDTH, 2)
    assert camera(*_DISTORTIONS[0]).rays(_HEIGHT, _WIDTH, 2) is rays
    with pytest.raises(ValueError, match="read-only"):
        rays[:] = 0


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"k": (0.0,) * 9}, "uncalibrated camera"),
        ({"k": (*_K[:4], 0.0, *_K[5:])}, "uncalibrated camera"),
        ({"k": (float("nan"), *_K[1:])}, "uncalibrated camera"),
        ({"k": ()}, "uncalibrated camera"),
        (
            {"distortion_model": "plumb_bob", "coefficients": (0.1, float("inf"), 0.0, 0.0)},
            "uncalibrated camera",
        ),
        (
            {"distortion_model": "division", "coefficients": (0.1,)},
            "distortion model 'division', known are plumb_bob, rational_polynomial, equidistant",
        ),
        ({"coefficients": (0.1, 0.0, 0.0, 0.0)}, "distortion model ''"),
        (
            {"distortion_model": "plumb_bob", "coefficients": (0.1, 0.0, 0.0)},
            "3 coefficients for plumb_bob, which has 4 or 5 or 8 or 12 or 14",
        ),
        (
            {"distortion_model": "equidistant", "coefficients": (0.1,) * 5},
            "5 coefficients for equidistant, which has 4",
        ),
    ],
)
def test_a_camera_whose_rays_nobody_knows_is_refused(changed, complaint):
    with pytest.raises(FrameError, match=complaint):
        camera(**changed)


@pytest.mark.parametrize("size", [(480, 640), (_WIDTH, _HEIGHT), (_HEIGHT, _WIDTH + 1)])
def test_an_image_of_another_size_than_the_camera_info_is_refused(size):
    with pytest.raises(FrameError, match=r"is of a 32x24 image, .* remap camera_info"):
        camera().rays(*size)


def test_the_first_two_rows_of_k_and_p_shrink_by_the_stride():
    p = (100.0, 0.0, 15.5, -7.0, 0.0, 110.0, 11.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    assert strided_matrix(_K, 4) == [25.0, 0, 3.875, 0, 27.5, 2.75, 0, 0, 1]
    assert strided_matrix(p, 2) == [50.0, 0, 7.75, -3.5, 0, 55, 5.5, 0, 0, 0, 1, 0]
    assert strided_matrix(p, 1) == list(p)


@given(
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    stride=st.integers(1, 9),
    focal=st.floats(10, 1000),
)
def test_the_strided_matrix_looks_along_the_strided_rays(width, height, stride, focal):
    k = (focal, 0.0, width / 2 - 0.25, 0.0, focal * 1.1, height / 3, 0.0, 0.0, 1.0)
    of_camera = camera(k=k, width=width, height=height).rays(height, width, stride)
    rows, columns = of_camera.shape[:2]
    small = camera(k=tuple(strided_matrix(k, stride)), width=columns, height=rows)
    np.testing.assert_allclose(small.rays(rows, columns), of_camera, rtol=1e-5, atol=1e-6)
