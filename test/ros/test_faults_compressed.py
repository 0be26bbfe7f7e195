"""Compressed images that cannot be used; the rows `compressed[...]` of docs/faults.md."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

from faults import rows, survive

HEIGHT, WIDTH = 48, 64


@pytest.fixture(scope="module")
def rig(new_rig):
    with new_rig(compressed=True) as rig:
        yield rig


def pair(color=(), depth=()):
    """Publishes a pair with these fields."""

    def play(rig):
        stamp = rig.later()
        rig.camera.depth(stamp, **dict(depth))
        rig.camera.color(stamp, **dict(color))

    return play


def jpeg(array):
    return cv2.imencode(".jpg", array)[1].tobytes()


def png_announcing(width, height):
    """A PNG of a whole header and an end, and no pixels."""

    def chunk(name, body):
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b"")


# Twelve bytes of parameters, columns and rows, and a stream that ends at once.
CUT_OFF_RVL = bytes(12) + struct.pack("<II", WIDTH, HEIGHT) + bytes([0x77, 0, 0, 0])

FAULTS = {
    "jpeg_of_depth": pair(
        depth={"data": jpeg(np.zeros((HEIGHT, WIDTH), np.uint8)), "message_format": "jpeg"}
    ),
    "cut_off_jpeg": pair(color={"data": jpeg(np.zeros((HEIGHT, WIDTH, 3), np.uint8))[:-40]}),
    "huge_png": pair(color={"data": png_announcing(60_000, 60_000), "message_format": "png"}),
    "no_file": pair(color={"data": b"<html>404 Not Found</html>"}),
    "no_data": pair(depth={"data": b""}),
    "cut_off_rvl": pair(
        depth={"data": CUT_OFF_RVL, "message_format": "16UC1; compressedDepth rvl"}
    ),
    "unknown_codec": pair(depth={"message_format": "16UC1; compressedDepth webp"}),
}


def test_every_row_is_tested():
    assert list(rows("compressed")) == list(FAULTS)


@pytest.mark.parametrize("name", FAULTS)
def test_the_node_survives(rig, name):
    survive(rig, rows("compressed")[name], FAULTS[name])
