"""A recording played as a process of its own, heard over real DDS."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

import asymformer_ros
from asymformer_ros.evaluation.recordings import (
    CompressedMessage,
    RawMessage,
    RecordedCameraInfo,
    RecordedImage,
)
from asymformer_ros.resources import resource

for module in ("rclpy", "rosbags"):
    pytest.importorskip(module, reason=f"needs {module}")

import rclpy

from asymformer_ros.evaluation.bag_writer import BagWriter

os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ.setdefault("FASTRTPS_DEFAULT_PROFILES_FILE", str(resource("config/fastdds.xml")))

HEIGHT, WIDTH, FRAMES = 6, 8, 5
PATIENCE_S = 60
LABELS = np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH) % 40
INFO = RecordedCameraInfo(
    *("eye", HEIGHT, WIDTH, "plumb_bob", (0.1,) * 5),
    *(tuple(map(float, range(1, 10))), (1.0,) * 9, (2.0,) * 12),
)


def flat(array):
    return np.ascontiguousarray(array).view(np.uint8).reshape(-1)


def images(is_compressed):
    color = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    depth = np.full((HEIGHT, WIDTH), 1234, np.uint16)
    padded = np.pad(LABELS, ((0, 0), (0, 3)))
    if not is_compressed:
        return {
            "labels": RawMessage("8UC1", HEIGHT, WIDTH, WIDTH + 3, False, flat(padded)),
            "depth": RawMessage("16UC1", HEIGHT, WIDTH, 2 * WIDTH, False, flat(depth)),
            "color": RawMessage("rgb8", HEIGHT, WIDTH, 3 * WIDTH, False, flat(color)),
        }
    of_labels, of_depth = (cv2.imencode(".png", one)[1] for one in (LABELS, depth))
    of_color = cv2.imencode(".jpg", color)[1]
    of_depth = np.concatenate([np.zeros(12, np.uint8), of_depth])
    return {
        "labels": CompressedMessage("png", of_labels),
        "depth": CompressedMessage("16UC1; compressedDepth png", of_depth),
        "color": CompressedMessage("rgb8; jpeg compressed bgr8", of_color),
    }


def play(tmp_path, is_compressed):
    """What arrived on each topic, and the account that was written."""
    from rclpy.executors import SingleThreadedExecutor
    from sensor_msgs.msg import CameraInfo, CompressedImage, Image

    with BagWriter(tmp_path / "bag") as bag:
        for number in range(FRAMES):
            stamp = 10**18 + 100_000_000 * number
            bag.camera_info("/info", stamp, stamp, INFO)
            for stream, message in images(is_compressed).items():
                bag.image(f"/{stream}", RecordedImage(stream, stamp, stamp, "eye", message))

    kind = CompressedImage if is_compressed else Image
    topics = {
        "color/image_raw" + "/compressed" * is_compressed: kind,
        "depth/image_raw" + "/compressedDepth" * is_compressed: kind,
        "labels/image_raw": Image,
        "color/camera_info": CameraInfo,
    }
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("listener", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    heard = {topic: [] for topic in topics}
    for topic, one in topics.items():
        qos = rclpy.qos.QoSProfile(depth=100, reliability=rclpy.qos.ReliabilityPolicy.BEST_EFFORT)
        node.create_subscription(one, topic, heard[topic].append, qos)
    camera = camera_process(tmp_path / "bag", tmp_path / "account.json")
    watchdog = threading.Timer(PATIENCE_S, camera.kill)
    watchdog.start()
    try:
        while camera.poll() is None:
            executor.spin_once(timeout_sec=0.1)
        assert camera.returncode == 0, camera.stdout.read()
    finally:
        watchdog.cancel()
        camera.kill()
        camera.wait()
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown(context=context)
    return heard, json.loads((tmp_path / "account.json").read_text())


def camera_process(path, account):
    parameters = {"path": path, "account": account, "label_topic": "/labels", "seconds": 0.45}
    flags = [part for name, value in parameters.items() for part in ("-p", f"{name}:={value}")]
    program = "import sys; from asymformer_ros.ros.recorded_camera import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", program, "--ros-args", *flags],
        env=os.environ | {"PYTHONPATH": str(Path(asymformer_ros.__file__).parents[1])},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def stamp_ns(message):
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


@pytest.mark.parametrize("is_compressed", [False, True])
def test_images_are_published_as_they_were_recorded(tmp_path, is_compressed):
    heard, account = play(tmp_path, is_compressed)

    color, depth, labels, _ = heard.values()
    recorded = images(is_compressed)
    assert account["published"] == {"color": len(color), "depth": len(depth), "labels": len(labels)}
    assert len(color) > 1
    for stream, message in (("color", color[0]), ("depth", depth[0])):
        assert bytes(message.data) == recorded[stream].data.tobytes()
        assert message.header.frame_id == "eye"
        if is_compressed:
            assert message.format == recorded[stream].format
        else:
            assert message.encoding == recorded[stream].encoding
    assert (labels[0].encoding, labels[0].step) == ("mono8", WIDTH)
    assert bytes(labels[0].data) == LABELS.tobytes()
    assert account["losses"] == []


def test_each_colour_image_comes_with_camera_info(tmp_path):
    heard, _ = play(tmp_path, is_compressed=False)

    color, _, _, infos = heard.values()
    assert [stamp_ns(i) for i in infos] == [stamp_ns(i) for i in color]
    info = infos[0]
    assert (info.height, info.width, info.header.frame_id) == (HEIGHT, WIDTH, "eye")
    assert (info.distortion_model, list(info.d)) == ("plumb_bob", [0.1] * 5)
    assert list(info.k) == list(INFO.k)
    assert (list(info.r), list(info.p)) == ([1.0] * 9, [2.0] * 12)
