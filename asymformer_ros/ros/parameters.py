"""The node's parameters: what they mean, their ranges, and the checks that need no network."""

from __future__ import annotations

from dataclasses import dataclass

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node
from rclpy.qos import ReliabilityPolicy

from asymformer_ros.network.profile import OFFICIAL

_RELIABILITIES = {
    "best_effort": ReliabilityPolicy.BEST_EFFORT,
    "reliable": ReliabilityPolicy.RELIABLE,
}


class ConfigurationError(ValueError):
    """A parameter can never work; the message names it and says what to do."""


@dataclass(frozen=True)
class Settings:
    """The parameters that are fixed once the node is configured."""

    weights: str
    profile: str
    engine: str
    cache_dir: str
    label_space: str
    slop_ns: int
    queue_size: int
    input_reliability: ReliabilityPolicy


def declare_parameters(node: Node) -> None:
    """Declare every parameter of the node; raises rclpy's ParameterException on a bad override."""
    for name, default, description in (
        ("weights", "asymformer-nano", "Name of bundled weights or path of a weights file."),
        ("profile", "", f"Preprocessing of official weights: {', '.join(OFFICIAL)}."),
        ("engine", "auto", "What runs the network: auto or the name of an engine."),
        ("cache_dir", "", "Folder for built engines; empty = ~/.cache/asymformer_ros."),
        ("label_space", "", "Name or YAML path of the classes; empty = what the weights say."),
        ("input_reliability", "best_effort", "QoS of the inputs: best_effort or reliable."),
        ("autostart", True, "Configure and activate at start; false leaves it to a manager."),
        (
            "exit_with_parent",
            False,
            "End when the parent process is gone: a killed ros2 launch leaves its nodes behind.",
        ),
    ):
        descriptor = ParameterDescriptor(description=description, read_only=True)
        node.declare_parameter(name, default, descriptor)
    node.declare_parameter(
        "sync.slop",
        0.05,
        ParameterDescriptor(
            description="Largest difference of the stamps of a pair in seconds; 0 = equal stamps.",
            floating_point_range=[FloatingPointRange(from_value=0.0, to_value=10.0)],
            read_only=True,
        ),
    )
    node.declare_parameter(
        "sync.queue_size",
        10,
        ParameterDescriptor(
            description="How many images of one stream may wait for the other stream.",
            integer_range=[IntegerRange(from_value=1, to_value=1000, step=1)],
            read_only=True,
        ),
    )
    node.declare_parameter(
        "overlay_alpha",
        0.5,
        ParameterDescriptor(
            description="Weight of the class colours in semantic/overlay; changes at once.",
            floating_point_range=[FloatingPointRange(from_value=0.0, to_value=1.0)],
        ),
    )


def read_settings(node: Node) -> Settings:
    """The node's settings, checked; raises ConfigurationError."""
    reliability = node.get_parameter("input_reliability").value
    if reliability not in _RELIABILITIES:
        raise ConfigurationError(
            f"input_reliability is {reliability!r}: set it to {' or '.join(_RELIABILITIES)}"
        )
    return Settings(
        weights=node.get_parameter("weights").value,
        profile=node.get_parameter("profile").value,
        engine=node.get_parameter("engine").value,
        cache_dir=node.get_parameter("cache_dir").value,
        label_space=node.get_parameter("label_space").value,
        slop_ns=round(node.get_parameter("sync.slop").value * 1e9),
        queue_size=node.get_parameter("sync.queue_size").value,
        input_reliability=_RELIABILITIES[reliability],
    )
