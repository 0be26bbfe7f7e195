"""The simulated camera as a process of its own, heard over real DDS."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import asymformer_ros
from asymformer_ros.resources import resource
from asymformer_ros.simulation import Intrinsics, fly_through

rclpy = pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ.setdefault("FASTRTPS_DEFAULT_PROFILES_FILE", str(resource("config/fastdds.xml")))

TOPICS = ("color/image_raw", "depth/image_raw", "color/camera_info", "labels/image_raw")
SIZE = {"width": 160, "height": 120}
CAMERA = Intrinsics().scaled(160, 120)
FRAMES = 4
PATIENCE_S = 60


def camera_process(**parameters):
    """The node in a process of its own; its output is text."""
    arguments = [f"{name}:={value}" for name, value in (SIZE | parameters).items()]
    flags = [part for argument in arguments for part in ("-p", argument)]
    program = "import sys; from asymformer_ros.ros.simulated_camera import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", program, "--ros-args", *flags],
        env=os.environ
        | {
            "PYTHONPATH": str(Path(asymformer_ros.__file__).parents[1]),
            "RCUTILS_COLORIZED_OUTPUT": "0",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def play(**parameters):
    """What arrived on each topic until the camera ended, its exit code and its output."""
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.qos import QoSProfile, ReliabilityPolicy
    from sensor_msgs.msg import CameraInfo, Image

    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("listener", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    heard = {topic: [] for topic in TOPICS}
    qos = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)
    for topic in TOPICS:
        kind = CameraInfo if topic.endswith("info") else Image
        node.create_subscription(kind, topic, heard[topic].append, qos)
    camera = camera_process(frames=FRAMES, wait_for_subscribers=True, **parameters)
    watchdog = threading.Timer(PATIENCE_S, camera.kill)
    watchdog.start()
    try:
        while camera.poll() is None:
            executor.spin_once(timeout_sec=0.1)
        output = camera.stdout.read()
    finally:
        watchdog.cancel()
        camera.kill()
        camera.wait()
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown(context=context)
    return heard, camera.returncode, output


def stamp_ns(message):
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


def pixels(message, dtype, channels=1):
    image = np.frombuffer(message.data, dtype).reshape(message.height, message.width, channels)
    return image if channels > 1 else image[..., 0]


@pytest.fixture(scope="module")
def plain():
    """Ten frames of four, played round and round, with labels."""
    return play(count=10, rate=20.0, publish_labels=True, seed=3)


@pytest.fixture(scope="module")
def rendered():
    return list(fly_through(3, FRAMES, CAMERA))


def test_every_frame_brings_colour_depth_camera_info_and_labels(plain):
    heard, code, output = plain
    assert {topic: len(messages) for topic, messages in heard.items()} == dict.fromkeys(TOPICS, 10)
    assert code == 0
    assert "published 10 colour, 10 depth, 10 camera_info, 10 label messages" in output


def test_the_messages_of_a_frame_share_stamp_and_optical_frame(plain):
    heard, _, _ = plain
    stamps = {topic: [stamp_ns(m) for m in messages] for topic, messages in heard.items()}
    assert len({tuple(s) for s in stamps.values()}) == 1
    assert (np.diff(stamps["color/image_raw"]) > 0).all()
    frame_ids = {m.header.frame_id for messages in heard.values() for m in messages}
    assert frame_ids == {"camera_color_optical_frame"}


def test_the_nth_message_shows_frame_n_of_the_fly_through(plain, rendered):
    from asymformer_ros.ros.simulated_camera import frame_number

    heard, _, _ = plain
    for n in range(10):
        frame = rendered[frame_number(n, FRAMES)]
        color, depth = heard["color/image_raw"][n], heard["depth/image_raw"][n]
        labels = heard["labels/image_raw"][n]
        assert (color.encoding, color.step) == ("rgb8", 160 * 3)
        assert np.array_equal(pixels(color, np.uint8, 3), frame.rgb)
        assert (labels.encoding, labels.step) == ("mono8", 160)
        assert np.array_equal(pixels(labels, np.uint8), frame.labels)
        assert (depth.encoding, depth.step, depth.is_bigendian) == ("16UC1", 160 * 2, 0)
        expected = np.rint(np.nan_to_num(frame.depth_m) * 1000)
        assert np.array_equal(pixels(depth, np.uint16), expected)


def test_camera_info_is_the_pin_hole_camera_of_the_renderer(plain):
    info = plain[0]["color/camera_info"][0]
    assert (info.width, info.height) == (160, 120)
    matrix = [[CAMERA.fx, 0, CAMERA.cx], [0, CAMERA.fy, CAMERA.cy], [0, 0, 1]]
    assert info.k.reshape(3, 3) == pytest.approx(np.array(matrix))
    assert info.p.reshape(3, 4)[:, :3] == pytest.approx(np.array(matrix))
    assert list(info.d) == [0.0] * 5


def test_float_depth_is_metres_with_nan_and_its_stamps_are_off_as_asked(rendered):
    heard, code, _ = play(
        count=12, rate=20.0, seed=3, depth_encoding="32FC1", offset_ms=15.0, jitter_ms=5.0
    )
    assert code == 0
    depth = heard["depth/image_raw"]
    assert depth[0].encoding == "32FC1"
    read = pixels(depth[0], np.float32)
    assert np.isnan(read).any()
    assert np.array_equal(read, rendered[0].depth_m, equal_nan=True)
    colors = [stamp_ns(m) for m in heard["color/image_raw"]]
    late_ms = (np.array([stamp_ns(m) for m in depth]) - np.array(colors)) / 1e6
    assert len(late_ms) == 12
    assert (late_ms >= 10.0).all()
    assert (late_ms <= 20.0).all()
    assert late_ms.std() > 0.5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_an_endless_camera_with_an_account(number):
    camera = camera_process(frames=1)
    watchdog = threading.Timer(PATIENCE_S, camera.kill)
    watchdog.start()
    try:
        for line in camera.stdout:
            if "playing" in line:
                camera.send_signal(number)
                break
        rest = camera.stdout.read()
        assert camera.wait() == 0
    finally:
        watchdog.cancel()
        camera.kill()
        camera.wait()
    assert re.search(r"published \d+ colour", rest)
    assert "Traceback" not in rest


@pytest.mark.parametrize(
    ("parameter", "value"), [("depth_encoding", "8UC1"), ("rate", -1.0), ("frames", "many")]
)
def test_a_parameter_that_cannot_work_ends_it_with_one_sentence(parameter, value):
    camera = camera_process(**{parameter: value})
    output, _ = camera.communicate(timeout=PATIENCE_S)
    assert camera.returncode == 1
    assert parameter in output
    assert "Traceback" not in output
