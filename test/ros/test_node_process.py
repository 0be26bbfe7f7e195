"""The process around the node: configurations that cannot work, the parent's death."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

SCRIPT = Path(__file__).parents[2] / "scripts" / "segmentation_node"
INTERRUPTED = "interrupted while it was being configured"


@pytest.mark.parametrize(
    ("parameter", "sentence"),
    [
        ("weights:=missing", "missing is no file: give the path of a weights file"),
        ("label_space:=moon", "label space 'moon' is no file and no bundled name"),
        ("input_reliability:=often", "set it to best_effort or reliable"),
        ("overlay_alpha:=1.5", "overlay_alpha"),
        ("sync.slop:=wide", "sync.slop"),
        ("qos_overrides./semantic.publisher.reliability:=often", "QoS override"),
        ("qos_overrides./depth/image_raw.subscription.reliability:=often", "QoS override"),
    ],
)
def test_a_configuration_that_cannot_work_ends_it_with_one_sentence(start, parameter, sentence):
    node = start("node", "-p", parameter)

    assert node.wait_for_end() == 1
    said = [line for line in node.lines if "segmentation_node" in line and "[INFO]" not in line]
    assert len(said) == 1
    assert sentence in said[0]
    assert not any("Traceback" in line for line in node.lines)
    assert node.lines.count("engine closed") == node.lines.count("loading") - ("missing" in said[0])


def test_a_parameter_that_it_does_not_have_is_named(start):
    node = start("node", "-p", "max_rat:=5.0", "-p", "max_rate:=5")

    node.wait_for_line("ignored, no parameters of this node: max_rat")


def test_under_launch_it_ends_when_its_parent_is_gone(start):
    launcher = "import subprocess, sys; subprocess.run(sys.argv[1:])"
    node = start("node", "-p", "exit_with_parent:=true", launcher=launcher)
    node.wait_for_line("red_channel")

    node.process.kill()

    # The node has inherited the pipe from its parent.
    node.wait_for_line("engine closed")


@pytest.mark.parametrize(
    ("engine", "library", "number"),
    [
        ("openvino", "openvino_intel_cpu_plugin", signal.SIGINT),
        ("openvino", "libopenvino.so", signal.SIGTERM),
        ("onnxruntime", "onnxruntime_pybind11_state", signal.SIGINT),
    ],
)
def test_interrupted_while_a_real_engine_loads_it_leaves_nothing(tmp_path, engine, library, number):
    """The engine's thread is in native code then, where the end of Python would kill it."""
    if importlib.util.find_spec(engine) is None:
        pytest.skip(f"needs {engine}")
    command = [sys.executable, SCRIPT, "--ros-args", "-p", f"engine:={engine}"]
    domain = {"ROS_DOMAIN_ID": str(1 + os.getpid() % 100)}
    with subprocess.Popen(
        [*command, "-p", f"cache_dir:={tmp_path}"],
        env=os.environ | domain,
        stderr=subprocess.PIPE,
        text=True,
    ) as node:
        maps = Path(f"/proc/{node.pid}/maps")
        while library not in maps.read_text():
            assert node.poll() is None
        shared_memory = re.findall(r"/dev/shm/fastrtps_[0-9a-f]{16}\S*", maps.read_text())

        node.send_signal(number)
        said = next((line for line in node.stderr if INTERRUPTED in line), "")
        # As ros2 launch does after a Ctrl-C that the terminal has sent to both.
        while node.poll() is None:
            node.send_signal(number)
        said += node.stderr.read()

    assert node.returncode == 0, said
    assert shared_memory
    assert len(said.splitlines()) == 1
    assert not any(Path(path).exists() for path in shared_memory)
