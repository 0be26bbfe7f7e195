"""What the simulated world promises to those who train on it and play it."""

import hashlib
import itertools
import subprocess
import sys

import cv2
import numpy as np
import pytest

from asymformer_ros.simulation import (
    Intrinsics,
    camera_path,
    fly_through,
    make_room,
    random_view,
    render,
)

CAMERA = Intrinsics().scaled(160, 120)


def _digest(frames):
    digest = hashlib.sha256()
    for frame in frames:
        for array in (frame.rgb, frame.depth_m, frame.labels, frame.camera_to_world):
            digest.update(array.tobytes())
    return digest.hexdigest()


_IN_ANOTHER_PROCESS = """
import hashlib
from asymformer_ros.simulation import Intrinsics, fly_through, random_view
camera = Intrinsics().scaled(160, 120)
digest = hashlib.sha256()
for frame in [random_view(7, camera), *fly_through(8, 2, camera)]:
    for array in (frame.rgb, frame.depth_m, frame.labels, frame.camera_to_world):
        digest.update(array.tobytes())
print(digest.hexdigest())
"""


@pytest.fixture(scope="module")
def views():
    return [random_view(seed, CAMERA, sensor_noise=False) for seed in range(60)]


def test_the_same_seed_gives_the_same_bytes_in_another_process():
    here = _digest([random_view(7, CAMERA), *fly_through(8, 2, CAMERA)])
    there = subprocess.run(
        [sys.executable, "-c", _IN_ANOTHER_PROCESS], capture_output=True, text=True, check=True
    )
    assert there.stdout.strip() == here


def test_another_seed_gives_another_view():
    assert _digest([random_view(1, CAMERA)]) != _digest([random_view(2, CAMERA)])


def test_frames_have_the_promised_shapes_and_types():
    frame = random_view(3, CAMERA)
    assert (frame.rgb.shape, frame.rgb.dtype) == ((120, 160, 3), np.uint8)
    assert (frame.depth_m.shape, frame.depth_m.dtype) == ((120, 160), np.float32)
    assert (frame.labels.shape, frame.labels.dtype) == ((120, 160), np.uint8)
    assert (frame.camera_to_world.shape, frame.camera_to_world.dtype) == ((4, 4), np.float64)
    rotation = frame.camera_to_world[:3, :3]
    assert rotation.T @ rotation == pytest.approx(np.eye(3))
    assert np.linalg.det(rotation) == pytest.approx(1.0)


def test_views_of_twenty_rooms_show_at_least_fourteen_classes_with_area(views):
    pixels = sum(np.bincount(view.labels.ravel(), minlength=256) for view in views[:20])
    assert (pixels[:40] > 100).sum() >= 14
    assert pixels[40:].sum() == 0


def test_a_typical_view_shows_at_least_six_classes(views):
    shown = [(np.bincount(view.labels.ravel(), minlength=40) > 20).sum() for view in views]
    assert np.median(shown) >= 6


def test_images_are_neither_black_nor_burnt_out(views):
    means = np.array([view.rgb.mean() for view in views])
    contrasts = np.array([view.rgb.std() for view in views])
    assert means.min() > 30
    assert means.max() < 225
    assert contrasts.min() > 10


def test_a_small_image_shows_what_a_large_one_shows():
    """Each takes its surfaces from other mip levels of the same textures."""

    def thumbnail(seed, camera):
        rgb = random_view(seed, camera, sensor_noise=False).rgb
        return cv2.resize(rgb, (20, 15), interpolation=cv2.INTER_AREA).astype(float)

    differences = [
        np.abs(thumbnail(seed, CAMERA) - thumbnail(seed, Intrinsics())) for seed in range(4)
    ]
    assert np.mean(differences) < 4


def test_colour_alone_does_not_tell_the_class(views):
    """A classifier by nearest mean colour, fitted on half of the rooms, fails on the others."""

    def pixels(half):
        colours = np.concatenate([v.rgb.reshape(-1, 3)[::7] for v in half]).astype(float)
        return colours, np.concatenate([v.labels.ravel()[::7] for v in half])

    (fit_colours, fit_labels), (colours, labels) = pixels(views[:30]), pixels(views[30:])
    classes = [c for c in range(40) if min((fit_labels == c).sum(), (labels == c).sum()) > 50]
    assert len(classes) >= 14
    means = np.array([fit_colours[fit_labels == c].mean(axis=0) for c in classes])
    nearest = np.array(classes)[
        np.argmin(((colours[:, None] - means[None]) ** 2).sum(axis=-1), axis=1)
    ]
    recalls = [(nearest[labels == c] == c).mean() for c in classes]
    assert np.mean(recalls) < 3 / len(classes)


def test_no_class_has_a_hue_of_its_own(views):
    """Between the mean colours of two classes lies less than the spread within a class."""
    colours = np.concatenate([v.rgb.reshape(-1, 3)[::7] for v in views]).astype(float)
    labels = np.concatenate([v.labels.ravel()[::7] for v in views])
    common = np.flatnonzero(np.bincount(labels, minlength=40) > 2000)
    assert len(common) >= 8
    groups = [colours[labels == c] for c in common]
    within = np.mean([g.std(axis=0).mean() for g in groups])
    between = np.std([g.mean(axis=0) for g in groups], axis=0).mean()
    assert between < 0.6 * within


@pytest.mark.parametrize("seed", [0, 1, 2, 5, 6, 9])
def test_the_camera_path_keeps_clear_of_walls_and_furniture(seed):
    room = make_room(seed)
    for pose in camera_path(room, 24):
        x, y, z = pose[:3, 3]
        assert 0.15 < x < room.size[0] - 0.15
        assert 0.15 < y < room.size[1] - 0.15
        assert 0.6 <= z <= 1.8
        row, column = int(y / 0.05), int(x / 0.05)
        assert not room.blocked[row - 2 : row + 3, column - 2 : column + 3].any()
        assert np.nanmin(render(room, pose, CAMERA).depth_m) > 0.1


def test_the_camera_path_is_smooth_and_closed():
    poses = camera_path(make_room(4), 90)
    steps = [np.linalg.norm(b[:3, 3] - a[:3, 3]) for a, b in itertools.pairwise([*poses, poses[0]])]
    turns = [
        np.degrees(np.arccos(np.clip(a[:3, 2] @ b[:3, 2], -1, 1)))
        for a, b in itertools.pairwise([*poses, poses[0]])
    ]
    assert max(steps) < 0.25
    assert max(turns) < 6.0


def test_a_fly_through_shows_one_room_from_moving_poses():
    frames = list(fly_through(3, 4, CAMERA))
    assert len(frames) == 4
    assert len({frame.camera_to_world.tobytes() for frame in frames}) == 4
    again = render(make_room(3), frames[1].camera_to_world, CAMERA)
    assert np.array_equal(again.labels, frames[1].labels)
