"""The node as it is usually written: a stock synchronizer, and all work in its callback."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

import cv2
import numpy as np
import rclpy
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from asymformer_ros.benchmark.ros.spin import spin_until_asked
from asymformer_ros.benchmark.ros.stub_engine import StubEngine
from asymformer_ros.perception.labels import load_label_space

_QUEUE = 10
_SLOP_S = 0.05
_ALPHA = 0.5


class StraightforwardNode(Node):
    """Segments every pair in the callback that brings it, and publishes labels and overlay."""

    def __init__(self, engine: StubEngine) -> None:
        super().__init__("straightforward_node")
        self._engine = engine
        self._bridge = _bridge()
        self._palette = load_label_space(engine.profile.label_space).palette
        self._labels = self.create_publisher(Image, "semantic", _QUEUE)
        self._overlay = self.create_publisher(Image, "semantic/overlay", _QUEUE)
        _synchronize(self, ("color/image_raw", "depth/image_raw"), self._on_pair)

    def _on_pair(self, color: Image, depth: Image) -> None:
        rgb = self._bridge.imgmsg_to_cv2(color, "rgb8")
        depth_m = self._bridge.imgmsg_to_cv2(depth, "passthrough").astype(np.float32) / 1000
        depth_m[depth_m == 0] = np.nan
        labels = self._segment(rgb, depth_m)
        colors = self._palette[labels]
        overlay = cv2.addWeighted(rgb, 1 - _ALPHA, colors, _ALPHA, 0)
        for publisher, image, encoding in (
            (self._labels, labels, "mono8"),
            (self._overlay, overlay, "rgb8"),
        ):
            message = self._bridge.cv2_to_imgmsg(image, encoding)
            message.header = color.header
            publisher.publish(message)

    def _segment(self, rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]) -> NDArray[np.uint8]:
        height, width = self._engine.input_size
        if rgb.shape[:2] == (height, width):
            return self._engine.infer(rgb, depth_m)[0]
        labels, _ = self._engine.infer(
            np.asarray(cv2.resize(rgb, (width, height)), np.uint8),
            np.asarray(cv2.resize(depth_m, (width, height), interpolation=cv2.INTER_NEAREST)),
        )
        size = rgb.shape[1::-1]
        return np.asarray(cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST), np.uint8)


_PIXELS = {"rgb8": (np.uint8, 3), "16UC1": (np.uint16, 1)}


class PlainBridge:
    """What cv_bridge does with the encodings of this benchmark, where it is not installed."""

    def imgmsg_to_cv2(self, message: Image, desired_encoding: str) -> NDArray[Any]:
        """The image on the message's memory; desired_encoding must be what it has already."""
        kind, channels = _PIXELS[message.encoding]
        shape = (message.height, message.width, channels)[: 2 if channels == 1 else 3]
        return np.ndarray(shape, kind, buffer=message.data)

    def cv2_to_imgmsg(self, image: NDArray[Any], encoding: str) -> Image:
        """A message with a copy of the image."""
        height, width = image.shape[:2]
        message = Image(height=height, width=width, encoding=encoding)
        message.step = image.nbytes // height
        message.data.frombytes(image.tobytes())
        return message


class PlainSynchronizer:
    """What ApproximateTimeSynchronizer does with two streams, where it is not installed.

    Keeps the newest `queue` messages of each stream by stamp; a message fires at once with the
    nearest of the other stream that is nearer than `slop_s`.
    """

    def __init__(self, queue: int, slop_s: float, callback: Callable[[Image, Image], None]) -> None:
        self._queue = queue
        self._slop_ns = round(slop_s * 1e9)
        self._callback = callback
        self._waiting: tuple[dict[int, Image], dict[int, Image]] = ({}, {})

    def add(self, stream: int, stamp_ns: int, message: Image) -> None:
        """Take a message of stream 0 or 1."""
        own, other = self._waiting[stream], self._waiting[1 - stream]
        own[stamp_ns] = message
        while len(own) > self._queue:
            del own[min(own)]
        nearest = min(other, key=lambda stamp: abs(stamp - stamp_ns), default=None)
        if nearest is None or abs(nearest - stamp_ns) >= self._slop_ns:
            return
        pair = own.pop(stamp_ns), other.pop(nearest)
        self._callback(pair[stream], pair[1 - stream])


def parts() -> dict[str, str]:
    """What it is made of here: of the real thing where that works."""
    return {
        "synchronizer": "message_filters.ApproximateTimeSynchronizer"
        if _works("message_filters")
        else "an equivalent of message_filters (not installed here)",
        "images": "cv_bridge" if _works("cv_bridge") else "one of cv_bridge (not installed here)",
    }


def _works(module: str) -> bool:
    # Not find_spec: cv_bridge may be there, built against another major version of numpy.
    try:
        import_module(module)
    except (ImportError, AttributeError):
        return False
    return True


def _bridge() -> Any:
    if not _works("cv_bridge"):
        return PlainBridge()
    from cv_bridge import CvBridge

    return CvBridge()


def _synchronize(node: Node, topics: tuple[str, str], callback: Callable[..., None]) -> None:
    qos = QoSProfile(depth=_QUEUE, reliability=ReliabilityPolicy.BEST_EFFORT)
    if _works("message_filters"):
        from message_filters import ApproximateTimeSynchronizer, Subscriber

        filters = [Subscriber(node, Image, topic, qos_profile=qos) for topic in topics]
        ApproximateTimeSynchronizer(filters, _QUEUE, _SLOP_S).registerCallback(callback)
        return
    synchronizer = PlainSynchronizer(_QUEUE, _SLOP_S, callback)
    for stream, topic in enumerate(topics):

        def take(message: Image, stream: int = stream) -> None:
            stamp = message.header.stamp
            synchronizer.add(stream, stamp.sec * 1_000_000_000 + stamp.nanosec, message)

        node.create_subscription(Image, topic, take, qos)


def serve(connection: Connection, inference_s: float) -> None:
    """Run the node until asked to end; its last answer are the stub's `returned_ns`."""
    rclpy.init()
    stub = StubEngine(inference_s)
    node = StraightforwardNode(stub)
    connection.send("ready")
    spin_until_asked(node, connection)
    connection.send(stub.returned_ns)
