"""What the images of a topic hold, as far as their encodings and file headers tell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from asymformer_ros.evaluation.recordings import (
    CompressedMessage,
    RawMessage,
    RecordedImage,
    Stream,
)
from asymformer_ros.perception.compressed_depth import is_compressed_depth
from asymformer_ros.perception.frames import FrameError
from asymformer_ros.perception.image_file import ImageFile, inspect_image_file
from asymformer_ros.perception.image_messages import DEPTH_ENCODINGS

_COLORS = ("rgb8", "bgr8", "rgba8", "bgra8")
#: Raw encodings of class indices.
LABELS = ("mono8", "8UC1")
#: What is read of each stream.
KNOWN: Mapping[Stream, str] = {
    "color": f"{', '.join(_COLORS)}, JPEG or PNG",
    "depth": f"{', '.join(DEPTH_ENCODINGS)} or compressedDepth",
    "labels": "mono8 or 8-bit PNG",
}
# Of OpenCV's names of matrices those of one channel: never colour.
_PLAIN_NUMBERS = re.compile(r"\d+[SUF]C1")

#: See `content_of`.
Content = Literal["color", "depth", "grey", "unread", ""]


def fits(stream: Stream, image: RecordedImage) -> bool:
    """Whether these images can be that stream and, of colour and depth, nothing else."""
    if stream != "labels":
        return content_of(image) == stream
    message = image.message
    if isinstance(message, RawMessage):
        return message.encoding in LABELS
    file = file_of(message)
    return content_of(image) == "grey" and file is not None and file.kind == "PNG"


def content_of(image: RecordedImage) -> Content:
    """Which stream these images can only be, as far as one can tell.

    grey: colour or labels. unread: probably colour, in a form that is not read.
    """
    message = image.message
    if isinstance(message, RawMessage):
        return _content_of_encoding(message.encoding)
    if is_compressed_depth(message.format):
        return "depth"
    file = file_of(message)
    if file is None:
        # A file of a kind that is read is damaged.
        return "" if re.search("jpeg|jpg|png", message.format, re.IGNORECASE) else "unread"
    if (file.bits, file.channels) == (16, 1):
        return "depth"
    is_depth = message.format.partition(";")[0].strip() in DEPTH_ENCODINGS
    if is_depth or file.has_palette or file.bits < 8:
        return ""
    if file.bits > 8:
        return "unread"
    return "color" if file.channels >= 3 else "grey"


def _content_of_encoding(encoding: str) -> Content:
    if encoding in _COLORS:
        return "color"
    if encoding in DEPTH_ENCODINGS:
        return "depth"
    if encoding == "mono8":
        return "grey"
    return "" if _PLAIN_NUMBERS.fullmatch(encoding) else "unread"


def file_of(message: CompressedMessage) -> ImageFile | None:
    """What its header announces, None for damage and for other files than JPEG and PNG."""
    try:
        return inspect_image_file(bytes(message.data))
    except FrameError:
        return None


def encoding_of(message: RawMessage | CompressedMessage) -> str:
    """A raw image's encoding, or what a compressed one calls its format, in quotes."""
    return message.encoding if isinstance(message, RawMessage) else repr(message.format)
