"""The node's outputs; every one of a frame carries the colour image's header itself."""

from __future__ import annotations

import copy
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from asymformer_ros.perception.frames import Segmentation
from asymformer_ros.perception.labels import LabelSpace
from asymformer_ros.perception.overlay import blend, colorize
from asymformer_ros.ros.images import to_message

# Reliable (rclpy's default), so that every subscriber matches; a slow one misses older frames.
_HISTORY = 2


class SemanticPublishers:
    """Publishes labels for every frame and the other outputs while somebody subscribes.

    All or no topics are made; raises what rclpy raises for a QoS override that cannot be.
    """

    def __init__(self, node: Node, label_space: LabelSpace) -> None:
        self._palette = label_space.palette
        with ExitStack() as created:

            def create(kind: type[Image] | type[CameraInfo], topic: str) -> Publisher:
                publisher = node.create_publisher(
                    kind,
                    topic,
                    QoSProfile(depth=_HISTORY),
                    qos_overriding_options=QoSOverridingOptions.with_default_policies(),
                )
                created.callback(node.destroy_publisher, publisher)
                return publisher

            self._labels = create(Image, "semantic")
            self._confidence = create(Image, "semantic/confidence")
            self._color = create(Image, "semantic/color")
            self._overlay = create(Image, "semantic/overlay")
            self._camera_info = create(CameraInfo, "semantic/camera_info")
            self._created = created.pop_all()

    def publish_labels(self, header: Header, segmentation: Segmentation) -> None:
        """Publish the label image, mono8, 255 = unlabelled."""
        self._labels.publish(to_message(header, segmentation.labels, "mono8"))

    def publish_others(
        self,
        header: Header,
        rgb: NDArray[np.uint8],
        segmentation: Segmentation,
        camera_info: CameraInfo | None,
        overlay_alpha: float,
    ) -> None:
        """Compute and publish what is subscribed to.

        rgb: uint8 [H, W, 3], R, G, B order. camera_info: the camera's latest, None if none came.
        overlay_alpha: weight of the class colours in the overlay, 0..1.
        """
        if camera_info is not None and self._camera_info.get_subscription_count():
            # A copy: the message may be the latest of the next frame, too.
            stamped = copy.copy(camera_info)
            stamped.header = header
            self._camera_info.publish(stamped)
        if self._confidence.get_subscription_count():
            self._confidence.publish(to_message(header, segmentation.confidence, "mono8"))
        wants_color = self._color.get_subscription_count() > 0
        wants_overlay = self._overlay.get_subscription_count() > 0
        if not (wants_color or wants_overlay):
            return
        colors = colorize(segmentation.labels, self._palette)
        if wants_color:
            self._color.publish(to_message(header, colors, "rgb8"))
        if wants_overlay:
            overlay = blend(rgb, colors, segmentation.labels, overlay_alpha)
            self._overlay.publish(to_message(header, overlay, "rgb8"))

    def destroy(self) -> None:
        """Remove the topics; call it when nothing publishes any more."""
        self._created.close()
