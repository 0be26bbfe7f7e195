"""The node's inputs: callbacks that only take a message and hand it on."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, NamedTuple

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from asymformer_ros.ros.frame_processor import FrameProcessor, ImageMessage
from asymformer_ros.ros.images import stamp_ns
from asymformer_ros.ros.input_watch import CAMERA_INFO, COLOR, DEPTH, InputWatch
from asymformer_ros.ros.parameters import Settings
from asymformer_ros.ros.pipeline import FramePipeline
from asymformer_ros.ros.quiet_events import NO_SUBSCRIPTION_EVENTS

COLOR_TOPIC = "color/image_raw"
DEPTH_TOPIC = "depth/image_raw"
COLOR_INFO_TOPIC = "color/camera_info"
DEPTH_INFO_TOPIC = "depth/camera_info"

# Two, not more: the callbacks take a moment, so a longer history would only hold old images.
_HISTORY = 2


class ImageTopic(NamedTuple):
    """Message type and name of a topic."""

    kind: type[Image] | type[CompressedImage]
    name: str


class CameraInputs:
    """Subscriptions to the camera, from its making until `destroy`.

    Images go to the pipeline, the latest camera infos to the processor. All or no topics are
    subscribed to; raises what rclpy raises for a QoS override that cannot be.
    """

    def __init__(
        self,
        node: Node,
        settings: Settings,
        pipeline: FramePipeline[ImageMessage, ImageMessage],
        processor: FrameProcessor,
    ) -> None:
        self._pipeline = pipeline
        self._processor = processor
        self._registers = settings.register_depth
        with ExitStack() as created:

            def subscribe(kind: type, topic: str, callback: Callable[[Any], None]) -> Subscription:
                subscription = node.create_subscription(
                    kind,
                    topic,
                    callback,
                    QoSProfile(depth=_HISTORY, reliability=settings.input_reliability),
                    event_callbacks=NO_SUBSCRIPTION_EVENTS,
                    qos_overriding_options=QoSOverridingOptions.with_default_policies(),
                )
                created.callback(node.destroy_subscription, subscription)
                return subscription

            color, depth = image_topics(node, settings)
            subscriptions = {
                CAMERA_INFO: subscribe(CameraInfo, COLOR_INFO_TOPIC, self._on_color_info)
            }
            if settings.register_depth:
                subscriptions["depth camera info"] = subscribe(
                    CameraInfo, DEPTH_INFO_TOPIC, self._on_depth_info
                )
            subscriptions[DEPTH] = subscribe(*depth, self._on_depth)
            subscriptions[COLOR] = subscribe(*color, self._on_color)
            #: What is wrong with the streams.
            self.watch = InputWatch(node, subscriptions, time.monotonic())
            self._created = created.pop_all()

    def destroy(self) -> None:
        """Unsubscribe."""
        self._created.close()

    def _on_color(self, message: ImageMessage) -> None:
        stamp = stamp_ns(message)
        self.watch.note_color(stamp, message.header.frame_id)
        self._pipeline.add_color(stamp, message)

    def _on_depth(self, message: ImageMessage) -> None:
        stamp = stamp_ns(message)
        # Where it is registered here its frame is another rightly.
        self.watch.note_depth(stamp, "" if self._registers else message.header.frame_id)
        self._pipeline.add_depth(stamp, message)

    def _on_color_info(self, message: CameraInfo) -> None:
        self.watch.note_camera_info(stamp_ns(message))
        self._processor.color_info = message

    def _on_depth_info(self, message: CameraInfo) -> None:
        self._processor.depth_info = message


def image_topics(node: Node, settings: Settings) -> tuple[ImageTopic, ImageTopic]:
    """Where colour and depth come from."""
    return (
        _image_topic(node, COLOR_TOPIC, settings.color_transport),
        _image_topic(node, DEPTH_TOPIC, settings.depth_transport),
    )


def _image_topic(node: Node, base: str, transport: str) -> ImageTopic:
    if transport == "raw":
        return ImageTopic(Image, base)
    # After remapping, as image_transport does.
    return ImageTopic(CompressedImage, f"{node.resolve_topic_name(base)}/{transport}")
