"""A camera driver without a camera: plays a recording, with stamps of today."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from typing import Any

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from asymformer_ros.evaluation.recordings import (
    RawMessage,
    RecordedImage,
    Stream,
    Timeline,
    open_recording,
)
from asymformer_ros.files import write_atomically
from asymformer_ros.perception.frame_drops import sentence_of
from asymformer_ros.perception.frames import FrameError
from asymformer_ros.perception.image_messages import decode_labels
from asymformer_ros.ros.camera_info import camera_info_message
from asymformer_ros.ros.images import to_message
from asymformer_ros.ros.process_end import EndRequest

_TOPICS: dict[Stream, str] = {
    "color": "color/image_raw",
    "depth": "depth/image_raw",
    "labels": "labels/image_raw",
}
#: Of compressed images, as the node's parameters color_transport and depth_transport name them.
TRANSPORTS: dict[Stream, str] = {"color": "compressed", "depth": "compressedDepth"}
#: A recording shorter than this is played more than once, unless a time was asked for.
_SHORTEST_S = 5.0
#: Both sides of a topic must have found each other, and subscribers copy from our memory.
_SETTLE_S = 0.5
_POLL_S = 0.1


class RecordedCamera(Node):
    """Publishes the images of a recording when they are due; parameters: see declare_parameters.

    Raises rclpy's ParameterException and RecordingError.
    """

    def __init__(self, end: EndRequest) -> None:
        super().__init__("recorded_camera")
        declare_parameters(self)
        topics: dict[Stream, str] = {
            "color": self._value("color_topic"),
            "depth": self._value("depth_topic"),
            "labels": self._value("label_topic"),
        }
        self._recording = open_recording(self._value("path"), topics, self._value("rate"))
        self._timeline = Timeline(self._recording, round(self._value("pause") * 1e9))
        self._end = end
        self._woken = threading.Event()
        self._published: Counter[Stream] = Counter()
        self._names: dict[int, str] = {}
        self._recorded_ns: dict[int, int] = {}
        # Labels even where there are none: the observer subscribes to them when it is ready.
        publishers = {}
        for stream in topics:
            kind, name = _topic(stream, self._recording.first.get(stream))
            publishers[stream] = self.create_publisher(kind, name, _qos(stream))
        self._image_publishers = publishers
        self._info_publisher = self.create_publisher(CameraInfo, "color/camera_info", _qos("color"))
        info = self._recording.camera_info
        self._camera_info = camera_info_message(info) if info is not None else None

    def play(self) -> None:
        """Wait for subscribers, then play until the time is over or the process shall end."""
        self._end.wake = self._woken.set
        try:
            self._wait_for_subscribers()
            started_s = time.monotonic()
            wanted_s = self._value("seconds")
            while not self._end.requested:
                self._play_once(started_s + wanted_s if wanted_s else float("inf"))
                long_enough_s = wanted_s or _SHORTEST_S
                if self._value("once") or time.monotonic() - started_s >= long_enough_s:
                    break
            time.sleep(_SETTLE_S)
        finally:
            self._end.wake = lambda: None

    def write_account(self) -> None:
        """Write JSON: images published of each stream, of the colour stamps the names and the
        recorded stamps, and what was lost.
        """
        account = {
            "published": self._published,
            "names": self._names,
            "recorded_ns": self._recorded_ns,
            "losses": self._recording.losses.sentences,
        }
        write_atomically(self._value("account"), json.dumps(account).encode())

    def _play_once(self, until_s: float) -> None:
        for number, image in enumerate(self._recording.images()):
            if number == 0:
                self._timeline.begin(self._now_ns())
            self._wait_until(self._timeline.due_ns(image))
            if self._end.requested or time.monotonic() >= until_s:
                return
            self._publish(image, self._timeline.stamp_ns(image))

    def _publish(self, image: RecordedImage, stamp_ns: int) -> None:
        header = _header(image, stamp_ns)
        if image.stream == "color" and self._camera_info is not None:
            self._camera_info.header = header
            self._info_publisher.publish(self._camera_info)
        self._image_publishers[image.stream].publish(_message(image, header))
        self._published[image.stream] += 1
        if image.stream == "color":
            self._recorded_ns[stamp_ns] = image.stamp_ns
            if image.name:
                self._names[stamp_ns] = image.name

    def _wait_for_subscribers(self) -> None:
        missing = list(self._image_publishers.values())
        while missing and not self._end.requested:
            self._woken.wait(_POLL_S)
            missing = [one for one in missing if not one.get_subscription_count()]
        self._wait_until(self._now_ns() + round(_SETTLE_S * 1e9))

    def _wait_until(self, due_ns: int) -> None:
        while not self._end.requested and (left_ns := due_ns - self._now_ns()) > 0:
            self._woken.wait(left_ns / 1e9)

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _value(self, parameter: str) -> Any:
        return self.get_parameter(parameter).value


def declare_parameters(node: Node) -> None:
    """Declare the node's parameters; raises rclpy's ParameterException on a bad override.

    path: bag or folder. *_topic: topics of a bag, empty = the likely ones, no labels. rate: frames
    a second of a folder. seconds: how long to play, 0 = whole plays, 5 s at least. once: play it
    once whatever `seconds` says. pause: seconds between plays. account: file to write at the end.
    """
    node.declare_parameter("once", False)
    for name in ("path", "color_topic", "depth_topic", "label_topic", "account"):
        node.declare_parameter(name, "")
    for name, default in (("rate", 5.0), ("seconds", 0.0), ("pause", 0.2)):
        node.declare_parameter(name, default)


def _qos(stream: Stream) -> QoSProfile:
    # Labels reliably: whoever scores against them needs them all, and they are small.
    if stream == "labels":
        return QoSProfile(depth=30)
    return QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)


def _topic(
    stream: Stream, first: RecordedImage | None
) -> tuple[type[Image] | type[CompressedImage], str]:
    """Message type and name of the topic on which the node takes images like the first."""
    # Labels as an Image always: that is what the observer takes.
    if stream == "labels" or first is None or isinstance(first.message, RawMessage):
        return Image, _TOPICS[stream]
    return CompressedImage, f"{_TOPICS[stream]}/{TRANSPORTS[stream]}"


def _message(image: RecordedImage, header: Header) -> Image | CompressedImage:
    recorded = image.message
    if image.stream == "labels":
        return to_message(header, decode_labels(recorded), "mono8")
    message: Image | CompressedImage
    if isinstance(recorded, RawMessage):
        message = Image(
            header=header,
            height=recorded.height,
            width=recorded.width,
            encoding=recorded.encoding,
            is_bigendian=recorded.is_bigendian,
            step=recorded.step,
        )
    else:
        message = CompressedImage(header=header, format=recorded.format)
    # Filling the message's own array takes 0.02 ms; assigning an ndarray takes 40.
    message.data.frombytes(recorded.data)
    return message


def _header(image: RecordedImage, stamp_ns: int) -> Header:
    header = Header(frame_id=image.frame_id)
    header.stamp.sec, header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
    return header


def main(args: list[str] | None = None) -> int:
    """Play to the end, SIGINT, SIGTERM or the parent's end; returns the exit code."""
    with EndRequest() as end:
        end.with_parent = True
        try:
            rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
            node = RecordedCamera(end)
            try:
                node.play()
                node.write_account()
            finally:
                node.destroy_node()
        except (ParameterException, FrameError, RuntimeError, OSError) as error:
            print(f"recorded_camera: {sentence_of(error)}", file=sys.stderr)
            return 1
        finally:
            rclpy.try_shutdown()
    return 0
