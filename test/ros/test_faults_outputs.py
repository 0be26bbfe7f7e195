"""What the outputs besides the labels need and miss; the rows `outputs[...]` of docs/faults.md."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

from faults import rows, survive, until_told
from sensor_msgs.msg import Image, PointCloud2

HEIGHT, WIDTH = 48, 64
OUTPUTS = {"semantic/points": PointCloud2, "semantic/overlay": Image}
K = [50.0, 0.0, 32.0, 0.0, 50.0, 24.0, 0.0, 0.0, 1.0]


def overlay_of_pair(rig):
    rig.consumer.output_of(rig.camera.pair(rig.later()), "semantic/overlay")


def no_camera_info(rig):
    """Publishes a pair while no camera info has come: the first fault that is played."""
    until_told(rig, "no message has come on color/camera_info", lambda: overlay_of_pair(rig))


def camera_info_of_another_size(rig):
    """Publishes pairs until it is told; why outputs fail is told once in five seconds."""
    rig.camera.info(width=32, height=24, k=K)
    until_told(rig, "32x24", lambda: overlay_of_pair(rig))


def no_distances(array, encoding):
    """Publishes a pair without distances, after a good one; all its points are NaN."""

    def play(rig):
        rig.camera.info(width=WIDTH, height=HEIGHT, k=K)
        rig.consumer.messages["semantic/points"].clear()
        while not rig.consumer.messages["semantic/points"]:  # the camera info is on its way
            overlay_of_pair(rig)
        stamp = rig.later()
        rig.camera.depth(stamp, array, encoding)
        points = rig.consumer.output_of(rig.camera.color(stamp), "semantic/points")
        xyz = np.frombuffer(points.data, np.float32).reshape(HEIGHT * WIDTH, -1)[:, :3]
        assert np.isnan(xyz).all()

    return play


FAULTS = {
    "no_camera_info": no_camera_info,
    "camera_info_of_another_size": camera_info_of_another_size,
    "depth_all_nan": no_distances(np.full((HEIGHT, WIDTH), np.nan, np.float32), "32FC1"),
    "depth_all_zero": no_distances(np.zeros((HEIGHT, WIDTH), np.uint16), "16UC1"),
}


def test_every_row_is_tested():
    assert list(rows("outputs")) == list(FAULTS)


@pytest.mark.parametrize("name", FAULTS)
def test_the_node_survives(rig, name):
    survive(rig, rows("outputs")[name], FAULTS[name])
