"""Small bags of every format, and images to put into them."""

import cv2
import numpy as np
import pytest

KINDS = ["ros1", "mcap", "sqlite3", "mcap file", "sqlite3 file"]
#: What the recorders compress with: chunks, messages, or whole files.
COMPRESSED_KINDS = [
    *("ros1 lz4", "ros1 bz2", "mcap storage", "mcap file-by-file"),
    *("sqlite3 message", "sqlite3 file-by-file"),
]
MS = 1_000_000


def encoded(suffix, image):
    """The bytes of an image file."""
    done, data = cv2.imencode(suffix, image)
    assert done
    return data.tobytes()


class Bag:
    """Writes a small bag of one of KINDS; its path is a file for ros1 and "... file"."""

    def __init__(self, path, kind):
        rosbag1 = pytest.importorskip("rosbags.rosbag1", reason="needs rosbags")
        from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
        from rosbags.typesys import Stores, get_typestore

        kind, _, how = kind.partition(" ")
        self.is_ros1 = kind == "ros1"
        if self.is_ros1:
            self.path = path / "recording.bag"
            self.types = get_typestore(Stores.ROS1_NOETIC)
            self.writer = rosbag1.Writer(self.path)
            if how:
                self.writer.set_compression(self.writer.CompressionFormat[how.upper()])
        else:
            self.path = path / "recording"
            self.types = get_typestore(Stores.ROS2_JAZZY)
            plugin = StoragePlugin.MCAP if kind == "mcap" else StoragePlugin.SQLITE3
            self.writer = Writer(self.path, version=9, storage_plugin=plugin)
            modes = {"storage": "STORAGE", "message": "MESSAGE", "file-by-file": "FILE"}
            if how in modes:
                self.writer.set_compression(CompressionMode[modes[how]], CompressionFormat.ZSTD)
        self.single_file = how == "file"
        self.connections = {}

    def __enter__(self):
        self.writer.open()
        return self

    def __exit__(self, *error):
        self.writer.close()
        if self.single_file:
            (self.path,) = (file for file in self.path.iterdir() if file.suffix != ".yaml")

    def image(self, topic, time_ns, array, encoding, stamp_ns=None, frame_id="camera", width=None):
        data = np.ascontiguousarray(array).view(np.uint8).reshape(-1)
        fields = {
            "header": self._header(time_ns if stamp_ns is None else stamp_ns, frame_id),
            "height": array.shape[0],
            "width": width or array.shape[1],
            "encoding": encoding,
            "is_bigendian": 0,
            "step": len(data) // array.shape[0],
            "data": data,
        }
        self._write(topic, time_ns, "sensor_msgs/msg/Image", fields)

    def compressed(self, topic, time_ns, image_format, data, stamp_ns=None, frame_id="camera"):
        fields = {
            "header": self._header(time_ns if stamp_ns is None else stamp_ns, frame_id),
            "format": image_format,
            "data": np.frombuffer(data, np.uint8),
        }
        self._write(topic, time_ns, "sensor_msgs/msg/CompressedImage", fields)

    def camera_info(self, topic, time_ns, focal_length, size=(8, 6)):
        roi = self._make(
            "sensor_msgs/msg/RegionOfInterest",
            {"x_offset": 0, "y_offset": 0, "height": 0, "width": 0, "do_rectify": False},
        )
        matrices = {
            "d": np.zeros(5),
            "k": np.diag([focal_length, focal_length, 1.0]).ravel(),
            "r": np.eye(3).ravel(),
            "p": np.zeros(12),
        }
        if self.is_ros1:
            matrices = {name.upper(): value for name, value in matrices.items()}
        fields = {
            "header": self._header(time_ns, "camera"),
            "height": size[1],
            "width": size[0],
            "distortion_model": "plumb_bob",
            **matrices,
            "binning_x": 0,
            "binning_y": 0,
            "roi": roi,
        }
        self._write(topic, time_ns, "sensor_msgs/msg/CameraInfo", fields)

    def _header(self, stamp_ns, frame_id):
        sec, nanosec = divmod(stamp_ns, 10**9)
        stamp = self._make("builtin_interfaces/msg/Time", {"sec": sec, "nanosec": nanosec})
        fields = {"stamp": stamp, "frame_id": frame_id}
        if self.is_ros1:
            fields["seq"] = 0
        return self._make("std_msgs/msg/Header", fields)

    def _make(self, kind, fields):
        return self.types.types[kind](**fields)

    def _write(self, topic, time_ns, kind, fields):
        if topic not in self.connections:
            connection = self.writer.add_connection(topic, kind, typestore=self.types)
            self.connections[topic] = connection
        message = self._make(kind, fields)
        serialize = self.types.serialize_ros1 if self.is_ros1 else self.types.serialize_cdr
        self.writer.write(self.connections[topic], time_ns, serialize(message, kind))
