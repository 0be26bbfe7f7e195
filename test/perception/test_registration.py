"""Depth moves into the colour camera as the pinhole equation says, the nearest surface in front."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asymformer_ros.perception.camera_model import CameraModel
from asymformer_ros.perception.frames import FrameError
from asymformer_ros.perception.registration import IDENTITY, DepthReprojection, RigidTransform

LENS = (0.12, -0.2, 0.001, -0.002, 0.05)


def camera(width=64, height=48, focal=50.0, coefficients=()):
    k = (focal, 0.0, (width - 1) / 2, 0.0, focal, (height - 1) / 2, 0.0, 0.0, 1.0)
    return CameraModel(k, "plumb_bob" if coefficients else "", coefficients, width, height)


def moved(x=0.0, y=0.0, z=0.0, rotation_vector=(0.0, 0.0, 0.0)):
    rotation, _ = cv2.Rodrigues(np.array(rotation_vector))
    return RigidTransform(tuple(rotation.ravel()), (x, y, z))


def plane(model, metres):
    return np.full((model.height, model.width), metres, np.float32)


def room(model, seed=0):
    """A slanted wall with holes, and a box before it."""
    rng = np.random.default_rng(seed)
    wall = 3 - np.linspace(0, 1.5, model.width) + 0 * plane(model, 0)
    wall[: model.height // 4, model.width // 2 :] = np.nan
    top, left = model.height // 3, model.width // 3
    wall[top : 2 * top, left : 2 * left] = rng.uniform(0.8, 1.2)
    return wall.astype(np.float32)


def test_a_camera_at_the_same_place_sees_the_same_depth():
    depth = room(camera())
    np.testing.assert_array_equal(
        DepthReprojection(camera(), camera(), IDENTITY).to_color(depth), depth
    )


@given(st.integers(0, 2**32 - 1))
def test_a_camera_at_the_same_place_changes_no_reading_whatever_the_depth(seed):
    rng = np.random.default_rng(seed)
    depth = rng.uniform(0.2, 20, (48, 64)).astype(np.float32)
    missing = rng.random(depth.shape) < 0.3
    depth[missing] = np.nan
    registered = DepthReprojection(camera(), camera(), IDENTITY).to_color(depth)
    np.testing.assert_array_equal(registered[~missing], depth[~missing])


def test_a_box_before_a_wall_moves_by_focal_length_times_baseline_over_distance():
    depth = plane(camera(), 5.0)
    depth[20:30, 25:35] = 1.0
    # Columns: 50 * 0.1 / 1 = 5 for the box, 50 * 0.1 / 5 = 1 for the wall.
    expected = plane(camera(), 5.0)
    expected[:, 0] = np.nan
    # What the box hid from the depth camera, the colour camera sees: nobody knows how far it is.
    expected[20:30, 26:30] = np.nan
    expected[20:30, 30:40] = 1.0
    registered = DepthReprojection(camera(), camera(), moved(x=0.1)).to_color(depth)
    np.testing.assert_array_equal(registered, expected)


def test_of_two_surfaces_on_one_ray_the_nearer_one_is_seen():
    depth = plane(camera(), 5.0)
    depth[:, 10:12] = 1.0
    # The pole moves 10 columns and the wall 2: it comes to stand before what was seen beside it.
    registered = DepthReprojection(camera(), camera(), moved(x=0.2)).to_color(depth)
    assert (registered[:, 20:22] == 1.0).all()
    assert (registered[:, 22:] == 5.0).all()


def test_depth_is_measured_along_the_colour_cameras_axis():
    registered = DepthReprojection(camera(), camera(), moved(z=-0.5)).to_color(plane(camera(), 2.0))
    seen = registered[~np.isnan(registered)]
    assert len(seen) > 0
    np.testing.assert_array_equal(seen, 1.5)


def test_what_lies_behind_the_colour_camera_is_not_seen():
    registered = DepthReprojection(camera(), camera(), moved(z=-3.0)).to_color(plane(camera(), 2.0))
    assert np.isnan(registered).all()


@pytest.mark.parametrize(
    "color", [camera(160, 120, 125.0), camera(96, 54, 80.0), camera(32, 24, 25)]
)
def test_an_image_of_another_resolution_has_no_holes(color):
    registered = DepthReprojection(camera(), color, IDENTITY).to_color(plane(camera(), 2.0))
    assert registered.shape == (color.height, color.width)
    np.testing.assert_array_equal(registered, 2.0)


def test_cracks_of_a_stretched_surface_are_closed_with_what_lies_behind():
    depth = plane(camera(), 2.0)
    depth[:, 30:32] = np.nan
    depth[:, 32:] = 3.0
    registered = DepthReprojection(camera(), camera(), IDENTITY).to_color(depth)
    assert (registered[:, 30:32] == 3.0).all()


def test_cracks_at_the_edge_of_the_image_are_closed_too():
    wide = camera(80, 48, 50.0)
    depth = plane(wide, 2.0)
    depth[:, 8] = np.nan
    registered = DepthReprojection(wide, camera(), IDENTITY).to_color(depth)
    assert (registered == 2.0).all()


def test_outside_the_depth_cameras_view_nothing_is_made_up():
    registered = DepthReprojection(camera(32, 24, 50.0), camera(), IDENTITY).to_color(
        plane(camera(32, 24, 50.0), 2.0)
    )
    expected = plane(camera(), np.nan)
    expected[12:36, 16:48] = 2.0
    np.testing.assert_array_equal(registered, expected)


def brute_force(depth, depth_model, color_model, depth_to_color):
    """Every depth pixel for itself: its four corners projected, its rectangle filled if nearer."""
    rotation = np.array(depth_to_color.rotation).reshape(3, 3)
    translation = np.array(depth_to_color.translation)
    registered = np.full((color_model.height, color_model.width), np.inf, np.float32)
    for v, u in np.argwhere(~np.isnan(depth)):
        corners = np.array([[[u + a, v + b]] for a in (-0.5, 0.5) for b in (-0.5, 0.5)])
        rays = cv2.undistortPoints(corners, matrix(depth_model), np.array(depth_model.coefficients))
        points = cv2.convertPointsToHomogeneous(rays)[:, 0] * depth[v, u]
        z = (rotation @ (points.mean(axis=0)) + translation)[2]
        pixels, _ = cv2.projectPoints(
            points,
            cv2.Rodrigues(rotation)[0],
            translation,
            matrix(color_model),
            np.array(color_model.coefficients),
        )
        left, top = np.maximum(np.ceil(pixels.min(axis=(0, 1))).astype(int), 0)
        right, bottom = np.maximum(np.ceil(pixels.max(axis=(0, 1))).astype(int), 0)
        covered = registered[top:bottom, left:right]
        np.minimum(covered, z, out=covered)
    registered[np.isinf(registered)] = np.nan
    return registered


def matrix(model):
    return np.array(model.k).reshape(3, 3)


@pytest.mark.parametrize(
    ("depth_model", "color_model", "depth_to_color"),
    [
        (camera(), camera(), moved(x=0.05, y=-0.02)),
        (camera(), camera(focal=78.5), moved(x=0.015)),
        (camera(), camera(128, 96, 110.0), moved(x=-0.03, rotation_vector=(0.1, 0.02, 0.01))),
        (camera(96, 72, 75.0), camera(48, 36, 30.0), moved(x=0.03, z=0.01)),
        (camera(coefficients=LENS), camera(coefficients=LENS), moved(x=0.05)),
        (camera(), camera(128, 72, 100.0, LENS), moved(x=0.03, rotation_vector=(0.0, 0.0, 0.03))),
    ],
    ids=["same", "longer lens", "finer and tilted", "coarser", "both distorted", "all at once"],
)
def test_it_agrees_with_every_pixel_projected_for_itself(depth_model, color_model, depth_to_color):
    depth = room(depth_model)
    registered = DepthReprojection(depth_model, color_model, depth_to_color).to_color(depth)
    reference = brute_force(depth, depth_model, color_model, depth_to_color)
    # A reading and a ray each lie up to half a cell from their cell's centre; half for its extent.
    cells = np.ceil(1.5 * max(1.0, color_model.k[0] / depth_model.k[0]))
    near = np.ones((2 * int(cells) + 1, 2 * int(cells) + 1), np.uint8)
    nearest = cv2.erode(np.nan_to_num(reference, nan=np.inf), near)
    farthest = cv2.dilate(np.nan_to_num(reference, nan=-np.inf), near)
    seen = ~np.isnan(registered)
    two_columns_of_wall = 0.05
    assert (registered[seen] >= nearest[seen] - two_columns_of_wall).all()
    assert (registered[seen] <= farthest[seen] + two_columns_of_wall).all()
    assert np.isnan(reference[cv2.erode((~seen).astype(np.uint8), near) == 1]).all()
    assert seen.mean() == pytest.approx(np.mean(~np.isnan(reference)), abs=0.05)


def test_depth_of_another_size_than_its_camera_info_is_refused():
    reprojection = DepthReprojection(camera(), camera(), IDENTITY)
    with pytest.raises(FrameError, match=r"depth is 32x24 but its camera_info is of a 64x48 image"):
        reprojection.to_color(np.ones((24, 32), np.float32))
