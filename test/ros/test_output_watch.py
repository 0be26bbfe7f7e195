"""Subscribers that get nothing, in words."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from asymformer_ros.ros.output_watch import OutputWatch


def ignore(message):
    """Not print: rclpy wants a signature, and before Python 3.11 print has none."""


def test_a_subscriber_that_asks_for_more_than_is_offered_is_named(own_rig):
    camera, consumer = own_rig.camera, own_rig.consumer
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    consumer.node.create_subscription(Image, "semantic/mask", ignore, latched)

    def is_told():
        camera.pair(own_rig.later())
        status = consumer.status()
        return status.level == DiagnosticStatus.WARN and "/semantic/mask" in status.message

    consumer.wait_for(is_told, "a warning about the mask's subscriber")

    sentence = consumer.status().message
    assert "/consumer asks for a QoS of /semantic/mask that this node does not offer" in sentence
    assert sentence.endswith("or with qos_overrides./semantic/mask.publisher here")
    consumer.output_of(camera.pair(own_rig.later()))


@pytest.mark.parametrize("reliability", [ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT])
def test_ordinary_subscribers_are_no_reason_to_warn(reliability):
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=101)
    node = rclpy.create_node("node", context=context)
    publisher = node.create_publisher(Image, "semantic", QoSProfile(depth=2))
    ordinary = QoSProfile(depth=9, reliability=reliability)
    node.create_subscription(Image, "semantic", ignore, ordinary)
    watch = OutputWatch(node, [publisher])

    assert watch.findings(now_s=0.0) == []
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    node.create_subscription(Image, "semantic", ignore, latched)
    assert watch.findings(now_s=1.0) == []  # asked every few seconds
    (finding,) = watch.findings(now_s=5.0)
    assert finding.sentence.startswith("/node asks for a QoS of /semantic")

    node.destroy_node()
    context.shutdown()
    context.destroy()  # or its shared memory stays behind
