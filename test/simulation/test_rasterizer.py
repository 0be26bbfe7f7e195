"""The z-buffer renderer against ray casting, which shares no code with it."""

import numpy as np
import pytest

from asymformer_ros.simulation import Intrinsics, make_room, random_pose, render
from asymformer_ros.simulation.classes import BOX, CEILING, FLOOR, WALL
from asymformer_ros.simulation.geometry import camera_pose, yaw_rotation
from asymformer_ros.simulation.materials import Material
from asymformer_ros.simulation.mesh import Builder
from asymformer_ros.simulation.rasterizer import rasterize

CAMERA = Intrinsics().scaled(160, 120)
GREY = Material(tile=0, dark=(0.3, 0.3, 0.3), bright=(0.6, 0.6, 0.6))
ROOM = (4.0, 5.0, 2.5)


def _rays(camera, pose):
    """Directions in the world whose length is 1 along the optical axis, so that t is depth."""
    u, v = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    rays = np.stack(
        [(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones(u.shape)], axis=-1
    )
    return rays @ pose[:3, :3].T


def _slab(rays, origin, low, high):
    """Distances at which rays enter and leave an axis-aligned box."""
    with np.errstate(divide="ignore"):
        a, b = (low - origin) / rays, (high - origin) / rays
    return np.minimum(a, b).max(axis=-1), np.maximum(a, b).min(axis=-1)


def _poses(rng, count):
    for _ in range(count):
        position = np.array([rng.uniform(0.3, 3.7), rng.uniform(0.3, 4.7), rng.uniform(0.6, 1.8)])
        yaw, pitch, roll = rng.uniform([-3.14, -0.6, -0.2], [3.14, 0.3, 0.2])
        yield camera_pose(position, yaw, pitch, roll)


def _shell(builder):
    x, y, z = ROOM
    builder.faces(FLOOR, GREY, np.array([[[0, y, 0], [x, y, 0], [x, 0, 0], [0, 0, 0.0]]]))
    builder.faces(CEILING, GREY, np.array([[[0, 0, z], [x, 0, z], [x, y, z], [0, y, z]]]))
    corners = [(0, 0), (x, 0), (x, y), (0, y)]
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
        wall = [[bx, by, z], [ax, ay, z], [ax, ay, 0], [bx, by, 0]]
        builder.faces(WALL, GREY, np.array([wall], dtype=float))


def test_a_wall_three_metres_ahead_measures_three_metres_at_every_pixel_that_shows_it():
    builder = Builder()
    _shell(builder)
    mesh = builder.mesh(np.random.default_rng(0))
    raster = rasterize(mesh, camera_pose(np.array([1.0, 2.5, 1.25]), 0.0, 0.0), CAMERA)
    depth = 1.0 / raster.inverse_depth[55:65]
    assert (mesh.label[raster.face[55:65]] == WALL).all()
    assert depth == pytest.approx(3.0, abs=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_depth_and_labels_agree_with_ray_casting_through_turned_boxes(seed):
    rng = np.random.default_rng(seed)
    builder = Builder()
    _shell(builder)
    boxes = []
    for _ in range(8):
        size = rng.uniform(0.1, 0.9, 3)
        place = rng.uniform([0.6, 0.6, 0.0], [3.4, 4.4, 1.2])
        yaw = rng.uniform(-3, 3)
        builder.at(*place, yaw).box(BOX, GREY, tuple(size))
        boxes.append((size, place, yaw_rotation(yaw)))
    mesh = builder.mesh(rng)
    compared = 0
    for pose in _poses(rng, 6):
        origin, rays = pose[:3, 3], _rays(CAMERA, pose)
        _, expected = _slab(rays, origin, np.zeros(3), np.array(ROOM))
        is_box = np.zeros(expected.shape, dtype=bool)
        inside = False
        for size, place, turn in boxes:
            low, high = (
                np.array([-size[0] / 2, -size[1] / 2, 0]),
                np.array([*size[:2] / 2, size[2]]),
            )
            near, far = _slab(rays @ turn, (origin - place) @ turn, low, high)
            inside |= bool(((near < 0.06) & (far > 0) & (near < far)).any())
            hit = (near < far) & (near > 0) & (near < expected)
            expected = np.where(hit, near, expected)
            is_box |= hit
        if inside:
            continue
        raster = rasterize(mesh, pose, CAMERA)
        depth = 1.0 / raster.inverse_depth
        wrong = np.abs(depth - expected) > 1e-3 * expected
        wrong |= (mesh.label[raster.face] == BOX) != is_box
        assert wrong.mean() < 2e-4, "only pixels cut by an outline to the last bit may differ"
        compared += 1
    assert compared >= 3


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_points_of_a_furnished_room_lie_where_their_labels_say(seed):
    room = make_room(seed)
    pose = random_pose(room, np.random.default_rng(seed))
    frame = render(room, pose, CAMERA)
    points = _rays(CAMERA, pose) * frame.depth_m[..., None] + pose[:3, 3]
    size = np.array(room.size)
    assert (points > -1e-3).all()
    assert (points < size + 1e-3).all()
    assert points[frame.labels == FLOOR][:, 2] == pytest.approx(0.0, abs=1e-3)
    assert points[frame.labels == CEILING][:, 2] == pytest.approx(size[2], abs=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_every_pixel_sees_the_plane_of_its_face_and_none_is_void(seed):
    room = make_room(seed)
    mesh = room.mesh
    pose = random_pose(room, np.random.default_rng(seed))
    raster = rasterize(mesh, pose, CAMERA)
    assert (raster.face < len(mesh.label)).all()
    points = _rays(CAMERA, pose) / raster.inverse_depth[..., None] + pose[:3, 3]
    off_plane = np.einsum(
        "hwk,hwk->hw", mesh.normals[raster.face], points - mesh.corners[raster.face, 0]
    )
    assert np.abs(off_plane).max() < 1e-3


def test_another_image_size_keeps_the_field_of_view():
    small = CAMERA.scaled(80, 60)
    assert (small.cx, small.cy) == pytest.approx((39.5, 29.5))
    edge_large = (-0.5 - CAMERA.cx) / CAMERA.fx
    assert (-0.5 - small.cx) / small.fx == pytest.approx(edge_large)
