"""What colcon installed works: the generated message over DDS, and the executables."""

import math
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

import asymformer_ros

os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"

msg = pytest.importorskip(
    "asymformer_ros.msg", reason="needs the message, built by colcon: `make test` does it"
)
PREFIX = Path(asymformer_ros.__file__).parents[4]


@pytest.fixture
def node():
    import rclpy

    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("packaging_test", context=context)
    yield node
    node.destroy_node()
    rclpy.shutdown(context=context)


@pytest.fixture
def executor(node):
    from rclpy.executors import SingleThreadedExecutor

    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    yield executor
    executor.shutdown()


def test_a_scene_crosses_dds_unchanged(node, executor):
    from geometry_msgs.msg import Point

    chair = msg.SemanticClass(class_id=4, name="chair", pixel_share=0.25, confidence=0.5)
    chair.nearest_m, chair.median_m, chair.centroid = 1.5, 2.0, Point(x=0.1, y=-0.2, z=2.0)
    wall = msg.SemanticClass(class_id=0, name="wall", nearest_m=math.nan, median_m=math.nan)
    scene = msg.SemanticScene(classes=[chair, wall])
    scene.header.frame_id = "camera_color_optical_frame"

    arrived = []
    publisher = node.create_publisher(msg.SemanticScene, "scene", 1)
    node.create_subscription(msg.SemanticScene, "scene", arrived.append, 1)
    end = time.monotonic() + 30
    while publisher.get_subscription_count() == 0 and time.monotonic() < end:
        executor.spin_once(timeout_sec=0.1)
    publisher.publish(scene)
    while not arrived and time.monotonic() < end:
        executor.spin_once(timeout_sec=0.1)

    (received,) = arrived
    assert received.header == scene.header
    assert received.classes[0] == chair
    assert received.classes[1].name == "wall"
    assert math.isnan(received.classes[1].nearest_m)


@pytest.mark.parametrize("executable", ["segmentation_node", "simulated_camera"])
def test_the_executable_starts_and_ends_on_sigint(node, executor, executable):
    from rcl_interfaces.srv import ListParameters

    answers = node.create_client(ListParameters, "/probe/list_parameters")
    command = [PREFIX / "lib/asymformer_ros" / executable, "--ros-args", "-r", "__node:=probe"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            end = time.monotonic() + 60
            while not answers.wait_for_service(0.5) and time.monotonic() < end:
                assert process.poll() is None, process.stderr.read()
            answer = answers.call_async(ListParameters.Request())
            executor.spin_until_future_complete(answer, timeout_sec=30)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert answer.done(), errors
    assert process.returncode == 0, errors
