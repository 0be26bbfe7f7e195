"""sensor_msgs/Image and CompressedImage to arrays, and arrays to Image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from asymformer_ros.perception import image_messages
from asymformer_ros.ros.image_bridge import convert


def decode_color(message: Image | CompressedImage) -> NDArray[np.uint8]:
    """See `image_messages.decode_color`; what that does not read is left to cv_bridge."""
    return image_messages.decode_color(message, convert)


def decode_depth(message: Image | CompressedImage) -> NDArray[np.float32]:
    """See `image_messages.decode_depth`; what that does not read is left to cv_bridge."""
    return image_messages.decode_depth(message, convert)


def stamp_ns(message: Image | CompressedImage) -> int:
    """The message's stamp in nanoseconds."""
    stamp = message.header.stamp
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def to_message(header: Header, array: NDArray[Any], encoding: str) -> Image:
    """Image message of an array [H, W] or [H, W, channels], with the given header itself.

    array: of the encoding's own type, in this machine's byte order; copied once.
    """
    height, width = array.shape[:2]
    message = Image(header=header, height=height, width=width, encoding=encoding)
    message.step = array.nbytes // height
    # Filling the message's own array takes 0.02 ms; assigning an ndarray takes 40.
    message.data.frombytes(np.ascontiguousarray(array).view(np.uint8).data)
    return message
