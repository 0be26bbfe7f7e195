"""The node's inputs: callbacks that only take a message and hand it on."""

from __future__ import annotations

from contextlib import ExitStack

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, Image

from asymformer_ros.ros.frame_processor import FrameProcessor
from asymformer_ros.ros.images import stamp_ns
from asymformer_ros.ros.pipeline import FramePipeline

COLOR_TOPIC = "color/image_raw"
DEPTH_TOPIC = "depth/image_raw"
CAMERA_INFO_TOPIC = "color/camera_info"

# Two, not more: the callbacks take a moment, so a longer history would only hold old images.
_HISTORY = 2


class CameraInputs:
    """Subscriptions to the camera, from its making until `destroy`.

    Images go to the pipeline, the latest camera info to the processor. All or no topics are
    subscribed to; raises what rclpy raises for a QoS override that cannot be.
    """

    def __init__(
        self,
        node: Node,
        reliability: ReliabilityPolicy,
        pipeline: FramePipeline[Image, Image],
        processor: FrameProcessor,
    ) -> None:
        self._pipeline = pipeline
        self._processor = processor
        with ExitStack() as created:
            for kind, topic, callback in (
                (CameraInfo, CAMERA_INFO_TOPIC, self._on_camera_info),
                (Image, DEPTH_TOPIC, self._on_depth),
                (Image, COLOR_TOPIC, self._on_color),
            ):
                subscription = node.create_subscription(
                    kind,
                    topic,
                    callback,
                    QoSProfile(depth=_HISTORY, reliability=reliability),
                    qos_overriding_options=QoSOverridingOptions.with_default_policies(),
                )
                created.callback(node.destroy_subscription, subscription)
            self._created = created.pop_all()

    def destroy(self) -> None:
        """Unsubscribe."""
        self._created.close()

    def _on_color(self, message: Image) -> None:
        self._pipeline.add_color(stamp_ns(message), message)

    def _on_depth(self, message: Image) -> None:
        self._pipeline.add_depth(stamp_ns(message), message)

    def _on_camera_info(self, message: CameraInfo) -> None:
        self._processor.camera_info = message
