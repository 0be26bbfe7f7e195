"""Watches the node from another process, as a navigation stack would, and keeps score."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from asymformer_ros.evaluation.metrics import ConfusionMatrix
from asymformer_ros.ros.images import decode_color, stamp_ns

# Labels follow their frame by well under a second; what is older had its frame dropped.
_TRUTHS_KEPT = 90
_NODE_NAME = "segmentation_node"


@dataclass
class Observations:
    """What came out of the node.

    arrival_s: arrival times of the label images, seconds of the ROS clock. latency_ms: from the
    colour stamp to the arrival. report: the latest key values of the node's /diagnostics.
    complaint: why the node was not well while images last came in, empty if it was.
    """

    num_classes: int
    arrival_s: list[float] = field(default_factory=list)
    latency_ms: list[float] = field(default_factory=list)
    scored: int = 0
    report: dict[str, str] = field(default_factory=dict)
    complaint: str = ""
    confusion: ConfusionMatrix = field(init=False)

    def __post_init__(self) -> None:
        self.confusion = ConfusionMatrix(self.num_classes)


class Observer(Node):
    """Subscribes to `semantic`, /diagnostics, exact labels if there are any, and now and then more.

    pictures: the latest overlays (uint8 [H, W, 3] R, G, B) with their labels, at most `keep`.
    picture_stamps_ns: the colour stamps of these. on_labels: called with the stamp, the labels and
    the latency in milliseconds of each label image.
    """

    def __init__(
        self,
        num_classes: int,
        keep: int,
        on_labels: Callable[[int, NDArray[np.uint8], float], None] = lambda *_: None,
    ) -> None:
        super().__init__("observer")
        self.seen = Observations(num_classes)
        self._tell = on_labels
        self.pictures: deque[tuple[NDArray[np.uint8], NDArray[np.uint8]]] = deque(maxlen=keep)
        self.picture_stamps_ns: deque[int] = deque(maxlen=keep)
        self._truths: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()
        self._labels: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()
        self.create_subscription(Image, "semantic", self._on_labels, QoSProfile(depth=10))
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_report, 10)

    def watch_overlay(self) -> None:
        """Subscribe to the overlay from now on; the node draws it only for subscribers."""
        self.create_subscription(Image, "semantic/overlay", self._on_overlay, QoSProfile(depth=5))

    def _watch_truth(self) -> None:
        # Not before the node is heard: cameras wait for this subscription, so that no label image
        # is published while nobody is connected yet.
        self.create_subscription(Image, "labels/image_raw", self._on_truth, QoSProfile(depth=60))

    def _on_labels(self, message: Image) -> None:
        now_ns = self.get_clock().now().nanoseconds
        stamp = stamp_ns(message)
        self.seen.arrival_s.append(now_ns / 1e9)
        self.seen.latency_ms.append((now_ns - stamp) / 1e6)
        labels = _mono8(message)
        _remember(self._labels, stamp, labels)
        self._tell(stamp, labels, self.seen.latency_ms[-1])
        # Exact labels are published before the colour image, so they are here already.
        if (truth := self._truths.get(stamp)) is not None:
            self.seen.confusion.add(truth, labels)
            self.seen.scored += 1

    def _on_truth(self, message: Image) -> None:
        _remember(self._truths, stamp_ns(message), _mono8(message))

    def _on_overlay(self, message: Image) -> None:
        stamp = stamp_ns(message)
        if (labels := self._labels.get(stamp)) is not None:
            self.pictures.append((decode_color(message).copy(), labels))
            self.picture_stamps_ns.append(stamp)

    def _on_report(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == _NODE_NAME:
                report = {item.key: item.value for item in status.values}
                if not self.seen.report:
                    self._watch_truth()
                elif report["received_color"] != self.seen.report["received_color"]:
                    is_well = status.level == DiagnosticStatus.OK
                    self.seen.complaint = "" if is_well else self.seen.complaint or status.message
                self.seen.report = report


def _remember(
    images: OrderedDict[int, NDArray[np.uint8]], stamp_ns: int, image: NDArray[np.uint8]
) -> None:
    images[stamp_ns] = image
    while len(images) > _TRUTHS_KEPT:
        images.popitem(last=False)


def _mono8(message: Image) -> NDArray[np.uint8]:
    return np.frombuffer(message.data, np.uint8).reshape(message.height, message.width)
