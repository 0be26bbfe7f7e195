"""Images that cannot be used, or look so; the rows `images[...]` of docs/faults.md."""

from __future__ import annotations

import struct
from importlib.util import find_spec

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

from faults import rows, survive
from rclpy.serialization import serialize_message

HEIGHT, WIDTH = 48, 64
GIANT = 2**32 - 1
OUTPUTS = {}


def gray(height, width, dtype=np.uint8):
    return np.full((height, width, 3), 7, dtype=dtype)


def distances(height, width):
    return np.full((height, width), 1500, dtype=np.uint16)


def pair(color=(), depth=()):
    """Publishes a pair with these fields."""

    def play(rig):
        stamp = rig.later()
        rig.camera.depth(stamp, **dict(depth))
        rig.camera.color(stamp, **dict(color))

    return play


def as_text(old, new):
    """A message whose serialised bytes have another text of the same length."""
    assert len(old) == len(new)
    return lambda message: bytes(serialize_message(message)).replace(old, new)


def slivers(rig):
    sizes = [(1, 2000), (2000, 1), (1, 1)]
    if cv2.__version__.startswith("4.5.4"):
        sizes.pop()  # Humble's OpenCV refuses a colour image of one pixel: engine_error
    for height, width in sizes:
        stamp = rig.later()
        rig.camera.depth(stamp, distances(height, width))
        labels = rig.consumer.output_of(rig.camera.color(stamp, gray(height, width)))
        assert bytes(labels.data) == bytes([7]) * height * width


def wild_stamps(rig):
    for sec, nanosec in ((-5, 0), (1_700_000_000, 4_000_000_000)):

        def stamped(message, nanosec=nanosec):
            message.header.stamp.nanosec = nanosec
            return message

        rig.camera.depth(sec * 10**9, on_wire=stamped)
        color = rig.camera.color(sec * 10**9, on_wire=stamped)
        assert rig.consumer.output_of(color).header == color.header


def frame_id_without_utf8(rig):
    stamp = rig.later()
    rig.camera.depth(stamp)
    color = rig.camera.color(stamp, on_wire=as_text(b"camera_color", b"\xff" * 12))
    assert "\N{REPLACEMENT CHARACTER}" in rig.consumer.output_of(color).header.frame_id


def damaged(damage):
    """Publishes a depth image and colour whose serialised bytes are damaged, then a good pair."""

    def play(rig):
        stamp = rig.later()
        rig.camera.depth(stamp)
        rig.camera.color(stamp, on_wire=lambda message: damage(bytes(serialize_message(message))))
        rig.camera.published -= 1  # it never arrives
        rig.consumer.output_of(rig.camera.pair(rig.later()))

    return play


def announcing_4_gb(length):
    """Damage that replaces the length of a text or of the pixels."""
    before, after = struct.pack("<I", length), struct.pack("<I", 2**32 - 16)

    def damage(data):
        assert data.count(before) == 1
        return data.replace(before, after)

    return damage


FAULTS = {
    "truncated_colour": pair(color={"height": 2 * HEIGHT}),
    "truncated_depth": pair(depth={"height": 2 * HEIGHT}),
    "wrong_step": pair(color={"step": 3 * WIDTH - 1}),
    "huge_step": pair(depth={"step": 2**20}),
    "wrong_encoding": pair(color={"encoding": "rgb88"}),
    "encoding_without_utf8": pair(color={"on_wire": as_text(b"rgb8", b"rgb\xff")}),
    "endless_encoding": pair(color={"encoding": "x" * 200_000}),
    "zero_size": pair(color={"height": 0, "width": 0}, depth={"height": 0, "width": 0}),
    "colour_of_16_bits": pair(color={"array": gray(HEIGHT, WIDTH, np.uint16), "encoding": "rgb16"}),
    "huge_colour": pair(color={"height": GIANT, "width": GIANT, "step": GIANT}),
    "huge_depth": pair(depth={"height": GIANT, "width": 1, "step": 2}),
    "swapped": pair(
        color={"array": distances(HEIGHT, WIDTH), "encoding": "16UC1"},
        depth={"array": gray(HEIGHT, WIDTH), "encoding": "rgb8"},
    ),
    "picture_of_depth": pair(depth={"array": gray(HEIGHT, WIDTH), "encoding": "rgb8"}),
    "size_mismatch": pair(depth={"array": distances(HEIGHT // 2, WIDTH // 2)}),
    "slivers": slivers,
    "wild_stamps": wild_stamps,
    "frame_id_without_utf8": frame_id_without_utf8,
    "cut_off_on_the_wire": damaged(lambda data: data[:60]),
    "huge_on_the_wire": damaged(announcing_4_gb(HEIGHT * WIDTH * 3)),
    "endless_text_on_the_wire": damaged(announcing_4_gb(len("camera_color_optical_frame") + 1)),
}


def test_every_row_is_tested():
    assert list(rows("images")) == list(FAULTS)


@pytest.mark.parametrize("name", FAULTS)
def test_the_node_survives(rig, name):
    if name == "colour_of_16_bits" and find_spec("cv_bridge") is not None:
        pytest.skip("cv_bridge is installed and reads it")
    survive(rig, rows("images")[name], FAULTS[name])
