"""A camera driver without a camera: plays rendered frames of a simulated room.

The frames are rendered at start and held as messages, so that playing them costs little more than
handing them to DDS. They lie on a closed path and are played round and round.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import rclpy
from numpy.typing import NDArray
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.duration import Duration
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from asymformer_ros.evaluation.recorded_simulation import simulated_camera_info
from asymformer_ros.evaluation.recordings import FRAME_ID
from asymformer_ros.perception.depth import to_millimetres
from asymformer_ros.perception.frame_drops import sentence_of
from asymformer_ros.ros.camera_info import camera_info_message
from asymformer_ros.ros.images import to_message
from asymformer_ros.ros.parameters import ConfigurationError
from asymformer_ros.ros.process_end import EndRequest
from asymformer_ros.simulation import Intrinsics, SimulatedFrame, fly_through

_DEPTH_ENCODINGS = ("16UC1", "32FC1")
_PROGRESS_S = 5.0
#: Both sides of a topic must have found each other, and subscribers copy from our memory.
_SETTLE_S = 0.5


@dataclass(frozen=True)
class CameraSettings:
    """The node's parameters, see declare_parameters."""

    rate: float
    frames: int
    count: int
    seed: int
    width: int
    height: int
    depth_encoding: str
    sensor_noise: bool
    jitter_ms: float
    offset_ms: float
    reliable: bool
    publish_labels: bool
    wait_for_subscribers: bool
    exit_with_parent: bool

    @property
    def intrinsics(self) -> Intrinsics:
        """The pin-hole camera at the chosen size."""
        return Intrinsics().scaled(self.width, self.height)


@dataclass(frozen=True)
class FrameMessages:
    """The images of one frame, ready but for their stamps."""

    color: Image
    depth: Image
    labels: Image


@dataclass
class Published:
    """How many messages of each topic went out."""

    color: int = 0
    depth: int = 0
    camera_info: int = 0
    labels: int = 0


def frame_number(published: int, frames: int) -> int:
    """Which frame of the fly-through the n-th published one shows, both counted from 0."""
    return published % frames


def camera_info(intrinsics: Intrinsics) -> CameraInfo:
    """CameraInfo of an undistorted pin-hole camera, without a stamp."""
    return camera_info_message(simulated_camera_info(intrinsics))


def frame_messages(frame: SimulatedFrame, depth_encoding: str) -> FrameMessages:
    """Images of a frame, without stamps: rgb8, depth as REP 118 has it, labels as mono8."""
    if depth_encoding == "16UC1":
        depth = _image(to_millimetres(frame.depth_m), depth_encoding)
    else:
        depth = _image(frame.depth_m, depth_encoding)
    return FrameMessages(_image(frame.rgb, "rgb8"), depth, _image(frame.labels, "mono8"))


class SimulatedCamera(Node):
    """Renders at construction of its frames, publishes them on a timer.

    Raises rclpy's ParameterException and ConfigurationError on parameters that cannot work.
    """

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__("simulated_camera", **node_arguments)
        declare_parameters(self)
        self.settings = read_settings(self)
        self.published = Published()
        self._frames: list[FrameMessages] = []
        self._found_at: float | None = None
        self._info = camera_info(self.settings.intrinsics)
        self._jitter = np.random.Generator(np.random.PCG64(self.settings.seed))
        self._color = self._image_publisher("color/image_raw")
        self._depth = self._image_publisher("depth/image_raw")
        self._camera_info = self.create_publisher(CameraInfo, "color/camera_info", self._qos())
        # Always reliable: whoever scores against the labels needs them all, and they are small.
        self._labels = (
            self.create_publisher(Image, "labels/image_raw", QoSProfile(depth=30))
            if self.settings.publish_labels
            else None
        )

    @property
    def is_done(self) -> bool:
        """Whether as many frames as were asked for have been published."""
        return 0 < self.settings.count <= self.published.color

    def render(self, end: EndRequest) -> None:
        """Render the frames, unless the process is asked to end."""
        told = self.get_clock().now()
        chosen = self.settings
        for frame in fly_through(
            chosen.seed, chosen.frames, chosen.intrinsics, chosen.sensor_noise
        ):
            if end.requested:
                return
            self._frames.append(frame_messages(frame, chosen.depth_encoding))
            if self.get_clock().now() - told > Duration(seconds=_PROGRESS_S):
                told = self.get_clock().now()
                self.get_logger().info(f"rendered {len(self._frames)} of {chosen.frames} frames")
        self.get_logger().info(
            f"playing {chosen.frames} frames of room {chosen.seed}, "
            f"{chosen.width}x{chosen.height} at {chosen.rate:g} Hz"
        )

    def start(self) -> None:
        """Publish on a timer from now on."""
        self.create_timer(1.0 / self.settings.rate, self._tick)

    def finish(self) -> None:
        """Let subscribers take the last images and say what was published."""
        if self.settings.reliable:
            for publisher in (self._color, self._depth, self._camera_info):
                publisher.wait_for_all_acked(Duration(seconds=_SETTLE_S))
        time.sleep(_SETTLE_S)
        n = self.published
        self.get_logger().info(
            f"published {n.color} colour, {n.depth} depth, {n.camera_info} camera_info, "
            f"{n.labels} label messages"
        )

    def _tick(self) -> None:
        if self.is_done or not self._may_begin():
            return
        frame = self._frames[frame_number(self.published.color, len(self._frames))]
        now = self.get_clock().now()
        shift_ms = self.settings.offset_ms + self.settings.jitter_ms * self._jitter.uniform(-1, 1)
        self._info.header.stamp = now.to_msg()
        self._camera_info.publish(self._info)
        self.published.camera_info += 1
        if self._labels is not None:
            self._publish(self._labels, frame.labels, now)
            self.published.labels += 1
        self._publish(self._depth, frame.depth, now + Duration(nanoseconds=round(shift_ms * 1e6)))
        self.published.depth += 1
        self._publish(self._color, frame.color, now)
        self.published.color += 1

    def _publish(self, publisher: Publisher, image: Image, stamp: Time) -> None:
        image.header.stamp = stamp.to_msg()
        publisher.publish(image)

    def _may_begin(self) -> bool:
        if not self.settings.wait_for_subscribers or self.published.color:
            return True
        needed = [self._color, self._depth, *([self._labels] if self._labels else [])]
        if not all(publisher.get_subscription_count() for publisher in needed):
            self._found_at = None
            return False
        self._found_at = self._found_at or time.monotonic()
        return time.monotonic() - self._found_at > _SETTLE_S

    def _qos(self) -> QoSProfile:
        reliable, best_effort = ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT
        return QoSProfile(depth=5, reliability=reliable if self.settings.reliable else best_effort)

    def _image_publisher(self, topic: str) -> Publisher:
        return self.create_publisher(Image, topic, self._qos())


def declare_parameters(node: Node) -> None:
    """Declare the node's parameters; raises rclpy's ParameterException on a bad override."""
    for name, default, description, low, high in (
        ("rate", 30.0, "Frames a second.", 0.1, 240.0),
        ("jitter_ms", 0.0, "Depth stamps are off by up to this, at random.", 0.0, 1000.0),
        ("offset_ms", 0.0, "Depth stamps are later by this.", -1000.0, 1000.0),
    ):
        floats = [FloatingPointRange(from_value=low, to_value=high)]
        _declare(node, name, default, description, floating_point_range=floats)
    for name, number, description, least, most in (
        ("frames", 150, "Frames to render and hold in memory, 1.8 MB each at 640x480.", 1, 5000),
        ("count", 0, "Stop after that many frames; 0 = endless.", 0, 2**31),
        ("seed", 1, "Which room.", 0, 2**31),
        ("width", 640, "Columns of the images.", 32, 4096),
        ("height", 480, "Rows of the images.", 32, 4096),
    ):
        integers = [IntegerRange(from_value=least, to_value=most, step=1)]
        _declare(node, name, number, description, integer_range=integers)
    for name, switch, description in (
        ("sensor_noise", True, "Noise and holes in the depth images."),
        ("reliable", False, "Reliable QoS in place of the best effort that drivers use."),
        ("publish_labels", False, "Publish exact labels with the colour images' stamps."),
        ("wait_for_subscribers", False, "Begin when every image topic has a subscriber."),
        ("exit_with_parent", False, "End when the process that started this one is gone."),
    ):
        _declare(node, name, switch, description)
    _declare(node, "depth_encoding", "16UC1", "16UC1 (millimetres) or 32FC1 (metres).")


def read_settings(node: Node) -> CameraSettings:
    """The node's parameters, checked; raises ConfigurationError."""
    names = CameraSettings.__dataclass_fields__
    settings = CameraSettings(**{name: node.get_parameter(name).value for name in names})
    if settings.depth_encoding not in _DEPTH_ENCODINGS:
        raise ConfigurationError(
            f"depth_encoding is {settings.depth_encoding!r}: "
            f"set it to {' or '.join(_DEPTH_ENCODINGS)}"
        )
    return settings


def _declare(node: Node, name: str, default: Any, description: str, **limits: Any) -> None:
    descriptor = ParameterDescriptor(description=description, read_only=True, **limits)
    node.declare_parameter(name, default, descriptor)


def _image(array: NDArray[Any], encoding: str) -> Image:
    return to_message(Header(frame_id=FRAME_ID), array, encoding)


def main(args: list[str] | None = None) -> int:
    """Run the camera until it is done, SIGINT or SIGTERM; returns the exit code."""
    with EndRequest() as end:
        try:
            rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
            node = SimulatedCamera()
        except (ParameterException, ConfigurationError, RuntimeError) as error:
            print(f"simulated_camera: {sentence_of(error)}", file=sys.stderr)
            rclpy.try_shutdown()
            return 1
        end.with_parent = node.settings.exit_with_parent
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        try:
            node.render(end)
            if not end.requested:
                _play(node, executor, end)
            node.finish()
        finally:
            executor.shutdown()
            node.destroy_node()
            rclpy.try_shutdown()
    return 0


def _play(node: SimulatedCamera, executor: SingleThreadedExecutor, end: EndRequest) -> None:
    # A task and not wake(): spin_once only returns when it has had something to do.
    end.wake = lambda: executor.create_task(lambda: None)
    node.start()
    try:
        while not end.requested and not node.is_done and rclpy.ok():
            executor.spin_once()
    except ExternalShutdownException:
        pass
    finally:
        end.wake = lambda: None
