"""A camera preset names the three topics of a driver and says how to start that driver."""

import re
from pathlib import Path

import pytest
import yaml

from asymformer_ros.resources import resource

PRESETS = sorted(resource("config/cameras").glob("*.yaml"))
RELATIVE_TOPIC = re.compile(r"[A-Za-z]\w*(/[A-Za-z]\w*)*")


def test_there_is_a_preset_for_each_supported_camera():
    names = [preset.stem for preset in PRESETS]
    assert names == ["azure_kinect", "oak", "orbbec", "realsense", "simulated", "zed"]


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.stem)
def test_a_preset_names_three_topics_that_follow_the_namespace(preset: Path):
    topics = yaml.safe_load(preset.read_text(encoding="utf-8"))
    assert list(topics) == ["color_topic", "depth_topic", "camera_info_topic"]
    assert len(set(topics.values())) == 3
    for topic in topics.values():
        assert RELATIVE_TOPIC.fullmatch(topic), topic


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.stem)
def test_a_preset_tells_how_to_start_the_driver(preset: Path):
    comments = [line for line in preset.read_text(encoding="utf-8").splitlines() if line[:1] == "#"]
    assert any(line.startswith(("#   ros2 launch ", "#   ros2 run ")) for line in comments)
