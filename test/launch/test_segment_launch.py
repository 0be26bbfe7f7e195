"""`ros2 launch asymformer_ros segment.launch.py`: what the node is started with.

Node and RViz are replaced by scripts that write down their command lines and environments.
"""

import json
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from asymformer_ros.resources import resource

pytest.importorskip("ros2launch", reason="ros2 launch comes with ROS 2 and is not on PyPI")

PROFILE = "FASTRTPS_DEFAULT_PROFILES_FILE"
FILE = "segment.launch.py"


class Launched:
    """What a stand-in was started with."""

    def __init__(self, record):
        started = json.loads(record.read_text())
        self.profile = started["profile"]
        argv = started["argv"]
        options = list(pairwise(argv))
        self.remappings = dict(value.split(":=") for flag, value in options if flag == "-r")
        self.log_level = dict(options).get("--log-level")
        self.rviz_config = dict(options).get("-d")
        # Later files win; the node's full name wins over /**.
        self.parameters = {}
        files = [Path(value) for flag, value in options if flag == "--params-file"]
        documents = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]
        for node in ("/**", self.full_name):
            for document in documents:
                self.parameters.update(document.get(node, {}).get("ros__parameters", {}))

    @property
    def full_name(self):
        namespace = self.remappings["__ns"].rstrip("/")
        return f"{namespace}/{self.remappings.get('__node', '')}"


@pytest.fixture
def launched(ros2_launch, tmp_path):
    """Launch and tell what the node was started with."""

    def launch(*arguments, environment=None):
        result = ros2_launch(FILE, *arguments, environment=environment)
        assert result.returncode == 0, result.stdout
        return Launched(tmp_path / "segmentation_node.json")

    return launch


def topics(launch):
    return [
        launch.remappings[topic]
        for topic in ("color/image_raw", "depth/image_raw", "color/camera_info")
    ]


def test_without_arguments_the_node_listens_to_a_realsense_with_the_default_parameters(launched):
    launch = launched()
    assert launch.full_name == "/segmentation_node"
    assert topics(launch) == [
        "camera/camera/color/image_raw",
        "camera/camera/aligned_depth_to_color/image_raw",
        "camera/camera/color/camera_info",
    ]
    defaults = yaml.safe_load(resource("config/segment.yaml").read_text(encoding="utf-8"))
    assert launch.parameters == {
        **defaults["/**"]["ros__parameters"],
        "exit_with_parent": True,
    }
    assert launch.profile == str(resource("config/fastdds.xml"))


@pytest.mark.parametrize("camera", ["azure_kinect", "oak", "orbbec", "simulated", "zed"])
def test_a_preset_connects_the_node_to_the_driver(launched, camera):
    preset = yaml.safe_load(resource(f"config/cameras/{camera}.yaml").read_text(encoding="utf-8"))
    assert topics(launched(f"camera:={camera}")) == list(preset.values())


def test_a_topic_given_by_hand_goes_before_the_preset(launched):
    launch = launched("camera:=orbbec", "depth_topic:=/filtered/depth")
    assert topics(launch) == [
        "camera/color/image_raw",
        "/filtered/depth",
        "camera/color/camera_info",
    ]


def test_with_no_camera_the_topics_keep_the_nodes_own_names(launched):
    assert topics(launched("camera:=none", "color_topic:=/left")) == [
        "/left",
        "depth/image_raw",
        "color/camera_info",
    ]


def test_arguments_go_before_the_parameter_file_even_where_it_names_the_node(launched, tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "/robot1/segmentation_node:\n"
        "  ros__parameters: {weights: from_file, engine: torch, overlay_alpha: 0.9}\n"
    )
    launch = launched(
        f"params_file:={mine}",
        "namespace:=robot1",
        "weights:=by_hand.pth",
        "use_sim_time:=True",
        "log_level:=warn",
    )
    assert launch.full_name == "/robot1/segmentation_node"
    assert launch.log_level == "warn"
    assert launch.parameters == {
        "weights": "by_hand.pth",
        "engine": "torch",
        "overlay_alpha": 0.9,
        "use_sim_time": True,
        "exit_with_parent": True,
    }


def test_use_sim_time_of_the_parameter_file_holds_unless_it_is_given(launched, tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("/**: {ros__parameters: {use_sim_time: true}}\n")

    assert launched(f"params_file:={mine}").parameters["use_sim_time"] is True
    given = launched(f"params_file:={mine}", "use_sim_time:=false")
    assert given.parameters["use_sim_time"] is False


def test_use_sim_time_is_rvizs_as_well(launched, tmp_path):
    for arguments, parameters in (([], {}), (["use_sim_time:=true"], {"use_sim_time": True})):
        launched("rviz:=true", *arguments)
        assert Launched(tmp_path / "rviz2.json").parameters == parameters


def test_the_parameter_file_may_be_in_the_home_directory(launched, tmp_path):
    (tmp_path / "mine.yaml").write_text("/**: {ros__parameters: {overlay_alpha: 0.9}}\n")

    launch = launched("params_file:=~/mine.yaml", environment={"HOME": str(tmp_path)})

    assert launch.parameters["overlay_alpha"] == 0.9


def test_rviz_shows_the_topics_of_the_nodes_namespace(launched, tmp_path):
    launched("rviz:=true", "namespace:=robot1")
    rviz = Launched(tmp_path / "rviz2.json")
    assert rviz.rviz_config == str(resource("config/segment.rviz"))
    assert rviz.remappings == {
        "__ns": "/robot1",
        "/semantic/overlay": "semantic/overlay",
        "/semantic/color": "semantic/color",
        "/semantic/mask": "semantic/mask",
        "/semantic/points": "semantic/points",
    }


def test_rviz_is_started_on_demand_only(launched, tmp_path):
    launched()
    assert not (tmp_path / "rviz2.json").exists()


def test_where_rviz_is_missing_the_node_is_not_left_behind(ros2_launch, tmp_path):
    index = tmp_path / "prefix" / "share" / "ament_index" / "resource_index" / "packages"
    (index / "rviz2").unlink()
    result = ros2_launch(FILE, "rviz:=true")
    assert result.returncode == 1
    assert "package 'rviz2' not found" in result.stdout
    assert "segmentation_node-1" not in result.stdout


def test_a_fast_dds_profile_of_the_users_own_is_kept(launched):
    assert launched(environment={PROFILE: "/etc/mine.xml"}).profile == "/etc/mine.xml"


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("camera:=webcam", "'oak', 'orbbec', 'realsense', 'simulated', 'zed', 'none'"),
        ("params_file:=/nowhere.yaml", "params_file '/nowhere.yaml' is no file"),
    ],
)
def test_an_argument_that_cannot_work_ends_the_launch_with_a_sentence(
    ros2_launch, tmp_path, argument, sentence
):
    result = ros2_launch(FILE, argument)
    assert result.returncode == 1
    assert sentence in result.stdout
    assert "Traceback" not in result.stdout
    assert not (tmp_path / "segmentation_node.json").exists()


def test_show_args_names_every_argument(ros2_launch):
    shown = ros2_launch(FILE, "--show-args").stdout
    for name in (
        *("camera", "color_topic", "depth_topic", "camera_info_topic", "depth_info_topic"),
        *(
            "weights",
            "engine",
            "label_space",
            "params_file",
            "namespace",
            "use_sim_time",
            "rviz",
            "log_level",
        ),
    ):
        assert f"'{name}':" in shown
