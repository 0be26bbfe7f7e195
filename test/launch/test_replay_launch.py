"""`ros2 launch asymformer_ros replay.launch.py`: what the evaluation is started with."""

import json
import os
import select
import shutil

import pytest

from asymformer_ros.resources import resource

pytest.importorskip("ros2launch", reason="ros2 launch comes with ROS 2 and is not on PyPI")

FILE = "replay.launch.py"


def test_the_bag_is_evaluated_through_the_node_where_others_can_watch(ros2_launch, tmp_path):
    done = ros2_launch(FILE, "bag:=/my bags/one", "label_topic:=/labels", "output:=/out")

    assert done.returncode == 0, done.stdout
    started = json.loads((tmp_path / "asymformer.json").read_text())["argv"]
    assert started[:5] == ["evaluate", "bag", "/my bags/one", "--through-ros", "--shared-domain"]
    assert started[5:] == ["--output", "/out", "--label-topic", "/labels"]
    assert not (tmp_path / "rviz2.json").exists()


def test_rviz_is_started_on_demand(ros2_launch, tmp_path):
    assert ros2_launch(FILE, "bag:=one", "rviz:=true").returncode == 0
    started = json.loads((tmp_path / "rviz2.json").read_text())["argv"]
    assert str(resource("config/segment.rviz")) in started


def test_without_a_bag_it_says_what_is_missing(ros2_launch):
    done = ros2_launch(FILE)

    assert done.returncode == 1
    assert "bag" in done.stdout


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv of util-linux")
def test_when_ros2_launch_is_terminated_the_evaluation_ends_as_well(start_ros2_launch, tmp_path):
    fifo = tmp_path / "held_by_the_evaluation"
    os.mkfifo(fifo)
    script = tmp_path / "prefix/lib/asymformer_ros/asymformer"
    script.write_text(f"#!/bin/sh\nexec sleep 60 > '{fifo}'\n")
    with start_ros2_launch(FILE, "bag:=one") as launch, fifo.open() as held:
        launch.terminate()
        ended, _, _ = select.select([held], [], [], 20)

    assert ended
