"""A camera of an exact rate: its messages are made and serialized before it starts."""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

import rclpy
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, Image

from asymformer_ros.ros.simulated_camera import camera_info, frame_messages
from asymformer_ros.simulation import Intrinsics, random_view

_DEPTH = 5
_POLL_S = 0.05
#: Both sides of a topic must have found each other before the first image.
_SETTLE_S = 0.5
_ROOM_SEED = 3
# CDR: four bytes that say the byte order, then the stamp, with which every message here begins.
_STAMP = struct.Struct("<iI")
_STAMP_OFFSET = 4


@dataclass(frozen=True)
class CameraSettings:
    """rate_hz: pairs a second, each with a CameraInfo, as drivers publish them."""

    width: int
    height: int
    rate_hz: float


class SerializedCamera:
    """Publishes the same pair of images again and again, stamped with the time, best effort."""

    def __init__(self, node: Node, settings: CameraSettings) -> None:
        intrinsics = Intrinsics().scaled(settings.width, settings.height)
        images = frame_messages(random_view(_ROOM_SEED, intrinsics), "16UC1")
        self._period_ns = round(1e9 / settings.rate_hz)
        self._outputs = [
            _Output(node, topic, message)
            for topic, message in (
                ("color/camera_info", camera_info(intrinsics)),
                ("depth/image_raw", images.depth),
                ("color/image_raw", images.color),
            )
        ]

    @property
    def is_wanted(self) -> bool:
        """Whether somebody subscribes to both images."""
        _, depth, color = self._outputs
        return depth.is_wanted and color.is_wanted

    def play(self, seconds: float) -> list[int]:
        """Publish for that long; returns the stamps of the pairs in nanoseconds."""
        started_ns = time.monotonic_ns()
        stamps_ns = []
        for number in range(max(1, round(seconds * 1e9 / self._period_ns))):
            wait_ns = started_ns + number * self._period_ns - time.monotonic_ns()
            if wait_ns > 0:
                time.sleep(wait_ns / 1e9)
            stamp_ns = time.time_ns()
            for output in self._outputs:
                output.publish(stamp_ns)
            stamps_ns.append(stamp_ns)
        return stamps_ns


class _Output:
    """A topic and the message that it always carries."""

    def __init__(self, node: Node, topic: str, message: Image | CameraInfo) -> None:
        qos = QoSProfile(depth=_DEPTH, reliability=ReliabilityPolicy.BEST_EFFORT)
        self._publisher: Publisher = node.create_publisher(type(message), topic, qos)
        self._content = bytearray(serialize_message(message))
        assert self._content[1] == 1, "rmw serializes in this machine's byte order: little-endian"

    @property
    def is_wanted(self) -> bool:
        return bool(self._publisher.get_subscription_count())

    def publish(self, stamp_ns: int) -> None:
        _STAMP.pack_into(self._content, _STAMP_OFFSET, *divmod(stamp_ns, 1_000_000_000))
        self._publisher.publish(bytes(self._content))


def stamp_of(serialized: bytes) -> int:
    """The stamp, in nanoseconds, of a serialized message that begins with a header."""
    seconds, nanoseconds = _STAMP.unpack_from(serialized, _STAMP_OFFSET)
    return int(seconds) * 1_000_000_000 + int(nanoseconds)


def serve(connection: Connection, settings: CameraSettings) -> None:
    """Play for as many seconds as are asked for; answers with the stamps."""
    rclpy.init()
    node = rclpy.create_node("camera")
    camera = SerializedCamera(node, settings)
    while not camera.is_wanted:
        if connection.poll(_POLL_S):
            return  # the parent is gone: it says nothing before it was told that we are ready
    time.sleep(_SETTLE_S)
    connection.send("ready")
    for seconds in iter(connection.recv, None):
        connection.send(camera.play(seconds))
    node.destroy_node()
    rclpy.try_shutdown()
    connection.send("ended")
