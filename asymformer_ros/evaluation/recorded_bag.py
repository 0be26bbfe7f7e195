"""Bags of ROS 1 and ROS 2 as recordings."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from posixpath import commonpath
from typing import Any

import numpy as np

from asymformer_ros.evaluation.recorded_messages import BagMessages
from asymformer_ros.evaluation.recorded_topics import ImageTopic, TopicChoice
from asymformer_ros.evaluation.recordings import (
    CompressedMessage,
    Losses,
    RawMessage,
    RecordedCameraInfo,
    RecordedImage,
    Recording,
    RecordingError,
    Stream,
)

_IMAGES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
_CAMERA_INFO = "sensor_msgs/msg/CameraInfo"


def open_bag(path: Path, wanted: Mapping[Stream, str]) -> Recording:
    """Find the image topics of a bag; raises RecordingError.

    wanted: topics that the user named; `TopicChoice` finds the others.
    """
    losses = Losses()
    bag = BagMessages(path, losses)
    try:
        chosen = _choose(path, wanted, bag)
    except RecordingError as error:
        raise RecordingError("\n".join([str(error), *losses.sentences])) from error
    streams = {topic.name: stream for stream, topic in chosen.items()}
    infos = {stream: _camera_info(bag, topic.name) for stream, topic in chosen.items()}

    def images(*only: Stream) -> Iterator[RecordedImage]:
        topics = [name for name, stream in streams.items() if not only or stream in only]
        return _images(bag, {name: streams[name] for name in topics}, losses)

    return Recording(
        sources={stream: topic.name for stream, topic in chosen.items()},
        counts={stream: topic.topic.count for stream, topic in chosen.items()},
        first={stream: topic.first for stream, topic in chosen.items()},
        warnings=_warnings(chosen, infos),
        images=images,
        losses=losses,
        camera_info=infos["color"],
    )


def _choose(path: Path, wanted: Mapping[Stream, str], bag: BagMessages) -> dict[Stream, ImageTopic]:
    if not any(topic.count for topic in bag.topics.values()):
        raise RecordingError(f"{path} holds no messages")
    found = [
        ImageTopic(topic, first)
        for topic in bag.topics.values()
        if topic.kind in _IMAGES and (first := _first(bag, topic.name)) is not None
    ]
    names = {topic.name for topic in found}
    others = [topic for name, topic in bag.topics.items() if name not in names]
    chosen = TopicChoice(path, found, others).choose(wanted)
    return {
        stream: ImageTopic(one.topic, replace(one.first, stream=stream))
        for stream, one in chosen.items()
    }


def _first(bag: BagMessages, topic: str) -> RecordedImage | None:
    """The first image of a topic that can be read, as of the colour stream."""
    return next(_images(bag, {topic: "color"}, Losses()), None)


def _images(
    bag: BagMessages, streams: Mapping[str, Stream], losses: Losses
) -> Iterator[RecordedImage]:
    damaged: Counter[str] = Counter()
    for message in bag.read(streams):
        try:
            fields = bag.decode(message)
            image = _image(streams[message.topic], message.time_ns, fields)
        except Exception:  # damaged bytes make the deserialisation raise all sorts
            damaged[message.topic] += 1
        else:
            yield image
    for topic, count in damaged.items():
        losses.note(f"messages on {topic} that are damaged and were left out: {count}")


def _image(stream: Stream, time_ns: int, fields: Any) -> RecordedImage:
    stamp = fields.header.stamp
    stamp_ns = int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)
    data = np.asarray(fields.data, np.uint8)
    message: RawMessage | CompressedMessage
    if hasattr(fields, "format"):
        message = CompressedMessage(fields.format, data)
    else:
        message = RawMessage(
            encoding=fields.encoding,
            height=fields.height,
            width=fields.width,
            step=fields.step,
            is_bigendian=bool(fields.is_bigendian),
            data=data,
        )
    return RecordedImage(stream, time_ns, stamp_ns or time_ns, fields.header.frame_id, message)


def _warnings(
    chosen: Mapping[Stream, ImageTopic], infos: Mapping[Stream, RecordedCameraInfo | None]
) -> tuple[str, ...]:
    """Signs that the depth images were not registered to the colour images."""
    frames = chosen["color"].first.frame_id, chosen["depth"].first.frame_id
    color, depth = infos["color"], infos["depth"]
    if frames[0] != frames[1]:
        sign = f"colour is in frame {frames[0]!r}, depth in {frames[1]!r}"
    elif color and depth and not math.isclose(color.k[0], depth.k[0], rel_tol=0.01):
        sign = (
            f"the colour camera has a focal length of {color.k[0]:.1f}, depth of {depth.k[0]:.1f}"
        )
    else:
        return ()
    return (f"{sign}: depth that is not registered to colour gives worse labels",)


def _camera_info(bag: BagMessages, topic: str) -> RecordedCameraInfo | None:
    """The first camera info of the topic nearest to an image topic."""
    names = [topic.name for topic in bag.topics.values() if topic.kind == _CAMERA_INFO]
    nearest = max(names, key=lambda name: len(_common(name, topic)), default=None)
    for message in bag.read([nearest]) if nearest else ():
        try:
            return _info(bag.decode(message))
        except Exception:  # damaged bytes make the deserialisation raise all sorts
            continue
    return None


def _common(one: str, other: str) -> str:
    return commonpath(["/" + one.lstrip("/"), "/" + other.lstrip("/")])


def _info(fields: Any) -> RecordedCameraInfo:
    def numbers(name: str) -> tuple[float, ...]:
        # ROS 1 calls it K.
        return tuple(map(float, getattr(fields, name if hasattr(fields, name) else name.upper())))

    return RecordedCameraInfo(
        frame_id=fields.header.frame_id,
        height=fields.height,
        width=fields.width,
        distortion_model=fields.distortion_model,
        d=numbers("d"),
        k=numbers("k"),
        r=numbers("r"),
        p=numbers("p"),
    )
