"""What rclpy itself costs: subscriptions whose callbacks only count."""

from __future__ import annotations

from multiprocessing.connection import Connection

import rclpy
from rclpy.lifecycle import LifecycleNode
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

from asymformer_ros.benchmark.ros.spin import spin_until_asked
from asymformer_ros.ros.process_memory import keep_freed_memory

_HISTORY = 2


def serve(connection: Connection, in_lifecycle_node: bool) -> None:
    """Receive until asked to end; the last answer is how many images came.

    in_lifecycle_node: in one as ours is, with services to wait for and with camera info.
    """
    keep_freed_memory()  # as our node does, or malloc would be most of the difference
    rclpy.init()
    node = (LifecycleNode if in_lifecycle_node else Node)("bare_receiver")
    qos = QoSProfile(depth=_HISTORY, reliability=ReliabilityPolicy.BEST_EFFORT)
    received = 0

    def count(message: Image) -> None:
        nonlocal received
        received += 1

    for topic in ("depth/image_raw", "color/image_raw"):
        node.create_subscription(Image, topic, count, qos)
    if in_lifecycle_node:
        node.create_subscription(CameraInfo, "color/camera_info", lambda message: None, qos)
    connection.send("ready")
    spin_until_asked(node, connection)
    connection.send(received)
