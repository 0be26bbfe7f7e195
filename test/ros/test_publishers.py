"""The outputs: what is computed for whom."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from asymformer_ros.perception.frames import UNLABELLED, Segmentation
from asymformer_ros.perception.labels import LabelSpace
from asymformer_ros.ros import publishers

HEADER = Header(frame_id="camera")
RGB = np.full((2, 3, 3), 100, dtype=np.uint8)
LABELS = np.array([[0, 1, 1], [1, 0, UNLABELLED]], dtype=np.uint8)
SEGMENTATION = Segmentation(LABELS, np.full((2, 3), 9, dtype=np.uint8))
INFO = CameraInfo(width=3, height=2)


class SilentNode:
    """A node without ROS: who subscribes is set by the test, what is published is kept."""

    def __init__(self):
        self.subscribers = defaultdict(int)
        self.published = {}
        self.topics = set()

    def create_publisher(self, kind, topic, qos, *, qos_overriding_options):
        node = self
        node.topics.add(topic)

        class Publisher:
            topic_name = topic

            def get_subscription_count(self):
                return node.subscribers[topic]

            def publish(self, message):
                assert isinstance(message, kind)
                node.published[topic] = message

        return Publisher()

    def destroy_publisher(self, publisher):
        self.topics.remove(publisher.topic_name)


@pytest.fixture
def node():
    return SilentNode()


@pytest.fixture
def outputs(node):
    palette = np.zeros((256, 3), dtype=np.uint8)
    palette[:2] = [[10, 20, 30], [40, 50, 60]]
    return publishers.SemanticPublishers(node, LabelSpace("test", ("floor", "wall"), palette))


@pytest.fixture
def computed(monkeypatch):
    """Names of what was computed, in order."""
    calls = []
    for name in ("colorize", "blend", "to_message"):
        monkeypatch.setattr(publishers, name, noting(calls, getattr(publishers, name)))
    return calls


def noting(calls, function):
    def called(*arguments):
        calls.append(function.__name__)
        return function(*arguments)

    return called


def publish_others(outputs, info=INFO, alpha=0.5):
    outputs.publish_others(HEADER, RGB, SEGMENTATION, info, alpha)


def test_labels_are_published_for_every_frame(node, outputs):
    outputs.publish_labels(HEADER, SEGMENTATION)

    assert bytes(node.published["semantic"].data) == LABELS.tobytes()
    assert node.published["semantic"].header is HEADER


def test_without_subscribers_nothing_else_is_computed(node, outputs, computed):
    publish_others(outputs)

    assert computed == []
    assert node.published == {}


@pytest.mark.parametrize(
    ("topic", "work"),
    [
        ("semantic/confidence", ["to_message"]),
        ("semantic/color", ["colorize", "to_message"]),
        ("semantic/overlay", ["colorize", "blend", "to_message"]),
        ("semantic/camera_info", []),
    ],
)
def test_a_subscriber_is_given_its_output_and_no_other_is_computed(
    node, outputs, computed, topic, work
):
    node.subscribers[topic] = 1

    publish_others(outputs)

    assert computed == work
    assert node.published.keys() == {topic}
    assert node.published[topic].header is HEADER


def test_colours_are_computed_once_for_both_outputs_that_need_them(node, outputs, computed):
    node.subscribers |= {"semantic/color": 1, "semantic/overlay": 1}

    publish_others(outputs)

    assert computed.count("colorize") == 1


def test_the_overlay_mixes_by_alpha_and_shows_the_camera_where_unlabelled(node, outputs):
    node.subscribers["semantic/overlay"] = 1

    publish_others(outputs, alpha=0.5)

    overlay = np.array(node.published["semantic/overlay"].data).reshape(2, 3, 3)
    assert overlay[0, 0].tolist() == [55, 60, 65]
    assert overlay[1, 2].tolist() == [100, 100, 100]


def test_the_camera_info_is_a_copy_with_the_frames_header(node, outputs):
    node.subscribers["semantic/camera_info"] = 1

    publish_others(outputs)

    assert node.published["semantic/camera_info"].width == 3
    assert INFO.header == Header()


def test_without_a_camera_info_none_is_published(node, outputs):
    node.subscribers["semantic/camera_info"] = 1

    publish_others(outputs, info=None)

    assert node.published == {}


def test_destroying_removes_every_topic(node, outputs):
    assert len(node.topics) == 5

    outputs.destroy()

    assert node.topics == set()
