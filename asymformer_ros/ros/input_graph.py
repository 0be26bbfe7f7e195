"""Why the publishers of an input cannot reach the node, read from the ROS graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rclpy.node import Node
from rclpy.qos import (
    QoSCompatibility,
    QoSProfile,
    ReliabilityPolicy,
    qos_check_compatible,
)
from rclpy.subscription import Subscription
from rclpy.topic_endpoint_info import TopicEndpointInfo

_IMAGE = "sensor_msgs/msg/Image"
_COMPRESSED = "sensor_msgs/msg/CompressedImage"
# Parameter that chooses the message type, and its value for CompressedImage.
_TRANSPORTS = {
    "colour": ("color_transport", "compressed"),
    "depth": ("depth_transport", "compressedDepth"),
}
_MOST_NAMED = 4
# rmw_dds_common's.
_NO_NAMES = ("_NODE_NAME_UNKNOWN_", "_CREATED_BY_BARE_DDS_APP_")


@dataclass(frozen=True)
class Input:
    """A subscription: what for, on which topic, to which message type, with which QoS."""

    stream: str
    topic: str
    kind: str
    qos: QoSProfile

    @classmethod
    def of(cls, stream: str, subscription: Subscription) -> Input:
        """Of a subscription that exists; what is made of it outlives it."""
        kind: Any = subscription.msg_type
        name = f"{kind.__module__.partition('.')[0]}/msg/{kind.__name__}"
        return cls(stream, subscription.topic_name, name, subscription.qos_profile)


@dataclass(frozen=True)
class PublisherCheck:
    """mismatches: what is wrong with publishers of a topic. nodes: of each that fits, its node."""

    mismatches: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()


def check_publishers(node: Node, wanted: Input) -> PublisherCheck:
    """Compare message type and QoS of every publisher on the input's topic."""
    mismatches, nodes = [], []
    for publisher in node.get_publishers_info_by_topic(wanted.topic):
        mismatch = _other_type(wanted, publisher.topic_type) or _other_qos(wanted, publisher)
        if mismatch:
            mismatches.append(mismatch)
        else:
            nodes.append(node_name(publisher))
    return PublisherCheck(tuple(dict.fromkeys(mismatches)), tuple(nodes))


def why_no_publisher(node: Node, wanted: Input) -> str:
    """What to do where nobody publishes the input's topic."""
    topic, kind = wanted.topic, wanted.kind
    published = {
        name: kinds
        for name, kinds in sorted(node.get_topic_names_and_types())
        if {kind, _IMAGE, _COMPRESSED}.intersection(kinds) and node.count_publishers(name)
    }
    parameter, transport = _TRANSPORTS.get(wanted.stream, ("", ""))
    compressed, raw = f"{topic}/{transport}", topic.removesuffix(f"/{transport}")
    if kind == _IMAGE and _COMPRESSED in published.get(compressed, ()):
        return f"{topic} has no publisher but {compressed} has: set {parameter} to {transport}"
    if kind == _COMPRESSED and _IMAGE in published.get(raw, ()):
        return f"{topic} has no publisher but {raw} has: set {parameter} to raw"
    own = {publisher.topic_name for publisher in node.publishers}
    fitting = [name for name, kinds in published.items() if kind in kinds and name not in own]
    where = f" to one of {', '.join(fitting[:_MOST_NAMED])}" if fitting else ""
    return f"{topic} has no publisher: start the driver or remap the topic{where}"


def _other_type(wanted: Input, found: str) -> str:
    topic = wanted.topic
    if found == wanted.kind:
        return ""
    parameter, transport = _TRANSPORTS.get(wanted.stream, ("", ""))
    raw = topic.removesuffix("/compressed").removesuffix("/compressedDepth")
    if (wanted.kind, found) == (_IMAGE, _COMPRESSED) and parameter:
        advice = f"set {parameter} to {transport} and remap "
        advice += f"{topic}/{transport} to {topic}" if raw == topic else f"the topic to {raw}"
    elif (wanted.kind, found) == (_COMPRESSED, _IMAGE) and parameter:
        advice = f"set {parameter} to raw and remap the topic to {topic}"
    else:
        advice = "check the remapping"
    return f"{topic} carries {found}, this node reads {wanted.kind}: {advice}"


def _other_qos(wanted: Input, publisher: TopicEndpointInfo) -> str:
    offered = publisher.qos_profile
    compatibility, reason = qos_check_compatible(offered, wanted.qos)
    if compatibility != QoSCompatibility.ERROR:
        return ""
    who = node_name(publisher)
    best_effort, reliable = ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE
    if (offered.reliability, wanted.qos.reliability) == (best_effort, reliable):
        return (
            f"{who} offers best effort on {wanted.topic}, this node asks for reliable: set "
            "input_reliability or "
            f"qos_overrides.{wanted.topic}.subscription.reliability to best_effort and "
            "start it again"
        )
    return f"{who} offers a QoS on {wanted.topic} that does not fit: {reason.strip()}"


def is_known(endpoint: TopicEndpointInfo) -> bool:
    """Whether its node has been discovered; never, where it is none of ROS."""
    return endpoint.node_name not in _NO_NAMES


def node_name(endpoint: TopicEndpointInfo) -> str:
    """The full name of an endpoint's node."""
    if not is_known(endpoint):
        return "an unknown node"
    return f"{endpoint.node_namespace.rstrip('/')}/{endpoint.node_name}"
