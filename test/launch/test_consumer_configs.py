"""The files and the page for nav2, nvblox, RViz and Foxglove name what the node really has.

The consumers' own parameters are compared with what their sources declare (docs/consumers.md has
the versions): nothing of them is installed here.
"""

import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import rclpy
import yaml
from rclpy.parameter import Parameter

from asymformer_ros.perception.cloud import POINT
from asymformer_ros.perception.labels import (
    bundled_label_spaces,
    load_label_space,
    load_labelling,
    read_label_file,
)
from asymformer_ros.resources import resource
from asymformer_ros.ros.diagnostics import NodeReport, diagnostic_status
from asymformer_ros.ros.frame_times import Timing
from asymformer_ros.ros.health import Judgement
from asymformer_ros.ros.images import to_message
from asymformer_ros.ros.live_settings import LiveParameters
from asymformer_ros.ros.parameters import declare_parameters, read_live, read_settings
from asymformer_ros.ros.pipeline import FrameAccount
from asymformer_ros.ros.point_cloud import point_cloud_message
from asymformer_ros.ros.publishers import SemanticPublishers

os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
DOMAIN = 1 + os.getpid() % 100
PATIENCE_S = 60

NAV2 = "consumers/nav2.yaml"
NVBLOX = "consumers/nvblox.yaml"
PAGE = Path(__file__).parents[2] / "docs" / "consumers.md"
# Outputs whose message need not be installed, so that the node here may lack them.
OPTIONAL_OUTPUTS = ("/semantic/label_info", "/semantic/scene")

BOOL, INTEGER, DOUBLE = Parameter.Type.BOOL, Parameter.Type.INTEGER, Parameter.Type.DOUBLE
STRING, STRINGS = Parameter.Type.STRING, Parameter.Type.STRING_ARRAY
# A parameter of another type stops nav2 and nvblox; one that they do not know does nothing.
LAYER = {
    "plugin": STRING,
    "enabled": BOOL,
    "combination_method": INTEGER,
    "use_approximate_time_sync": BOOL,
    "observation_sources": STRING,
}
SOURCE = {
    "segmentation_topic": STRING,
    "confidence_topic": STRING,
    "labels_topic": STRING,
    "pointcloud_topic": STRING,
    "min_obstacle_distance": DOUBLE,
    "max_obstacle_distance": DOUBLE,
    "tile_map_decay_time": DOUBLE,
    "use_cost_selection": BOOL,
    "visualize_tile_map": BOOL,
    "class_types": STRINGS,
}
CLASS_TYPE = {
    "classes": STRINGS,
    "base_cost": INTEGER,
    "max_cost": INTEGER,
    "mark_confidence": INTEGER,
    "samples_to_max_cost": INTEGER,
    "dominant_priority": BOOL,
}
MANAGER = {
    "autostart": BOOL,
    "node_names": STRINGS,
    "bond_timeout": DOUBLE,
    "service_timeout": DOUBLE,
}
MAPPER = {
    "num_cameras": INTEGER,
    "use_depth": BOOL,
    "use_color": BOOL,
    "use_lidar": BOOL,
    "use_segmentation": BOOL,
    "mapping_type": STRING,
    "multi_mapper.remove_small_connected_components": BOOL,
    "multi_mapper.connected_mask_component_size_threshold": INTEGER,
}
RVIZ_IMAGE = {"Class", "Enabled", "Name", "Normalize Range", "Topic"}
RVIZ_CLOUD = {
    "Autocompute Intensity Bounds",
    "Channel Name",
    "Class",
    "Color Transformer",
    "Decay Time",
    "Enabled",
    "Max Intensity",
    "Min Intensity",
    "Name",
    "Position Transformer",
    "Selectable",
    "Size (Pixels)",
    "Style",
    "Topic",
    "Use rainbow",
}
RVIZ_QOS = {
    "Depth": 1,
    "Durability Policy": "Volatile",
    "History Policy": "Keep Last",
    "Reliability Policy": "Reliable",
}


def text(name):
    return resource(f"config/{name}").read_text(encoding="utf-8")


def layer_of(document):
    parameters = document["local_costmap"]["local_costmap"]["ros__parameters"]
    return parameters["semantic_layer"]


@pytest.fixture
def make_node():
    """Nodes as ROS makes them with a parameter file."""
    made = []

    def make(name, file=None, namespace=None, declare_all=False):
        context = rclpy.Context()
        arguments = ["--ros-args", "--params-file", str(resource(f"config/{file}"))] if file else []
        rclpy.init(args=arguments, context=context, domain_id=DOMAIN)
        node = rclpy.create_node(
            name,
            context=context,
            namespace=namespace,
            automatically_declare_parameters_from_overrides=declare_all,
        )
        made.append((node, context))
        return node

    yield make
    for node, context in made:
        node.destroy_node()
        context.try_shutdown()
        context.destroy()


@pytest.fixture
def read(make_node):
    """Name and type of each parameter that ROS reads from a file for a node."""

    def read(file, name, namespace=None):
        own = set(make_node(name, namespace=namespace).get_parameters_by_prefix(""))
        parameters = make_node(name, file, namespace, declare_all=True).get_parameters_by_prefix("")
        return {name: p.type_ for name, p in parameters.items() if name not in own}

    return read


@pytest.fixture
def outputs(make_node):
    """The node's outputs: the message's type by topic."""
    node = make_node("segmentation_node")
    own = {publisher.topic_name for publisher in node.publishers}
    publishers = SemanticPublishers(node)
    found = {p.topic_name: p.msg_type for p in node.publishers if p.topic_name not in own}
    publishers.destroy()
    return {**dict.fromkeys([*OPTIONAL_OUTPUTS, "/diagnostics"]), **found}


@pytest.mark.parametrize("file", [NAV2, NVBLOX])
def test_a_file_holds_parameters_that_the_node_takes(make_node, file):
    asked = yaml.safe_load(text(file))["segmentation_node"]["ros__parameters"]
    node = make_node("segmentation_node", file)
    declare_parameters(node)
    assert {name: node.get_parameter(name).value for name in asked} == asked
    read_settings(node)


@pytest.mark.parametrize("network", ["nyu40", "sunrgbd37"])
@pytest.mark.parametrize("file", [NAV2, NVBLOX])
def test_a_file_suits_every_official_network(make_node, file, network):
    node = make_node("segmentation_node", file)
    declare_parameters(node)
    options = LiveParameters(load_label_space(network), read_live(node), print).current.options
    assert options.mask_classes.any()


def test_every_bundled_label_space_has_the_classes_of_nvblox_s_mask():
    masked = yaml.safe_load(text(NVBLOX))["segmentation_node"]["ros__parameters"]["mask_classes"]
    for name in bundled_label_spaces():
        assert set(masked) <= set(read_label_file(name).space.classes), name


@pytest.mark.parametrize("network", ["nyu40", "sunrgbd37"])
def test_nav2_knows_a_cost_for_each_group_that_is_published_and_for_nothing_else(network):
    document = yaml.safe_load(text(NAV2))
    space = document["segmentation_node"]["ros__parameters"]["label_space"]
    camera = layer_of(document)["camera"]
    named = [name for kind in camera["class_types"] for name in camera[kind]["classes"]]
    published = load_labelling(space, load_label_space(network)).space.classes
    assert sorted(named) == sorted(published)


def test_nav2_s_costs_are_costs():
    camera = layer_of(yaml.safe_load(text(NAV2)))["camera"]
    for kind in camera["class_types"]:
        assert 0 <= camera[kind]["base_cost"] <= camera[kind]["max_cost"] <= 254, kind


def test_the_costmap_s_parameters_are_the_layer_s(read):
    camera = layer_of(yaml.safe_load(text(NAV2)))["camera"]
    expected = {"plugins": STRINGS}
    expected |= {f"semantic_layer.{name}": kind for name, kind in LAYER.items()}
    expected |= {f"semantic_layer.camera.{name}": kind for name, kind in SOURCE.items()}
    for group in camera["class_types"]:
        prefix = f"semantic_layer.camera.{group}"
        expected |= {f"{prefix}.{name}": kind for name, kind in CLASS_TYPE.items()}
    assert read(NAV2, "local_costmap", "local_costmap") == expected


def test_the_lifecycle_manager_manages_this_node_without_a_bond(read):
    assert read(NAV2, "lifecycle_manager_segmentation") == MANAGER
    manager = yaml.safe_load(text(NAV2))["lifecycle_manager_segmentation"]["ros__parameters"]
    assert manager["node_names"] == ["segmentation_node"]
    assert manager["bond_timeout"] == 0.0


def test_nvblox_s_parameters_are_nvblox_s(read):
    assert read(NVBLOX, "nvblox_node") == MAPPER


def test_nav2_reads_outputs_of_the_node(outputs):
    camera = layer_of(yaml.safe_load(text(NAV2)))["camera"]
    topics = {name: topic for name, topic in camera.items() if name.endswith("_topic")}
    assert set(topics) == {name for name in SOURCE if name.endswith("_topic")}
    assert set(topics.values()) <= set(outputs)


def test_rviz_shows_outputs_of_the_node_with_displays_of_their_type(outputs):
    config = yaml.safe_load(text("segment.rviz"))
    displays = config["Visualization Manager"]["Displays"]
    assert [display["Name"] for display in displays] == ["Overlay", "Classes", "Mask", "Points"]
    for display in displays:
        topic = dict(display["Topic"])
        kind = outputs[topic.pop("Value")].__name__
        assert display["Class"] == f"rviz_default_plugins/{kind}"
        assert set(display) == (RVIZ_CLOUD if kind == "PointCloud2" else RVIZ_IMAGE)
        topic.pop("Filter size", None)
        assert topic == RVIZ_QOS


def test_rviz_can_colour_the_cloud_by_a_field_that_it_has():
    config = yaml.safe_load(text("segment.rviz"))
    (cloud,) = [d for d in config["Visualization Manager"]["Displays"] if d["Name"] == "Points"]
    assert cloud["Channel Name"] in POINT.names
    assert cloud["Color Transformer"] == "RGB8" and "rgb" in POINT.names
    assert cloud["Max Intensity"] == len(load_label_space("nyu40").classes) - 1


def panels(layout):
    if isinstance(layout, str):
        return [layout]
    assert layout["direction"] in ("row", "column")
    return [*panels(layout["first"]), *panels(layout["second"])]


def test_foxglove_s_layout_places_each_panel_once():
    layout = json.loads(text("foxglove.json"))
    assert sorted(panels(layout["layout"])) == sorted(layout["configById"])


def test_foxglove_shows_outputs_of_the_node(outputs):
    shown = json.loads(text("foxglove.json"))["configById"]
    images = [panel["imageMode"]["imageTopic"] for name, panel in shown.items() if "Image!" in name]
    assert [outputs[topic].__name__ for topic in images] == ["CompressedImage", "Image"]
    ((cloud, colouring),) = shown["3D!points"]["topics"].items()
    assert outputs[cloud].__name__ == "PointCloud2"
    assert colouring["colorField"] in POINT.names
    assert shown["DiagnosticSummary!node"]["topicToRender"] in outputs


def test_foxglove_plots_figures_of_the_diagnostics():
    account = FrameAccount(
        received_color=1,
        received_depth=1,
        paired=1,
        segmented=1,
        dropped_color={},
        dropped_depth={},
        pending=0,
        in_work=0,
        waiting_depth=0,
        refused=0,
        last_drop="",
        stamps_apart_ns=None,
    )
    report = NodeReport(
        engine="",
        agreement=1.0,
        sync_policy="own",
        account=account,
        timing=Timing(rate_hz=30.0, percentiles={"latency_ms": (1.0, 2.0, 3.0)}),
        pairs_hz=30.0,
        resident_mb=None,
        gpus=(),
    )
    status = diagnostic_status("segmentation_node", Judgement(b"\0", "", False), report)
    figures = {pair.key for pair in status.values}
    path = re.compile(
        r"/diagnostics\.status\[:\]\{name==\"(.+?)\"\}\.values\[:\]\{key==\"(.+?)\"\}\.value"
    )
    for plotted in json.loads(text("foxglove.json"))["configById"]["Plot!rate"]["paths"]:
        name, key = path.fullmatch(plotted["value"]).groups()
        assert plotted["enabled"]
        assert name == status.name
        assert key in figures


def test_the_page_names_files_that_exist():
    page = PAGE.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!http)(.+?)\)", page):
        assert (PAGE.parent / target).exists(), target
    for name in re.findall(r"\$CONFIG/([\w./]+)", page):
        assert resource(f"config/{name}").exists(), name


def test_the_page_remaps_and_plots_outputs_of_the_node(outputs):
    page = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"/semantic\b[\w/]*", page))
    assert {"/semantic/mask", "/semantic/camera_info", "/semantic/scene"} <= named
    assert named <= set(outputs)
    assert {f"/{name}" for name in re.findall(r"`(semantic\b[\w/]*)`", page)} <= set(outputs)


def code_of_the_page():
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return code


def test_the_page_s_program_knows_the_layout_of_a_point():
    names = {}
    exec(code_of_the_page().partition("frames = ")[0], names)
    fields = {name: names["POINT"].fields[name] for name in names["POINT"].names}
    # The bits of rgb are colours: the program takes them for what they are.
    assert fields == {**POINT.fields, "rgb": (np.dtype("<u4"), POINT.fields["rgb"][1])}


@pytest.fixture
def program(tmp_path):
    """The page's Python program, started; killed if it says nothing for long."""
    file = tmp_path / "consumer.py"
    file.write_text(code_of_the_page(), encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "-u", str(file)],
        env={**os.environ, "ROS_DOMAIN_ID": str(DOMAIN)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        watchdog = threading.Timer(PATIENCE_S, process.kill)
        watchdog.start()
        yield process
        watchdog.cancel()
        process.kill()


def test_the_page_s_program_reads_what_belongs_together(make_node, program):
    from rclpy.executors import SingleThreadedExecutor
    from sensor_msgs.msg import Image, PointCloud2
    from std_msgs.msg import Header

    node = make_node("camera_and_node")
    labels, confidence, points = (
        node.create_publisher(kind, topic, 10)
        for topic, kind in (
            ("semantic", Image),
            ("semantic/confidence", Image),
            ("semantic/points", PointCloud2),
        )
    )
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    end = time.monotonic() + PATIENCE_S
    while not all(p.get_subscription_count() for p in (labels, confidence, points)):
        assert program.poll() is None and time.monotonic() < end
        executor.spin_once(timeout_sec=0.1)

    header = Header(frame_id="camera_color_optical_frame")
    image = np.array([[3, 3, 255], [3, 7, 7]], dtype=np.uint8)
    certain = np.array([[255, 255, 255], [10, 255, 255]], dtype=np.uint8)
    cloud = np.zeros(image.shape, dtype=POINT)
    cloud["z"] = [[2.5, 1.5, 0.5], [0.25, np.nan, 4.0]]
    header.stamp.sec = 1  # its confidence and its cloud never come
    labels.publish(to_message(header, np.zeros_like(image), "mono8"))
    header.stamp.sec = 2
    points.publish(point_cloud_message(header, cloud))
    confidence.publish(to_message(header, certain, "mono8"))
    labels.publish(to_message(header, image, "mono8"))

    assert program.stdout.readline() == "class 3: 2 pixels, nearest 1.50 m\n"
    assert program.stdout.readline() == "class 7: 2 pixels, nearest 4.00 m\n"
    executor.shutdown()
