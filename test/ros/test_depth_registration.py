"""Depth is registered with two camera infos and a transform, or it is said what is missing."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

from sensor_msgs.msg import CameraInfo

from asymformer_ros.perception.frames import FrameError
from asymformer_ros.perception.registration import IDENTITY
from asymformer_ros.ros.depth_registration import DepthRegistration

DEPTH = np.full((48, 64), 2.0, np.float32)


class Transforms:
    """Stands for the robot's static transforms."""

    def __init__(self):
        self.depth_to_color = {}

    def lookup(self, color_frame, depth_frame):
        if (color_frame, depth_frame) not in self.depth_to_color:
            raise FrameError(f"no transform from {depth_frame} to {color_frame}")
        return self.depth_to_color[color_frame, depth_frame]


@pytest.fixture
def transforms():
    transforms = Transforms()
    transforms.depth_to_color["color", "depth"] = shifted(0.04)
    return transforms


@pytest.fixture
def registration(transforms):
    return DepthRegistration(transforms, "color/camera_info", "depth/camera_info")


def shifted(x):
    return IDENTITY._replace(translation=(x, 0.0, 0.0))


def info(width=64, height=48, focal=50.0):
    k = [focal, 0.0, (width - 1) / 2, 0.0, focal, (height - 1) / 2, 0.0, 0.0, 1.0]
    return CameraInfo(width=width, height=height, k=k, distortion_model="plumb_bob", d=[0.0] * 5)


def call(registration, **changes):
    arguments = {
        "depth_m": DEPTH,
        "color_size": (48, 64),
        "color_frame": "color",
        "depth_frame": "depth",
        "color_info": info(),
        "depth_info": info(),
    }
    return registration.register(**(arguments | changes))


def columns_without_depth(registered):
    return np.flatnonzero(np.isnan(registered).all(axis=0)).tolist()


def test_depth_is_seen_from_the_colour_cameras_place(registration):
    # 50 pixels * 0.04 m / 2 m
    assert columns_without_depth(call(registration)) == [0]


def test_depth_takes_the_colour_images_size(registration):
    registered = call(registration, color_size=(96, 128), color_info=info(128, 96, 100.0))
    assert registered.shape == (96, 128)
    assert columns_without_depth(registered) == [0, 1]


def test_another_transform_or_calibration_counts_from_the_next_frame(registration, transforms):
    call(registration)
    transforms.depth_to_color["color", "depth"] = shifted(0.2)
    assert columns_without_depth(call(registration)) == [0, 1, 2, 3, 4]
    sharper = {"color_info": info(focal=100.0), "depth_info": info(focal=100.0)}
    assert len(columns_without_depth(call(registration, **sharper))) == 10


def test_depth_that_the_driver_has_registered_is_left_as_it_is(registration):
    assert call(registration, depth_frame="color") is DEPTH


def test_in_one_frame_only_the_images_differ(registration):
    wide = {"color_size": (96, 128), "color_info": info(128, 96, 100.0)}
    registered = call(registration, depth_frame="color", **wide)
    assert registered.shape == (96, 128)
    assert (registered == 2.0).all()


UNCALIBRATED = CameraInfo(width=64, height=48)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"depth_info": None}, "depth camera's calibration but nothing came on depth/camera_info"),
        ({"color_info": None}, "colour camera's calibration but nothing came on color/camera_info"),
        ({"depth_info": info(32, 24)}, "depth is 64x48 but depth/camera_info is of a 32x24 image"),
        ({"color_size": (24, 32)}, "colour is 32x24 but color/camera_info is of a 64x48 image"),
        ({"depth_info": UNCALIBRATED}, "^depth/camera_info: .*uncalibrated"),
        ({"color_info": UNCALIBRATED}, "^color/camera_info: .*uncalibrated"),
        ({"depth_frame": "lidar"}, "no transform from lidar to color"),
    ],
)
def test_what_is_missing_is_named(registration, changes, sentence):
    with pytest.raises(FrameError, match=sentence):
        call(registration, **changes)
