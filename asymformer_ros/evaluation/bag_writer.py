"""Bags of ROS 2 with images, written without ROS; needs `rosbags`."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from asymformer_ros.evaluation.recordings import (
    CompressedMessage,
    RawMessage,
    RecordedCameraInfo,
    RecordedImage,
    RecordingError,
)

# What is in flight while ros2 bag play publishes: some frames, as a camera driver keeps.
_QUEUE = 10


class BagWriter:
    """Writes a rosbag2 folder with one mcap file; a context manager.

    Topics are added with their first message. Raises RecordingError without rosbags or where the
    folder exists.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from rosbags.rosbag2 import StoragePlugin, Writer
            from rosbags.typesys import Stores, get_typestore
        except ImportError as error:
            raise RecordingError(
                "writing bags needs the package rosbags: pip install 'rosbags>=0.11'"
            ) from error
        if folder.exists():
            raise RecordingError(f"{folder} exists already: remove it or give another path")
        self._types = get_typestore(Stores.ROS2_JAZZY)
        # Older releases cannot read version 9's names of QoS policies.
        self._writer = Writer(folder, version=8, storage_plugin=StoragePlugin.MCAP)
        self._connections: dict[str, Any] = {}

    def __enter__(self) -> BagWriter:
        self._writer.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._writer.close()

    def image(self, topic: str, image: RecordedImage) -> None:
        """Add an Image or a CompressedImage; a topic must hold one kind alone."""
        header = self._header(image.stamp_ns, image.frame_id)
        kind, fields = _fields(image.message)
        self._write(topic, image.time_ns, f"sensor_msgs/msg/{kind}", (header, *fields))

    def camera_info(
        self, topic: str, time_ns: int, stamp_ns: int, info: RecordedCameraInfo
    ) -> None:
        """Add a CameraInfo without binning and region of interest."""
        roi = self._make("sensor_msgs/msg/RegionOfInterest", (0, 0, 0, 0, False))
        fields = (
            self._header(stamp_ns, info.frame_id),
            *(info.height, info.width, info.distortion_model),
            *(np.array(numbers, np.float64) for numbers in (info.d, info.k, info.r, info.p)),
            *(0, 0, roi),
        )
        self._write(topic, time_ns, "sensor_msgs/msg/CameraInfo", fields)

    def _header(self, stamp_ns: int, frame_id: str) -> Any:
        stamp = self._make("builtin_interfaces/msg/Time", divmod(stamp_ns, 1_000_000_000))
        return self._make("std_msgs/msg/Header", (stamp, frame_id))

    def _make(self, kind: str, fields: tuple[Any, ...]) -> Any:
        return self._types.types[kind](*fields)

    def _write(self, topic: str, time_ns: int, kind: str, fields: tuple[Any, ...]) -> None:
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(
                topic, kind, typestore=self._types, offered_qos_profiles=[_reliable()]
            )
        data = self._types.serialize_cdr(self._make(kind, fields), kind)
        self._writer.write(self._connections[topic], time_ns, data)


def _fields(message: RawMessage | CompressedMessage) -> tuple[str, tuple[Any, ...]]:
    """Message type, and its fields behind the header."""
    if isinstance(message, CompressedMessage):
        return "CompressedImage", (message.format, message.data)
    return "Image", (
        *(message.height, message.width, message.encoding),
        *(int(message.is_bigendian), message.step, message.data),
    )


def _reliable() -> Any:
    """What ros2 bag play publishes with: it suits subscribers of either reliability."""
    from rosbags.interfaces import (
        Qos,
        QosDurability,
        QosHistory,
        QosLiveliness,
        QosReliability,
        QosTime,
    )

    # RMW_DURATION_UNSPECIFIED: the default of the middleware, which is for ever.
    unset = QosTime(0, 0)
    return Qos(
        history=QosHistory.KEEP_LAST,
        depth=_QUEUE,
        reliability=QosReliability.RELIABLE,
        durability=QosDurability.VOLATILE,
        deadline=unset,
        lifespan=unset,
        liveliness=QosLiveliness.AUTOMATIC,
        liveliness_lease_duration=unset,
        avoid_ros_namespace_conventions=False,
    )
