"""Streams that stop, come back, repeat or go back; the rows `streams[...]` of docs/faults.md."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

import rclpy
from faults import rows, survive, until_told
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

MS = 1_000_000
PERIOD_NS = 33_333_333
HEIGHT, WIDTH = 48, 64
OUTPUTS = {}
SLOW = np.full((HEIGHT, WIDTH, 3), 15, dtype=np.uint8)


def segment_pair(rig, stamp):
    return rig.consumer.output_of(rig.camera.pair(stamp))


def camera_of_200_hz(rig):
    """Publishes 200 pairs in a second; the engine takes 50 ms for each."""
    start, published = rig.later(), []

    def publish():
        if len(published) < 200:
            stamp = start + len(published) * 5 * MS
            rig.camera.depth(stamp)
            published.append(rig.camera.color(stamp, SLOW))
            rig.camera.note()

    timer = rig.camera.node.create_timer(0.005, publish)
    rig.camera.wait_for(lambda: len(published) == 200, "200 images")
    rig.camera.node.destroy_timer(timer)
    rig.consumer.output_of(published[-1])


def dead_depth(rig):
    """Publishes colour alone until that is told, then pairs again."""
    stamps = itertools.count(rig.later(), PERIOD_NS)
    segment_pair(rig, next(stamps))

    def publish():
        rig.camera.color(next(stamps))
        rig.consumer.sees(lambda: False, 0.033)

    until_told(rig, "nothing arrives on /depth/image_raw", publish)
    segment_pair(rig, next(stamps))


def half_size(rig, stamp):
    """Publishes a pair of half the size."""
    rig.camera.depth(stamp, np.full((HEIGHT // 2, WIDTH // 2), 1500, dtype=np.uint16))
    return rig.camera.color(stamp, np.full((HEIGHT // 2, WIDTH // 2, 3), 7, dtype=np.uint8))


def other_resolution(rig):
    """Restarts both streams, depth first, with half the size and older stamps."""
    start = rig.later()
    segment_pair(rig, start)
    rig.camera.depth(start + PERIOD_NS, np.full((HEIGHT // 2, WIDTH // 2), 1500, dtype=np.uint16))
    rig.camera.color(start + PERIOD_NS)
    rig.settled_account()
    rig.restart_camera()
    labels = rig.consumer.output_of(half_size(rig, start - 300 * 10**9))
    assert (labels.height, labels.width) == (HEIGHT // 2, WIDTH // 2)


def duplicated_stamps(rig):
    """Publishes colour twice and, when both have arrived, its depth."""
    stamp = rig.later()
    rig.camera.color(stamp)
    color = rig.camera.color(stamp)
    rig.settled_account(pending=1)
    rig.camera.depth(stamp)
    rig.consumer.output_of(color)


def time_going_back(rig):
    """Plays a bag of a second twice, at first without the depth of its last image."""
    start = rig.later()
    rig.segment_last_of(start + k * PERIOD_NS for k in range(30))
    rig.camera.color(start + 30 * PERIOD_NS)
    rig.settled_account(pending=1)
    rig.segment_last_of(start + k * PERIOD_NS for k in range(31))


def late_pair(rig):
    stamp = rig.later()
    segment_pair(rig, stamp)
    rig.camera.depth(stamp - PERIOD_NS)
    rig.camera.color(stamp - PERIOD_NS)


def zero_stamps(rig):
    for _ in range(3):
        rig.consumer.messages["semantic"].clear()
        segment_pair(rig, 0)


def stamps_apart(rig):
    """Publishes a pair a second, colour 100 ms after depth, until that is told."""
    stamps = itertools.count(rig.later(), 10**9)

    def publish():
        rig.camera.pair(next(stamps), offset_ns=-100 * MS)
        rig.consumer.sees(lambda: False, 0.1)

    until_told(rig, "100.0 ms apart", publish)
    segment_pair(rig, rig.later())


def still_clock(rig):
    """Lets the node wait for a /clock that never comes."""
    assert rig.consumer.controls.set({"use_sim_time": True}) == []
    segment_pair(rig, rig.later())
    reports = len(rig.consumer.reports())
    rig.consumer.wait_for(lambda: len(rig.consumer.reports()) > reports, "a report")
    assert rig.consumer.controls.set({"use_sim_time": False}) == []


def other_message_type(rig):
    """Publishes compressed images on the topic of the others until that is told."""
    other = rclpy.create_node("other", context=rig.consumer.context)
    publisher = other.create_publisher(CompressedImage, "color/image_raw", 1)

    def publish():
        publisher.publish(CompressedImage())
        rig.consumer.sees(lambda: False, 0.1)

    until_told(rig, "carries sensor_msgs/msg/CompressedImage", publish)
    other.destroy_node()


def other_qos(rig):
    """Publishes depth best effort beside the camera until that is told; the node asks for more."""
    other = rclpy.create_node("other", context=rig.consumer.context)
    best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    publisher = other.create_publisher(Image, "depth/image_raw", best_effort)

    def publish():
        publisher.publish(Image())
        rig.consumer.sees(lambda: False, 0.1)

    until_told(rig, "/other offers best effort on /depth/image_raw", publish)
    other.destroy_node()


FAULTS = {
    "camera_of_200_hz": camera_of_200_hz,
    "dead_depth": dead_depth,
    "other_resolution": other_resolution,
    "duplicated_stamps": duplicated_stamps,
    "time_going_back": time_going_back,
    "late_pair": late_pair,
    "zero_stamps": zero_stamps,
    "stamps_apart": stamps_apart,
    "still_clock": still_clock,
    "other_message_type": other_message_type,
    "other_qos": other_qos,
}


def test_every_row_is_tested():
    assert list(rows("streams")) == list(FAULTS)


@pytest.mark.parametrize("name", FAULTS)
def test_the_node_survives(rig, name):
    survive(rig, rows("streams")[name], FAULTS[name])
