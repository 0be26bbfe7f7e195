"""Where the depth camera stands to the colour camera comes from /tf_static, by tf2."""

from __future__ import annotations

import importlib.util
import threading
from types import SimpleNamespace

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

from geometry_msgs.msg import Quaternion, Transform, TransformStamped, Vector3
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Header

from asymformer_ros.perception.frames import FrameError
from asymformer_ros.ros.extrinsics import Extrinsics
from asymformer_ros.ros.parameters import ConfigurationError

HAS_TF2 = all(importlib.util.find_spec(name) for name in ("tf2_py", "tf2_msgs"))
needs_tf2 = pytest.mark.skipif(not HAS_TF2, reason="needs tf2_ros, which is not on PyPI")

#: Optical frames (z forward) in body frames (x forward), as all drivers publish them (REP 103).
OPTICAL = (-0.5, 0.5, -0.5, 0.5)
QUARTER_TURN_ABOUT_Z = (0.0, 0.0, np.sqrt(0.5), np.sqrt(0.5))


def transform(parent, child, translation=(0.0, 0.0, 0.0), rotation=(0.0, 0.0, 0.0, 1.0)):
    x, y, z, w = map(float, rotation)
    return TransformStamped(
        header=Header(frame_id=parent),
        child_frame_id=child,
        transform=Transform(
            translation=Vector3(**dict(zip("xyz", translation, strict=True))),
            rotation=Quaternion(x=x, y=y, z=z, w=w),
        ),
    )


#: A camera whose colour sensor lies 15 mm to the left of its depth sensor.
CAMERA = (
    transform("link", "depth"),
    transform("depth", "depth_optical", rotation=OPTICAL),
    transform("link", "color", (0.0, 0.015, 0.0)),
    transform("color", "color_optical", rotation=OPTICAL),
)


@pytest.fixture
def robot(start):
    """A node that publishes static transforms, and one that asks, spun as far as a test needs."""
    from tf2_msgs.msg import TFMessage

    publisher = start("camera")
    latched = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    topic = publisher.node.create_publisher(TFMessage, "/tf_static", latched)
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=publisher.context.get_domain_id())
    node = rclpy.create_node("asking", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)

    def lookup_when(extrinsics, condition=lambda found: True):
        for _ in range(300):
            executor.spin_once(timeout_sec=0.1)
            try:
                found = extrinsics.lookup("color_optical", "depth_optical")
            except FrameError:
                continue
            if condition(found):
                return found
        raise AssertionError("waited 30 s in vain for a transform")

    yield SimpleNamespace(
        node=node,
        publish=lambda *transforms: topic.publish(TFMessage(transforms=transforms)),
        lookup_when=lookup_when,
    )
    executor.shutdown()
    node.destroy_node()
    context.try_shutdown()
    context.destroy()


@pytest.mark.skipif(HAS_TF2, reason="tf2_ros is installed here")
def test_without_tf2_it_is_said_what_to_install_or_to_tell_the_driver():
    with pytest.raises(ConfigurationError, match=r"ros-.ROS_DISTRO-tf2-ros-py.*align_depth.enable"):
        Extrinsics(None)


@needs_tf2
def test_the_way_from_depth_to_colour_leads_through_the_robots_tree(robot):
    robot.publish(*CAMERA[:2])
    robot.publish(*CAMERA[2:])
    extrinsics = Extrinsics(robot.node)
    extrinsics.start()
    found = robot.lookup_when(extrinsics)
    np.testing.assert_allclose(np.reshape(found.rotation, (3, 3)), np.eye(3), atol=1e-12)
    # In the optical frame x points to the right: seen from colour, depth lies on the right.
    np.testing.assert_allclose(found.translation, [0.015, 0.0, 0.0], atol=1e-12)


@needs_tf2
def test_a_turned_sensor_gives_the_matrix_that_turns_points(robot):
    extrinsics = Extrinsics(robot.node)
    extrinsics.start()
    robot.publish(
        transform("color_optical", "depth_optical", (1.0, 2.0, 3.0), QUARTER_TURN_ABOUT_Z)
    )
    found = robot.lookup_when(extrinsics)
    matrix = np.reshape(found.rotation, (3, 3))
    np.testing.assert_allclose(matrix @ [1, 0, 0], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(matrix @ [0, 1, 0], [-1, 0, 0], atol=1e-12)
    assert found.translation == (1.0, 2.0, 3.0)


@needs_tf2
def test_a_transform_that_is_published_again_counts_from_then_on(robot):
    extrinsics = Extrinsics(robot.node)
    extrinsics.start()
    robot.publish(*CAMERA)
    before = robot.lookup_when(extrinsics)
    robot.publish(transform("link", "color", (0.0, 0.055, 0.0)))
    after = robot.lookup_when(extrinsics, lambda found: found != before)
    np.testing.assert_allclose(after.translation, [0.055, 0.0, 0.0], atol=1e-12)


@needs_tf2
def test_until_the_transform_has_come_the_frames_are_named(robot):
    extrinsics = Extrinsics(robot.node)
    extrinsics.start()
    sentence = (
        "from depth's frame 'depth_optical' to colour's 'color_optical' has come on /tf_static"
    )
    with pytest.raises(FrameError, match=sentence):
        extrinsics.lookup("color_optical", "depth_optical")


@needs_tf2
def test_frames_of_two_trees_are_named_with_the_reason(robot):
    extrinsics = Extrinsics(robot.node)
    extrinsics.start()
    robot.publish(*CAMERA, transform("world", "other"))
    robot.lookup_when(extrinsics)
    with pytest.raises(
        FrameError, match=r"'other' to colour's 'color_optical'.*not part of the same"
    ):
        extrinsics.lookup("color_optical", "other")


@needs_tf2
def test_between_stop_and_start_nothing_of_it_is_left_but_what_it_knew(robot):
    subscriptions, threads = len(list(robot.node.subscriptions)), threading.active_count()
    extrinsics = Extrinsics(robot.node)
    extrinsics.start()
    robot.publish(*CAMERA)
    found = robot.lookup_when(extrinsics)
    assert threading.active_count() == threads
    extrinsics.stop()
    extrinsics.stop()
    assert len(list(robot.node.subscriptions)) == subscriptions
    # The worker may still be busy with its last frame.
    assert extrinsics.lookup("color_optical", "depth_optical") == found
    extrinsics.start()
    assert robot.lookup_when(extrinsics) == found
