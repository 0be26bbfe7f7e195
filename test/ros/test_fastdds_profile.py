"""config/fastdds.xml makes best-effort colour images cross from one process to another."""

import os
import subprocess
import sys
import time

import pytest

from asymformer_ros.resources import resource

rclpy = pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"

PROFILE = "FASTRTPS_DEFAULT_PROFILES_FILE"
COUNT = 60
PUBLISHER = """
import sys, time
import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

rclpy.init()
node = rclpy.create_node("camera")
best_effort = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
publisher = node.create_publisher(Image, "image", best_effort)
image = Image(height=480, width=640, encoding="rgb8", step=1920, data=bytes(480 * 1920))
sys.stdin.readline()  # the other side has found us
while publisher.get_subscription_count() == 0:
    rclpy.spin_once(node, timeout_sec=0.1)
for _ in range(int(sys.argv[1])):
    publisher.publish(image)
    time.sleep(1 / 30)
sys.stdin.read()  # until the other side has them and closes; killed, we would leave shared memory
node.destroy_node()
rclpy.shutdown()
"""


def images_that_arrive(profile: dict[str, str], wait_s: float) -> int:
    """How many of COUNT images come within `wait_s` from a process with `profile` to this one."""
    from rclpy.event_handler import SubscriptionEventCallbacks
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.qos import QoSProfile, ReliabilityPolicy
    from sensor_msgs.msg import Image

    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("listener", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)

    arrived: list[Image] = []
    matched: list[object] = []
    # As deep as the stream is long: a busy machine may be late, it must not lose.
    best_effort = QoSProfile(depth=COUNT, reliability=ReliabilityPolicy.BEST_EFFORT)
    events = SubscriptionEventCallbacks(matched=matched.append)
    node.create_subscription(Image, "image", arrived.append, best_effort, event_callbacks=events)

    def spin_until(enough: int, seen: list, limit_s: float) -> None:
        end = time.monotonic() + limit_s
        while len(seen) < enough and time.monotonic() < end:
            executor.spin_once(timeout_sec=0.1)

    environment = {k: v for k, v in os.environ.items() if k != PROFILE} | profile
    command = [sys.executable, "-c", PUBLISHER, str(COUNT)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, text=True) as camera:
        try:
            spin_until(1, matched, 30)
            assert matched, "the two processes did not find each other"
            print("begin", file=camera.stdin, flush=True)
            spin_until(COUNT, arrived, wait_s)
        finally:
            camera.stdin.close()
            try:
                camera.wait(20)
            except subprocess.TimeoutExpired:
                camera.kill()
            executor.shutdown()
            node.destroy_node()
            rclpy.shutdown(context=context)
    return len(arrived)


def test_with_the_profile_at_the_publisher_every_colour_image_arrives():
    profile = str(resource("config/fastdds.xml"))
    assert images_that_arrive({PROFILE: profile}, wait_s=30) == COUNT


def test_without_the_profile_colour_images_are_lost():
    assert images_that_arrive({}, wait_s=6) < COUNT
