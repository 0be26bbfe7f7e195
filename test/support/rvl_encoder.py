"""compressedDepth data as a publisher makes it; RVL number by number, as its paper describes it."""

import struct

import cv2
import numpy as np


def encode_rvl(depth):
    """The RVL stream of uint16 values of any shape."""
    values = [int(value) for value in depth.ravel()]
    digits = []
    previous = at = 0
    while at < len(values):
        zeros = _length(values, at, lambda value: value == 0)
        others = _length(values, at + zeros, lambda value: value != 0)
        _put(digits, zeros)
        _put(digits, others)
        for value in values[at + zeros : at + zeros + others]:
            difference = value - previous
            _put(digits, 2 * difference if difference >= 0 else -2 * difference - 1)
            previous = value
        at += zeros + others
    digits += [0] * (-len(digits) % 8)
    words = (digits[at : at + 8] for at in range(0, len(digits), 8))
    return b"".join(struct.pack("<I", int("".join(f"{d:x}" for d in word), 16)) for word in words)


def compressed_depth(values, codec, a=0.0, b=0.0):
    """The data of a compressedDepth message with the uint16 [H, W] values."""
    header = struct.pack("<iff", 0, a, b)
    if codec == "rvl":
        height, width = values.shape
        return header + struct.pack("<II", width, height) + encode_rvl(values)
    return header + cv2.imencode(".png", values)[1].tobytes()


def quantised(metres, farthest=10.0, quantisation=100.0):
    """A, B and the uint16 inverse depth that a publisher with its default settings sends."""
    a = np.float32(quantisation * (quantisation + 1))
    b = np.float32(1 - a / farthest)
    near = np.where(metres < farthest, metres, np.inf)
    return a, b, np.where(np.isfinite(near), a / near + b, 0).astype(np.uint16)


def _length(values, at, condition):
    end = at
    while end < len(values) and condition(values[end]):
        end += 1
    return end - at


def _put(digits, number):
    while number > 7:
        digits.append(number & 7 | 8)
        number >>= 3
    digits.append(number)
