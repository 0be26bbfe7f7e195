"""Run length, variable length: the codec of compressedDepth's `rvl`, decoded by whole arrays.

A. D. Wilson, "Fast Lossless Depth Image Compression", ISS 2017. The stream is little-endian 32-bit
words of eight 4-bit digits, the first in the highest bits. Three bits of a digit count, lowest
digit first; the fourth says that the number goes on. The numbers are, over and over: how many
pixels are 0, how many are not, and for each of these its zigzag difference to the one before.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.perception.frames import FrameError

# 30 bits: no count of pixels and no difference of 16-bit values needs more.
_MOST_DIGITS = 10


def decode_rvl(stream: bytes, pixels: int) -> NDArray[np.uint16]:
    """The uint16 [pixels] of an RVL stream; memory is in proportion to the stream and to pixels.

    Raises FrameError unless the stream holds exactly so many pixels. Zeros after it are allowed.
    """
    numbers = _numbers(stream, pixels)
    heads = _heads(numbers)
    zeros, others = numbers[heads], numbers[heads + 1]
    covered = np.cumsum(zeros + others, dtype=np.int64)
    runs = int(np.searchsorted(covered, pixels)) + 1
    if runs > len(heads) or heads[runs - 1] + 2 + others[runs - 1] > len(numbers):
        raise FrameError(f"the RVL stream ends before its {pixels} pixels: the image is truncated")
    if covered[runs - 1] != pixels:
        raise FrameError(f"the RVL stream holds more than its {pixels} pixels: it is damaged")
    heads, zeros, others = heads[:runs], zeros[:runs], others[:runs]

    is_difference = np.ones(int(heads[-1] + 2 + others[-1]), dtype=bool)
    is_difference[heads] = False
    is_difference[heads + 1] = False
    zigzag = numbers[: len(is_difference)][is_difference]
    differences = ((zigzag >> 1) ^ -(zigzag & 1)).astype(np.uint16)
    depth = np.zeros(pixels, dtype=np.uint16)
    lengths = np.stack((zeros, others), axis=1).ravel()
    has_value = np.repeat(np.arange(2 * runs) % 2 == 1, lengths)
    depth[has_value] = np.cumsum(differences, dtype=np.uint16)
    return depth


def _numbers(stream: bytes, pixels: int) -> NDArray[np.int32]:
    """The stream's numbers, no more than an image of so many pixels can need."""
    words = np.frombuffer(stream, dtype="<u4", count=min(len(stream), 3 * pixels + 16) // 4)
    octets = words.astype(">u4").view(np.uint8)
    digits = np.empty(2 * len(octets), dtype=np.uint8)
    np.right_shift(octets, 4, out=digits[0::2])
    np.bitwise_and(octets, 15, out=digits[1::2])

    last = np.flatnonzero(digits < 8)[: 3 * pixels // 2 + 4]
    lengths = np.diff(last, prepend=-1)
    most = int(lengths.max(initial=1))
    if most > _MOST_DIGITS:
        raise FrameError(f"the RVL stream has a number of {most} digits: it is damaged")
    numbers = digits[last].astype(np.int32)
    digits &= 7
    for place in range(1, most):
        longer = np.flatnonzero(lengths > place)
        numbers[longer] = numbers[longer] << 3 | digits[last[longer] - place]
    return numbers


def _heads(numbers: NDArray[np.int32]) -> NDArray[np.intp]:
    """Where each run begins: the place of its two counts. One turn of the loop for each run."""
    lengths = (numbers[1:] + 2).data
    heads = []
    head = 0
    while head < len(lengths):
        heads.append(head)
        head += lengths[head]
    return np.array(heads, dtype=np.intp)
