"""Bags of ROS 1 and ROS 2 as recordings; needs `rosbags`, but neither ROS."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from posixpath import commonpath
from typing import TYPE_CHECKING, Any

import numpy as np

from asymformer_ros.evaluation.recordings import RecordedImage, Recording, RecordingError, Stream

if TYPE_CHECKING:
    from rosbags.highlevel import AnyReader
    from rosbags.interfaces import Connection

_IMAGE = "sensor_msgs/msg/Image"
_COMPRESSED = "sensor_msgs/msg/CompressedImage"
_CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
_ENCODINGS: Mapping[Stream, tuple[str, ...]] = {
    "color": ("rgb8", "bgr8", "rgba8", "bgra8"),
    "depth": ("16UC1", "mono16", "32FC1"),
}
_WORDS: Mapping[Stream, str] = {"color": "colour", "depth": "depth", "labels": "label"}
_OPTIONS: Mapping[Stream, str] = {
    "color": "--color-topic",
    "depth": "--depth-topic",
    "labels": "--label-topic",
}


@dataclass(frozen=True)
class _Topic:
    """An Image topic of a bag; first: its first message, of any stream."""

    name: str
    count: int
    connections: tuple[Connection, ...]
    first: RecordedImage


def open_bag(path: Path, wanted: Mapping[Stream, str]) -> Recording:
    """Find the image topics of a bag; raises RecordingError.

    wanted: topics that the user named; a stream without one gets the only topic of its encodings.
    """
    with _reader(path) as reader:
        topics = _image_topics(reader)
        chosen = {
            stream: _choose(path, stream, wanted.get(stream, ""), topics, reader)
            for stream in _WORDS
            if stream in _ENCODINGS or wanted.get(stream)
        }
        warnings = _warnings(reader, chosen["color"], chosen["depth"])
    if "labels" in chosen:
        _require_labels(chosen["labels"])

    def images() -> Iterator[RecordedImage]:
        streams = {topic.name: stream for stream, topic in chosen.items()}
        with _reader(path) as again:
            connections = [one for one in again.connections if one.topic in streams]
            for connection, time_ns, raw in again.messages(connections):
                message = again.deserialize(raw, connection.msgtype)
                yield _image(streams[connection.topic], time_ns, message)

    return Recording(
        sources={stream: topic.name for stream, topic in chosen.items()},
        counts={stream: topic.count for stream, topic in chosen.items()},
        first={stream: topic.first for stream, topic in chosen.items()},
        warnings=warnings,
        images=images,
    )


@contextmanager
def _reader(path: Path) -> Iterator[AnyReader]:
    try:
        from rosbags.highlevel import AnyReader
        from rosbags.typesys import Stores, get_typestore
    except ImportError as error:
        raise RecordingError(
            "reading bags needs the package rosbags: pip install 'rosbags>=0.11'"
        ) from error
    try:
        # Bags of older ROS 2 hold no message definitions; Image has not changed since.
        with AnyReader([path], default_typestore=get_typestore(Stores.ROS2_JAZZY)) as reader:
            yield reader
    except RecordingError:
        raise
    except Exception as error:  # a damaged file makes its parsers raise all sorts
        reason = " ".join(str(error).split()) or type(error).__name__
        raise RecordingError(
            f"{path} cannot be read as a bag: {reason}. If its recording was cut off, "
            "`rosbag reindex` (ROS 1) or `ros2 bag reindex` may repair it"
        ) from error


def _image_topics(reader: AnyReader) -> list[_Topic]:
    topics = []
    for name, info in reader.topics.items():
        if info.msgtype == _IMAGE and info.msgcount:
            time_ns, message = _first(reader, info.connections)
            first = _image("color", time_ns, message)
            topics.append(_Topic(name, info.msgcount, tuple(info.connections), first))
    return topics


def _choose(
    path: Path, stream: Stream, wanted: str, topics: Sequence[_Topic], reader: AnyReader
) -> _Topic:
    what, option = _WORDS[stream], _OPTIONS[stream]
    listed = ", ".join(f"{t.name} {t.first.encoding} ({t.count})" for t in topics) or "none"
    if compressed := [n for n, info in reader.topics.items() if info.msgtype == _COMPRESSED]:
        listed += f"; compressed ones, which are not read: {', '.join(compressed)}"
    if wanted:
        found = [topic for topic in topics if topic.name == wanted]
        if not found:
            raise RecordingError(f"{path} has no image on {wanted}; its Image topics: {listed}")
    else:
        found = [topic for topic in topics if topic.first.encoding in _ENCODINGS[stream]]
        if len(found) != 1:
            number = "several topics" if found else "no topic"
            raise RecordingError(
                f"{path} has {number} with {what} images ({', '.join(_ENCODINGS[stream])}): "
                f"choose one with {option}; its Image topics: {listed}"
            )
    return found[0]


def _require_labels(topic: _Topic) -> None:
    first = topic.first
    if first.encoding not in ("mono8", "8UC1") or first.step != first.width:
        raise RecordingError(
            f"{topic.name} holds {first.encoding} images with {first.step} bytes a row of "
            f"{first.width} pixels: labels must be mono8 without padding"
        )


def _warnings(reader: AnyReader, color: _Topic, depth: _Topic) -> tuple[str, ...]:
    """Signs that the depth images were not registered to the colour images."""
    frames = color.first.frame_id, depth.first.frame_id
    focal = _focal_length(reader, color.name), _focal_length(reader, depth.name)
    if frames[0] != frames[1]:
        sign = f"colour is in frame {frames[0]!r}, depth in {frames[1]!r}"
    elif focal[0] and focal[1] and not math.isclose(focal[0], focal[1], rel_tol=0.01):
        sign = f"the colour camera has a focal length of {focal[0]:.1f}, depth of {focal[1]:.1f}"
    else:
        return ()
    return (f"{sign}: depth that is not registered to colour gives worse labels",)


def _focal_length(reader: AnyReader, topic: str) -> float | None:
    """fx of the camera info beside an image topic, in pixels; None without one."""
    infos = [
        (len(commonpath(["/" + name.lstrip("/"), "/" + topic.lstrip("/")])), info.connections)
        for name, info in reader.topics.items()
        if info.msgtype == _CAMERA_INFO and info.msgcount
    ]
    if not infos:
        return None
    _, connections = max(infos, key=lambda one: one[0])
    _, message = _first(reader, connections)
    # ROS 1 calls it K.
    matrix = message.k if hasattr(message, "k") else message.K
    return float(matrix[0])


def _first(reader: AnyReader, connections: Sequence[Connection]) -> tuple[int, Any]:
    connection, time_ns, raw = next(reader.messages(connections))
    return time_ns, reader.deserialize(raw, connection.msgtype)


def _image(stream: Stream, time_ns: int, message: Any) -> RecordedImage:
    stamp = message.header.stamp
    stamp_ns = int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)
    return RecordedImage(
        stream=stream,
        time_ns=time_ns,
        stamp_ns=stamp_ns or time_ns,
        frame_id=message.header.frame_id,
        encoding=message.encoding,
        height=message.height,
        width=message.width,
        step=message.step,
        is_bigendian=bool(message.is_bigendian),
        data=np.asarray(message.data, np.uint8),
    )
