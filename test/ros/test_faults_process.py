"""Disks, services and subscribers that fail; the rows `process[...]` of docs/faults.md."""

from __future__ import annotations

import os
import resource
import select
import signal
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

from faults import rows, survive, until_told
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState

OUTPUTS = {}
HEIGHT, WIDTH = 480, 640
# More than the 32 MB of shared memory that config/fastdds.xml gives to a publisher.
LABEL_IMAGES = 120
SUBSCRIBER = """
import rclpy
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
rclpy.init()
node = rclpy.create_node("subscriber")
node.create_subscription(Image, "semantic", lambda image: print(flush=True), QoSProfile(depth=10))
try:
    rclpy.spin(node)
except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
    pass
"""


@contextmanager
def full_disk(process):
    """No file that the process writes can become larger than a kilobyte."""
    before = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1024, before[1]))
    yield
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, before)


def save_frame_on_full_disk(folder, rig):
    controls = rig.consumer.controls
    assert controls.set({"save_dir": str(folder)}) == []
    rig.consumer.output_of(rig.camera.pair(rig.later()))
    with full_disk(rig.node.process):
        answer = controls.save_frame()
    assert not answer.success
    assert list(folder.iterdir()) == []
    assert controls.save_frame().success
    return answer.message


def save_frame_nowhere(folder, rig):
    controls = rig.consumer.controls
    (folder / "file").touch()
    rig.consumer.output_of(rig.camera.pair(rig.later()))
    answers = []
    for name in (folder / "file", folder / "file" / "in_it", "~nobody-of-this-name/folder"):
        assert controls.set({"save_dir": str(name)}) == []
        answers.append(controls.save_frame())
    assert not any(answer.success for answer in answers)
    return " ".join(answer.message for answer in answers)


def refused_parameters(folder, rig):
    wrong = {
        "min_confidence": 2.0,
        "overlay_alpha": float("nan"),
        "output_stride": "two",
        "mask_classes": ["unicorn"],
        "rotate": 90,
        "no_such_parameter": 1,
    }
    before = rig.consumer.controls.parameters()
    reasons = rig.consumer.controls.set(wrong)
    assert len(reasons) == len(wrong)
    assert rig.consumer.controls.parameters() == before
    return " ".join(reasons)


def broken_label_files(folder, rig):
    deep, binary = folder / "deep.yaml", folder / "binary.yaml"
    deep.write_text("[" * 20_000)
    binary.write_bytes(bytes(range(256)))
    wrong = [folder, binary, "moon", deep, "x" * 5000, "~nobody-of-this-name/file"]
    reasons = [rig.consumer.controls.set({"label_space": str(name)}) for name in wrong]
    assert [len(reason) for reason in reasons] == [1] * len(wrong)
    return " ".join(reason for (reason,) in reasons)


def forbidden_transition(folder, rig):
    change = rig.consumer.client(ChangeState, "segmentation_node/change_state")
    change.send(ChangeState.Request(transition=Transition(id=Transition.TRANSITION_CONFIGURE)))
    until_told(rig, "Transition is not registered", lambda: rig.consumer.sees(lambda: False, 0.1))


def large_pair(rig):
    stamp = rig.later()
    rig.camera.depth(stamp, np.full((HEIGHT, WIDTH), 1500, dtype=np.uint16))
    return rig.camera.color(stamp, np.full((HEIGHT, WIDTH, 3), 7, dtype=np.uint8))


def stopped_subscriber(folder, rig):
    """Stops a reliable subscriber of the labels, and publishes pairs while another listens."""
    process = subprocess.Popen(
        [sys.executable, "-c", SUBSCRIBER],
        env=os.environ | {"ROS_DOMAIN_ID": str(rig.domain)},
        stdout=subprocess.PIPE,
    )
    try:
        while not select.select([process.stdout], [], [], 0.1)[0]:  # it has heard nothing yet
            rig.consumer.output_of(large_pair(rig))
        process.send_signal(signal.SIGSTOP)
        for _ in range(LABEL_IMAGES):
            rig.consumer.output_of(large_pair(rig))
    finally:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGINT)
        process.communicate()


FAULTS = {
    "save_frame_on_full_disk": save_frame_on_full_disk,
    "save_frame_nowhere": save_frame_nowhere,
    "refused_parameters": refused_parameters,
    "broken_label_files": broken_label_files,
    "forbidden_transition": forbidden_transition,
    "stopped_subscriber": stopped_subscriber,
}


def engine_cache_on_full_disk(folder, rig):
    """Configures the node while the engine that it builds cannot be kept."""
    with full_disk(rig.node.process):
        assert rig.consumer.controls.transition("configure")
    assert rig.consumer.controls.transition("activate")
    rig.wait_until_matched()
    assert not (folder / "engine").exists()


def test_every_row_is_tested():
    assert list(rows("process")) == [*FAULTS, "engine_cache_on_full_disk"]


@pytest.mark.parametrize("name", FAULTS)
def test_the_node_survives(rig, name, tmp_path):
    survive(rig, rows("process")[name], lambda rig: FAULTS[name](tmp_path, rig))


@pytest.mark.parametrize("name", ["engine_cache_on_full_disk"])
def test_the_node_is_configured(new_rig, name, tmp_path):
    arguments = ("-p", "weights:=cached", "-p", f"cache_dir:={tmp_path}")
    with new_rig(arguments=arguments, managed=True) as rig:
        assert rig.consumer.controls.state() == "unconfigured"
        survive(rig, rows("process")[name], lambda rig: engine_cache_on_full_disk(tmp_path, rig))
