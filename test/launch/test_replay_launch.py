"""`ros2 launch asymformer_ros replay.launch.py`: what the evaluation is started with."""

import json

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
