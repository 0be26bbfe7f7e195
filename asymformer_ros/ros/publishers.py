"""The node's outputs; every one of a frame carries the colour image's header itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from importlib import import_module
from typing import Any

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.type_support import check_for_type_support
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
from std_msgs.msg import Header

from asymformer_ros.perception.frame_drops import sentence_of
from asymformer_ros.perception.frames import Segmentation
from asymformer_ros.perception.refine import OutputOptions
from asymformer_ros.ros.frame_outputs import FrameOutputs
from asymformer_ros.ros.images import to_message
from asymformer_ros.ros.label_info import label_info_message
from asymformer_ros.ros.quiet_events import NO_PUBLISHER_EVENTS

# Reliable (rclpy's default), so that every subscriber matches; a slow one misses older frames.
_HISTORY = 2

#: In this order for every frame: what robots act on first, what takes long last.
_OUTPUTS: tuple[tuple[str, type, Callable[[FrameOutputs], Any]], ...] = (
    ("semantic/camera_info", CameraInfo, FrameOutputs.camera_info_message),
    ("semantic/mask", Image, FrameOutputs.mask),
    ("semantic/confidence", Image, FrameOutputs.confidence),
    ("semantic/points", PointCloud2, FrameOutputs.points),
    ("semantic/color", Image, FrameOutputs.color),
    ("semantic/overlay", Image, FrameOutputs.overlay),
    ("semantic/overlay/compressed", CompressedImage, FrameOutputs.compressed_overlay),
)
_SCENE = "semantic/scene"
_LABEL_INFO = "semantic/label_info"


class OutputError(RuntimeError):
    """Some outputs of a frame failed: which topics were published, and by topic why not."""

    def __init__(self, published: Sequence[str], reasons: Mapping[str, str]) -> None:
        failed = "; ".join(f"{topic}: {reason}" for topic, reason in reasons.items())
        super().__init__(f"only {', '.join(published)} published, not {failed}")
        self.published = tuple(published)
        self.reasons = dict(reasons)


class SemanticPublishers:
    """Publishes labels for every frame and the other outputs while somebody subscribes.

    Outputs whose message is not installed are off, which the log says once. All other topics are
    made or none; raises what rclpy raises for a QoS override that cannot be.
    """

    def __init__(self, node: Node) -> None:
        self.all: list[Publisher] = []
        self._clock = node.get_clock()
        with ExitStack() as created:

            def create(
                kind: type,
                topic: str,
                depth: int = _HISTORY,
                durability: DurabilityPolicy = DurabilityPolicy.VOLATILE,
            ) -> Publisher:
                publisher = node.create_publisher(
                    kind,
                    topic,
                    # One for each publisher: rclpy writes the overrides into it.
                    QoSProfile(depth=depth, durability=durability),
                    event_callbacks=NO_PUBLISHER_EVENTS,
                    qos_overriding_options=QoSOverridingOptions.with_default_policies(),
                )
                created.callback(node.destroy_publisher, publisher)
                self.all.append(publisher)
                return publisher

            self._labels = create(Image, "semantic")
            self._others = [(create(kind, topic), made_by) for topic, kind, made_by in _OUTPUTS]
            scene, why_no_scene = _installed("asymformer_ros.msg", "SemanticScene")
            if scene is not None:
                self._others.append((create(scene, _SCENE), FrameOutputs.scene))
            label_info, why_no_label_info = _installed("vision_msgs.msg", "LabelInfo")
            self._label_info: Publisher | None = None
            if label_info is not None:
                # Latched: nav2 drops every frame until it has this.
                latched = DurabilityPolicy.TRANSIENT_LOCAL
                self._label_info = create(label_info, _LABEL_INFO, 1, latched)
            self._created = created.pop_all()
        # Two calls: rclpy's `once` counts for the line that logs.
        if scene is None:
            remedy = "build this package with colcon to have it"
            node.get_logger().info(f"{_SCENE} is off: {why_no_scene}; {remedy}", once=True)
        if label_info is None:
            remedy = "install vision_msgs 4 to have it"
            node.get_logger().info(
                f"{_LABEL_INFO} is off: {why_no_label_info}; {remedy}", once=True
            )

    def announce(self, options: OutputOptions) -> None:
        """Publish what the labels mean: at activation, and when labelling or threshold change."""
        if self._label_info is not None:
            stamp = self._clock.now().to_msg()
            space, threshold = options.labelling.space, options.min_confidence
            self._label_info.publish(label_info_message(stamp, space, threshold))

    def publish_labels(self, header: Header, segmentation: Segmentation) -> None:
        """Publish the label image, mono8, 255 = unlabelled."""
        self._labels.publish(to_message(header, segmentation.labels, "mono8"))

    def publish_others(self, outputs: FrameOutputs) -> None:
        """Compute and publish what is subscribed to; raises OutputError when all are done."""
        published, reasons = [self._labels.topic_name], {}
        for publisher, made_by in self._others:
            if not publisher.get_subscription_count():
                continue
            try:
                publisher.publish(made_by(outputs))
            except Exception as error:  # One output must not keep the others from being published.
                reasons[publisher.topic_name] = sentence_of(error)
            else:
                published.append(publisher.topic_name)
        if reasons:
            raise OutputError(published, reasons)

    def destroy(self) -> None:
        """Remove the topics; call it when nothing publishes any more."""
        self._created.close()


def _installed(module: str, name: str) -> tuple[Any, str]:
    """The class of a message that need not be installed; None and the reason where it is not."""
    try:
        kind = getattr(import_module(module), name)
        check_for_type_support(kind)
    except (
        Exception
    ) as error:  # An old or half-installed package fails in more ways than a missing.
        return None, sentence_of(error)
    return kind, ""
