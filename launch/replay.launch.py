"""Play a recording to the segmentation node at its own rate, watch it, and get a report."""

from __future__ import annotations

import shutil

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, EmitEvent, ExecuteProcess, OpaqueFunction
from launch.conditions import IfCondition
from launch.events import Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.substitutions import ExecutableInPackage

from asymformer_ros.resources import resource

# Arguments of `asymformer evaluate bag` that are passed on as they are.
OPTIONS = {
    "color_topic": "colour images of the bag; empty: the only ones",
    "depth_topic": "depth images of the bag; empty: the only ones",
    "label_topic": "true labels in the bag; empty: no score",
    "labels": "true labels as a folder of PNGs named by stamp; empty: none",
    "weights": "bundled name or a file; empty: the bundled ones",
    "engine": "engine; empty: the first that works",
    "profile": "preprocessing of official weights; empty: nyu-bgr",
    "slop": "largest difference of the stamps of a pair, seconds; empty: 0.05",
    "rate": "frames a second of a folder; empty: 5",
    "rotate": "degrees that turn the images upright; empty: 0",
}


def generate_launch_description() -> LaunchDescription:
    """The evaluation, which starts the node and the player, and RViz on demand."""
    return LaunchDescription(
        [
            DeclareLaunchArgument("bag", description="bag of ROS 1 or 2, or a folder of images"),
            *(
                DeclareLaunchArgument(name, default_value="", description=description)
                for name, description in OPTIONS.items()
            ),
            DeclareLaunchArgument(
                "output", default_value="evaluation", description="folder for the report"
            ),
            DeclareLaunchArgument("rviz", default_value="false", description="start RViz too"),
            Node(
                package="rviz2",
                executable="rviz2",
                arguments=["-d", str(resource("config/segment.rviz"))],
                condition=IfCondition(LaunchConfiguration("rviz")),
            ),
            OpaqueFunction(function=_evaluation),
        ]
    )


def _evaluation(context: LaunchContext) -> list[ExecuteProcess]:
    arguments = context.launch_configurations
    options = [
        part
        for name in OPTIONS
        if arguments[name]
        for part in (f"--{name.replace('_', '-')}", arguments[name])
    ]
    # A SIGTERM to `ros2 launch` ends it without ending its processes.
    with_parent = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
    return [
        # No Node action: it would add --ros-args, which this command does not know.
        ExecuteProcess(
            cmd=[
                *with_parent,
                ExecutableInPackage("asymformer", "asymformer_ros"),
                *("evaluate", "bag", arguments["bag"], "--through-ros", "--shared-domain"),
                *("--output", arguments["output"], *options),
            ],
            output="screen",
            on_exit=EmitEvent(event=Shutdown(reason="the recording has been played")),
        )
    ]
