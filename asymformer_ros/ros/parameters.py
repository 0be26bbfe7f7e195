"""The node's parameters: what they mean, their ranges, and the checks that need no network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import ReliabilityPolicy

from asymformer_ros.network.profile import OFFICIAL

_RELIABILITIES = {
    "best_effort": ReliabilityPolicy.BEST_EFFORT,
    "reliable": ReliabilityPolicy.RELIABLE,
}


class ConfigurationError(ValueError):
    """A parameter can never work; the message names it and says what to do."""


@dataclass(frozen=True)
class _Parameter:
    """One parameter. choices: all values of a text; bounds: smallest and largest number."""

    name: str
    default: bool | int | float | str | list[str]
    description: str
    choices: tuple[str, ...] = ()
    bounds: tuple[float, float] | None = None

    def declare(self, node: Node, read_only: bool) -> None:
        constraints = f"one of: {', '.join(self.choices)}" if self.choices else ""
        descriptor = ParameterDescriptor(
            description=self.description, additional_constraints=constraints, read_only=read_only
        )
        if self.bounds is not None:
            low, high = self.bounds
            if isinstance(self.default, float):
                reals = FloatingPointRange(from_value=low, to_value=high)
                descriptor.floating_point_range = [reals]
            else:
                integers = IntegerRange(from_value=int(low), to_value=int(high), step=1)
                descriptor.integer_range = [integers]
        value = self._real(node) if isinstance(self.default, float) else None
        if value is None:
            node.declare_parameter(self.name, self.default, descriptor)
        else:
            node.declare_parameter(self.name, value, descriptor, ignore_override=True)
        if node.get_parameter_type(self.name) == Parameter.Type.NOT_SET.value:
            # The empty list of a parameter file, which has no type there.
            node.set_parameters([Parameter(self.name, Parameter.Type.STRING_ARRAY, [])])

    def _real(self, node: Node) -> float | None:
        """The value from outside or the default, None if that is no number."""
        node.declare_parameter(self.name, self.default, ParameterDescriptor(dynamic_typing=True))
        parameter = whole_as_real(node.get_parameter(self.name))
        node.undeclare_parameter(self.name)
        return parameter.value if parameter.type_ == Parameter.Type.DOUBLE else None


#: Read when the process starts.
_AT_START = (
    _Parameter("autostart", True, "Configure and activate at start; false leaves it to a manager."),
    _Parameter(
        "exit_with_parent",
        False,
        "End when the parent process is gone: a killed ros2 launch leaves its nodes behind.",
    ),
    # Not later: rclpy keeps the QoS of the first activation in read-only qos_overrides.
    _Parameter(
        "input_reliability",
        "best_effort",
        "QoS of the inputs.",
        choices=tuple(_RELIABILITIES),
    ),
)
#: Read when the node is configured.
_AT_CONFIGURE = (
    _Parameter("weights", "asymformer-nano", "Name of bundled weights or path of a weights file."),
    _Parameter("profile", "", f"Preprocessing of official weights: {', '.join(OFFICIAL)}."),
    _Parameter("engine", "auto", "What runs the network: auto or the name of an engine."),
    _Parameter("cache_dir", "", "Folder for built engines; empty = ~/.cache/asymformer_ros."),
    _Parameter(
        "color_transport",
        "raw",
        "How colour comes: sensor_msgs/Image, or CompressedImage on that topic + /compressed.",
        choices=("raw", "compressed"),
    ),
    _Parameter(
        "depth_transport",
        "raw",
        "How depth comes: sensor_msgs/Image, or CompressedImage on that topic + /compressedDepth.",
        choices=("raw", "compressedDepth"),
    ),
    _Parameter(
        "register_depth",
        False,
        "Register depth to colour here, with depth/camera_info and /tf_static; needs tf2.",
    ),
    _Parameter(
        "rotate",
        0,
        "Degrees to turn the camera's images clockwise to see the scene upright: 0, 90, 180, 270.",
        bounds=(0, 270),
    ),
    _Parameter(
        "sync.policy",
        "own",
        "Who pairs colour and depth; message_filters where that package is installed.",
        choices=("own", "message_filters"),
    ),
    _Parameter(
        "sync.slop",
        0.05,
        "Largest difference of the stamps of a pair in seconds; 0 = equal stamps.",
        bounds=(0.0, 10.0),
    ),
    _Parameter(
        "sync.queue_size",
        10,
        "How many images of one stream may wait for the other stream.",
        bounds=(1, 1000),
    ),
)
#: Taken at once, also while the node runs.
_LIVE = (
    _Parameter("enabled", True, "Segment; false drops every pair. ~/enable sets it, too."),
    _Parameter(
        "max_rate",
        0.0,
        "Most frames to segment a second, the others are dropped; 0 = all.",
        bounds=(0.0, 1000.0),
    ),
    _Parameter(
        "label_space", "", "Name or YAML path of the classes; empty = those of the weights."
    ),
    _Parameter(
        "mask_classes", ["person"], "Names of the classes that semantic/mask shows; [''] = none."
    ),
    _Parameter(
        "min_confidence",
        0.0,
        "Pixels of less confidence are unlabelled (255).",
        bounds=(0.0, 1.0),
    ),
    _Parameter("drop_without_depth", False, "Pixels without depth are unlabelled (255)."),
    _Parameter(
        "output_stride",
        1,
        "Every output holds each n-th pixel of each n-th row of the camera's image.",
        bounds=(1, 16),
    ),
    _Parameter(
        "overlay_alpha",
        0.5,
        "Weight of the class colours in semantic/overlay.",
        bounds=(0.0, 1.0),
    ),
    _Parameter(
        "save_dir",
        "",
        "Where ~/save_frame makes a folder for each frame; empty = ~/.ros/asymformer_ros.",
    ),
)

#: The parameters that may change at any time.
LIVE_NAMES = frozenset(parameter.name for parameter in _LIVE)
#: What `mask_classes` is if nobody sets it; a label space without these classes is no error.
DEFAULT_MASK_CLASSES = next(p.default for p in _LIVE if p.name == "mask_classes")
_CONFIGURE_NAMES = frozenset(parameter.name for parameter in _AT_CONFIGURE)
#: All but those that are read when the process starts.
SETTABLE_NAMES = LIVE_NAMES | _CONFIGURE_NAMES
_REAL_NAMES = frozenset(p.name for p in (*_AT_CONFIGURE, *_LIVE) if isinstance(p.default, float))
_CHOICES = {p.name: p.choices for p in (*_AT_START, *_AT_CONFIGURE) if p.choices}
_TURNS = (0, 90, 180, 270)


@dataclass(frozen=True)
class Settings:
    """The parameters that are fixed once the node is configured."""

    weights: str
    profile: str
    engine: str
    cache_dir: str
    color_transport: str
    depth_transport: str
    input_reliability: ReliabilityPolicy
    register_depth: bool
    rotate: int
    sync_policy: str
    slop_ns: int
    queue_size: int


def declare_parameters(node: Node) -> None:
    """Declare every parameter of the node; raises rclpy's ParameterException on a bad override."""
    for parameter in _AT_START:
        parameter.declare(node, read_only=True)
    for parameter in (*_AT_CONFIGURE, *_LIVE):
        parameter.declare(node, read_only=False)


def whole_as_real(parameter: Parameter) -> Parameter:
    """The parameter, of a real number where it was given as a whole one: YAML reads 5 as such."""
    if parameter.name in _REAL_NAMES and parameter.type_ == Parameter.Type.INTEGER:
        return Parameter(parameter.name, value=float(parameter.value))
    return parameter


def unknown_names(node: Node) -> list[str]:
    """What was given from outside for this node and is none of its parameters."""
    # rclpy tells it nowhere else. QoS overrides are declared with their publisher or subscription.
    return sorted(
        name
        for name in node._parameter_overrides
        if not node.has_parameter(name) and not name.startswith("qos_overrides.")
    )


def read_settings(node: Node) -> Settings:
    """The node's settings, checked; raises ConfigurationError."""
    names = (parameter.name for parameter in (*_AT_START, *_AT_CONFIGURE))
    values = {name: node.get_parameter(name).value for name in names}
    require_valid(values)
    return Settings(
        weights=values["weights"],
        profile=values["profile"],
        engine=values["engine"],
        cache_dir=values["cache_dir"],
        color_transport=values["color_transport"],
        depth_transport=values["depth_transport"],
        input_reliability=_RELIABILITIES[values["input_reliability"]],
        register_depth=values["register_depth"],
        rotate=values["rotate"],
        sync_policy=values["sync.policy"],
        slop_ns=round(values["sync.slop"] * 1e9),
        queue_size=values["sync.queue_size"],
    )


def read_live(node: Node) -> dict[str, Any]:
    """The values of the parameters that may change at any time."""
    return {name: node.get_parameter(name).value for name in LIVE_NAMES}


def require_valid(values: Mapping[str, Any]) -> None:
    """Check what ranges cannot say; raises ConfigurationError."""
    for name, choices in _CHOICES.items():
        if name in values and values[name] not in choices:
            raise ConfigurationError(
                f"{name} is {values[name]!r}: set it to {' or '.join(choices)}"
            )
    if values.get("rotate", 0) not in _TURNS:
        turns = ", ".join(map(str, _TURNS))
        raise ConfigurationError(f"rotate is {values['rotate']}: set it to one of {turns}")


def require_live(names: Iterable[str]) -> None:
    """Refuse parameters that are read at configure only; raises ConfigurationError."""
    fixed = sorted(_CONFIGURE_NAMES.intersection(names))
    if fixed:
        are = "are" if len(fixed) > 1 else "is"
        raise ConfigurationError(
            f"{', '.join(fixed)} {are} read when the node is configured: deactivate and clean it "
            "up (ros2 lifecycle set), set the parameter, then configure and activate it"
        )
