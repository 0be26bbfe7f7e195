"""The process around the node: configurations that cannot work, the parent's death."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")


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


def test_under_launch_it_ends_when_its_parent_is_gone(start):
    launcher = "import subprocess, sys; subprocess.run(sys.argv[1:])"
    node = start("node", "-p", "exit_with_parent:=true", launcher=launcher)
    node.wait_for_line("red_channel")

    node.process.kill()

    # The node has inherited the pipe from its parent.
    node.wait_for_line("engine closed")
