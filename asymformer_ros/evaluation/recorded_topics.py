"""Which topics of a bag hold colour, depth and labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from asymformer_ros.evaluation.recorded_messages import BagTopic
from asymformer_ros.evaluation.recordings import (
    CompressedMessage,
    RawMessage,
    RecordedImage,
    RecordingError,
    Stream,
)
from asymformer_ros.perception.compressed_depth import is_compressed_depth
from asymformer_ros.perception.frames import FrameError
from asymformer_ros.perception.image_file import ImageFile, inspect_image_file
from asymformer_ros.perception.image_messages import DEPTH_ENCODINGS

_COLORS = ("rgb8", "bgr8", "rgba8", "bgra8")
_LABELS = ("mono8", "8UC1")
_WORDS: Mapping[Stream, str] = {"color": "colour", "depth": "depth", "labels": "label"}
_OPTIONS: Mapping[Stream, str] = {
    "color": "--color-topic",
    "depth": "--depth-topic",
    "labels": "--label-topic",
}
_KNOWN: Mapping[Stream, str] = {
    "color": f"{', '.join(_COLORS)}, JPEG or PNG",
    "depth": f"{', '.join(DEPTH_ENCODINGS)} or compressedDepth",
    "labels": "mono8 or 8-bit PNG",
}
# Of versions of one stream the earlier: nothing is lost in it, and it costs least.
_TRANSPORTS = ("", "/compressedDepth", "/compressed")


@dataclass(frozen=True)
class ImageTopic:
    """A topic with images; first: its first that can be read, of any stream."""

    topic: BagTopic
    first: RecordedImage

    @property
    def name(self) -> str:
        """Of the topic."""
        return self.topic.name


def choose_topic(
    path: Path,
    stream: Stream,
    wanted: str,
    images: Sequence[ImageTopic],
    others: Iterable[BagTopic],
) -> ImageTopic:
    """The topic of a stream: the wanted one, else the only one that holds such images.

    Of raw and compressed versions of one stream the raw one. others: the bag's topics without
    images. Raises RecordingError with what the bag has.
    """
    fitting = [one for one in images if _content(one.first) == stream]
    if wanted:
        found = [one for one in images if one.name.lstrip("/") == wanted.lstrip("/")]
        if found:
            _require_readable(stream, found[0])
            return found[0]
        names = [one.name for one in images]
        likely = get_close_matches(wanted, names, 3) + [one.name for one in fitting]
        problem = f"no image on {wanted}"
    else:
        found = _without_copies(fitting)
        if len(found) == 1:
            return found[0]
        likely = [one.name for one in found]
        problem = f"{'several topics' if found else 'no topic'} with {_WORDS[stream]} images"
        problem += f" ({_KNOWN[stream]})"
    proposal = f"; likely {', '.join(dict.fromkeys(likely))}" if likely else ""
    raise RecordingError(
        f"{path} has {problem}: choose one with {_OPTIONS[stream]}{proposal}"
        f"\nIt has {_listed(images, others)}"
    )


def _content(image: RecordedImage) -> Stream | Literal[""]:
    """Which stream these images can only be, as far as one can tell."""
    message = image.message
    if isinstance(message, RawMessage):
        if message.encoding in _COLORS:
            return "color"
        return "depth" if message.encoding in DEPTH_ENCODINGS else ""
    if is_compressed_depth(message.format):
        return "depth"
    file = _file(message)
    if file is None:
        return ""
    if (file.bits, file.channels) == (16, 1):
        return "depth"
    is_depth = message.format.partition(";")[0].strip() in DEPTH_ENCODINGS
    return "color" if file.bits == 8 and file.channels >= 3 and not is_depth else ""


def _file(message: CompressedMessage) -> ImageFile | None:
    try:
        return inspect_image_file(bytes(message.data))
    except FrameError:
        return None


def _require_readable(stream: Stream, chosen: ImageTopic) -> None:
    """Raise RecordingError where such images cannot be what the user takes them for."""
    message = chosen.first.message
    if isinstance(message, RawMessage):
        if stream == "labels" and message.encoding not in _LABELS:
            raise RecordingError(
                f"{chosen.name} holds {message.encoding} images: labels must be {_KNOWN[stream]}"
            )
        return
    file = _file(message)
    if stream != "color" and file is not None and file.kind == "JPEG":
        raise RecordingError(
            f"{chosen.name} holds JPEG images, which keep no exact {_WORDS[stream]} values: "
            f"{_OPTIONS[stream]} must be a topic with {_KNOWN[stream]}"
        )


def _without_copies(topics: Iterable[ImageTopic]) -> list[ImageTopic]:
    best: dict[str, ImageTopic] = {}
    for one in sorted(topics, key=lambda one: _TRANSPORTS.index(_transport(one))):
        best.setdefault(one.name.removesuffix(_transport(one)), one)
    return list(best.values())


def _transport(one: ImageTopic) -> str:
    if isinstance(one.first.message, RawMessage):
        return ""
    return next((t for t in _TRANSPORTS if t and one.name.endswith(t)), "")


def _listed(images: Iterable[ImageTopic], others: Iterable[BagTopic]) -> str:
    lines = [_line(one.topic, f" {_how(one.first.message)}") for one in images]
    lines += [_line(topic, "") for topic in others]
    return "no messages" if not lines else "\n  ".join(["these topics:", *lines])


def _line(topic: BagTopic, how: str) -> str:
    kind = topic.kind.replace("/msg/", "/") or "several types"
    return f"{topic.name}: {kind}{how}, {topic.count}"


def _how(message: RawMessage | CompressedMessage) -> str:
    return message.encoding if isinstance(message, RawMessage) else repr(message.format)
