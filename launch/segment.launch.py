"""Segment what an RGB-D camera sees and publish it on `semantic`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.conditions import IfCondition
from launch.substitutions import EnvironmentVariable, LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from asymformer_ros.resources import resource

CAMERAS = resource("config/cameras")
FAST_DDS_PROFILE = "FASTRTPS_DEFAULT_PROFILES_FILE"
# config/segment.rviz has them with a slash; without it they follow the namespace.
SHOWN = ("semantic/overlay", "semantic/color", "semantic/mask", "semantic/points")
TOPICS = {
    "color_topic": "color/image_raw",
    "depth_topic": "depth/image_raw",
    "camera_info_topic": "color/camera_info",
    "depth_info_topic": "depth/camera_info",
}
# Parameters that are arguments as well.
OVERRIDES = {"weights": str, "engine": str, "label_space": str, "use_sim_time": bool}


def generate_launch_description() -> LaunchDescription:
    """The node, its topics connected to a camera, and RViz on demand."""
    presets = sorted(preset.stem for preset in CAMERAS.glob("*.yaml"))
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "camera",
                default_value="realsense",
                choices=[*presets, "none"],
                description="whose driver's topics to use; none: the node's own, "
                + ", ".join(TOPICS.values()),
            ),
            DeclareLaunchArgument(
                "color_topic", default_value="", description="colour image; empty: the camera's"
            ),
            DeclareLaunchArgument(
                "depth_topic",
                default_value="",
                description="depth image registered to colour; empty: the camera's",
            ),
            DeclareLaunchArgument(
                "camera_info_topic",
                default_value="",
                description="camera info of the colour image; empty: the camera's",
            ),
            DeclareLaunchArgument(
                "depth_info_topic",
                default_value="",
                description="camera info of the depth image, for register_depth alone",
            ),
            DeclareLaunchArgument(
                "weights", default_value="", description="weights file; empty: as in params_file"
            ),
            DeclareLaunchArgument(
                "engine", default_value="", description="engine; empty: as in params_file"
            ),
            DeclareLaunchArgument(
                "label_space",
                default_value="",
                description="classes or groups, as nav; empty: as in params_file",
            ),
            DeclareLaunchArgument(
                "params_file",
                default_value=str(resource("config/segment.yaml")),
                description="the node's parameters",
            ),
            DeclareLaunchArgument(
                "namespace",
                default_value="",
                description="namespace of the node and of every topic not starting with /",
            ),
            DeclareLaunchArgument(
                "use_sim_time",
                default_value="",
                description="take the time from /clock; empty: as in params_file",
            ),
            DeclareLaunchArgument("rviz", default_value="false", description="start RViz too"),
            DeclareLaunchArgument("log_level", default_value="info", description="the node's log"),
            # Without the profile Fast DDS loses most large images. It works at the publisher, so
            # the camera driver's process needs the same variable.
            SetEnvironmentVariable(
                FAST_DDS_PROFILE,
                EnvironmentVariable(
                    FAST_DDS_PROFILE, default_value=str(resource("config/fastdds.xml"))
                ),
            ),
            OpaqueFunction(function=_rviz, condition=IfCondition(LaunchConfiguration("rviz"))),
            # Last: where RViz is missing the launch ends, and must not leave the node behind.
            OpaqueFunction(function=_segmentation_node),
        ]
    )


def _rviz(context: LaunchContext) -> list[Node]:
    arguments = context.launch_configurations
    overrides = _given(arguments, "use_sim_time")
    return [
        Node(
            package="rviz2",
            executable="rviz2",
            namespace=arguments["namespace"],
            arguments=["-d", str(resource("config/segment.rviz"))],
            parameters=[overrides] if overrides else [],
            remappings=[(f"/{topic}", topic) for topic in SHOWN],
        )
    ]


def _segmentation_node(context: LaunchContext) -> list[Node]:
    arguments = context.launch_configurations
    params_file = Path(arguments["params_file"]).expanduser()
    # launch itself would only warn and start the node with its defaults.
    if not params_file.is_file():
        raise RuntimeError(f"params_file {str(params_file)!r} is no file: give the path of one")
    overrides = _given(arguments, *OVERRIDES)
    # A SIGTERM to `ros2 launch` ends it without ending its nodes.
    overrides["exit_with_parent"] = True
    return [
        Node(
            package="asymformer_ros",
            executable="segmentation_node",
            name="segmentation_node",
            namespace=arguments["namespace"],
            parameters=[str(params_file), overrides],
            remappings=_remappings(arguments),
            ros_arguments=["--log-level", arguments["log_level"]],
            output="screen",
        )
    ]


def _remappings(arguments: dict[str, str]) -> list[tuple[str, str]]:
    camera = arguments["camera"]
    preset: dict[str, str] = {}
    if camera != "none":
        preset = yaml.safe_load((CAMERAS / f"{camera}.yaml").read_text(encoding="utf-8"))
    return [(topic, arguments[name] or preset.get(name, topic)) for name, topic in TOPICS.items()]


def _given(arguments: dict[str, str], *names: str) -> dict[str, Any]:
    """The parameters of these names that are not left empty."""
    return {
        name: ParameterValue(LaunchConfiguration(name), value_type=OVERRIDES[name])
        for name in names
        if arguments[name]
    }
