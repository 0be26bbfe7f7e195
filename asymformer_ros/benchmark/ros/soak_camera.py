"""A camera whose streams go wrong in every way that drivers and bags do, over and over."""

from __future__ import annotations

import copy
import time
from array import array
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

from asymformer_ros.ros.simulated_camera import FrameMessages, camera_info, frame_messages
from asymformer_ros.simulation import Intrinsics, fly_through

_DEPTH = 5
_POLL_S = 0.05
_JUMP_NS = 30 * 10**9
_ROOM_SEED = 3


@dataclass(frozen=True)
class SoakCameraSettings:
    """frames: how many are rendered and played in turn. cycle_s: how long all faults take."""

    width: int = 640
    height: int = 480
    rate_hz: float = 30.0
    frames: int = 30
    cycle_s: float = 60.0


def _truncated(images: FrameMessages) -> None:
    images.color.data = images.color.data[: len(images.color.data) // 2]


def _wrong_step(images: FrameMessages) -> None:
    images.color.step = images.color.width


def _unknown_encoding(images: FrameMessages) -> None:
    images.color.encoding = "rgb9"


def _color_of_16_bits(images: FrameMessages) -> None:
    images.color.encoding = "rgb16"


def _no_pixels(images: FrameMessages) -> None:
    images.depth.width = images.depth.height = 0


def _huge(images: FrameMessages) -> None:
    images.color.width = images.color.height = 60000
    images.depth.width = images.depth.height = 60000


def _depth_without_readings(images: FrameMessages) -> None:
    images.depth.data = array("B", bytes(len(images.depth.data)))


def _swapped(images: FrameMessages) -> None:
    for field in ("encoding", "step", "data"):
        color, depth = getattr(images.color, field), getattr(images.depth, field)
        setattr(images.color, field, depth)
        setattr(images.depth, field, color)


#: What is done to a single pair.
SPOILERS: dict[str, Callable[[FrameMessages], None]] = {
    "truncated": _truncated,
    "wrong_step": _wrong_step,
    "unknown_encoding": _unknown_encoding,
    "color_of_16_bits": _color_of_16_bits,
    "no_pixels": _no_pixels,
    "huge": _huge,
    "depth_without_readings": _depth_without_readings,
    "swapped": _swapped,
}
#: What lasts for a stretch of the cycle.
STRETCHES = ("depth_pauses", "color_pauses", "other_size", "clock_back", "restart")
# Good pairs lie between any two faults.
_SLOTS = [slot for fault in (*SPOILERS, *STRETCHES) for slot in ("", fault)]


def fault_at(number: int, pairs_per_cycle: int) -> str:
    """What is wrong with the pair of that number, empty if nothing.

    A spoiler takes the first pair of its stretch only.
    """
    slot, rest = divmod(number % pairs_per_cycle * len(_SLOTS), pairs_per_cycle)
    fault = _SLOTS[slot]
    return "" if fault in SPOILERS and rest >= len(_SLOTS) else fault


class SoakCamera:
    """Publishes pairs, one for each call of `publish`; played counts what they were."""

    def __init__(self, node: Node, settings: SoakCameraSettings) -> None:
        self.played: Counter[str] = Counter()
        self._node = node
        self._pairs_per_cycle = round(settings.cycle_s * settings.rate_hz)
        size = settings.width, settings.height
        self._images = _render(size, settings.frames)
        self._other_images = _render((size[0] // 2, size[1] // 2), 1)
        self._info = camera_info(Intrinsics().scaled(*size))
        self._start()

    @property
    def is_wanted(self) -> bool:
        """Whether somebody subscribes to both images."""
        return all(p.get_subscription_count() for p in (self._color, self._depth))

    def publish(self) -> None:
        """Publish the next pair, or what the fault of this moment leaves of it."""
        number = self.played.total()
        fault = fault_at(number, self._pairs_per_cycle)
        if fault == "restart" and fault_at(number - 1, self._pairs_per_cycle) != fault:
            self._stop()
            self._start()
        frames = self._other_images if fault == "other_size" else self._images
        images = frames[number % len(frames)]
        if fault in SPOILERS:
            images = FrameMessages(*map(copy.copy, (images.color, images.depth, images.labels)))
            SPOILERS[fault](images)
        self.played[fault or "good"] += 1
        stamp_ns = time.time_ns() - _JUMP_NS * (fault == "clock_back")
        for message in (images.color, images.depth, self._info):
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 10**9)
        self._camera_info.publish(self._info)
        if fault != "depth_pauses":
            self._depth.publish(images.depth)
        if fault != "color_pauses":
            self._color.publish(images.color)

    def _start(self) -> None:
        qos = QoSProfile(depth=_DEPTH, reliability=ReliabilityPolicy.BEST_EFFORT)
        self._color = self._node.create_publisher(Image, "color/image_raw", qos)
        self._depth = self._node.create_publisher(Image, "depth/image_raw", qos)
        self._camera_info = self._node.create_publisher(CameraInfo, "color/camera_info", qos)

    def _stop(self) -> None:
        for publisher in (self._color, self._depth, self._camera_info):
            self._node.destroy_publisher(publisher)


def _render(size: tuple[int, int], frames: int) -> list[FrameMessages]:
    views = fly_through(_ROOM_SEED, frames, Intrinsics().scaled(*size))
    return [frame_messages(view, "16UC1") for view in views]


def serve(connection: Connection, settings: SoakCameraSettings) -> None:
    """Play from the first thing asked to the second; the last answer is what was played."""
    rclpy.init()
    node = rclpy.create_node("soak_camera")
    camera = SoakCamera(node, settings)
    while not camera.is_wanted:
        if connection.poll(_POLL_S):
            return  # the parent is gone: it says nothing before it was told that we are ready
    connection.send("ready")
    connection.recv()
    started_s = time.monotonic()
    while not connection.poll():
        camera.publish()
        due_s = started_s + camera.played.total() / settings.rate_hz
        time.sleep(max(0.0, due_s - time.monotonic()))
    node.destroy_node()
    rclpy.try_shutdown()
    connection.send(camera.played)
