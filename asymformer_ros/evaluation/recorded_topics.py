"""Which topics of a bag hold colour, depth and labels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from posixpath import commonpath, dirname

from asymformer_ros.evaluation.recorded_contents import (
    KNOWN,
    LABELS,
    content_of,
    encoding_of,
    file_of,
    fits,
)
from asymformer_ros.evaluation.recorded_messages import BagTopic
from asymformer_ros.evaluation.recordings import (
    RawMessage,
    RecordedImage,
    RecordingError,
    Stream,
)

_WORDS: Mapping[Stream, str] = {"color": "colour", "depth": "depth", "labels": "label"}
_OPTIONS: Mapping[Stream, str] = {
    "color": "--color-topic",
    "depth": "--depth-topic",
    "labels": "--label-topic",
}
# Of versions of one stream the earlier: nothing is lost in it, and it costs least.
_TRANSPORTS = ("", "/compressedDepth", "/compressed")
# What the node publishes, below any namespace.
_OUTPUT = re.compile(r"(.*/)?semantic(/(color|overlay|mask|confidence))?(/compressed)?")


@dataclass(frozen=True)
class ImageTopic:
    """A topic with images; first: its first that can be read, of any stream."""

    topic: BagTopic
    first: RecordedImage

    @property
    def name(self) -> str:
        """Of the topic."""
        return self.topic.name


@dataclass(frozen=True)
class TopicChoice:
    """Takes a bag's topics for streams; others: its topics without images."""

    path: Path
    images: Sequence[ImageTopic]
    others: Sequence[BagTopic]

    def choose(self, wanted: Mapping[Stream, str]) -> dict[Stream, ImageTopic]:
        """The topics of colour, depth and, where they are wanted, labels.

        wanted: topics that the user named. Colour or depth that was not named is the only topic of
        such images, or the only one in the namespace of the other; of raw and compressed versions
        of one stream the raw one, and never an output of the node. Raises RecordingError with what
        the bag has.
        """
        chosen = {stream: self._named(stream, wanted) for stream in _WORDS if wanted.get(stream)}
        names = [one.name for one in chosen.values()]
        for name in names:
            if names.count(name) > 1:
                raise RecordingError(
                    f"{self.path}: {name} cannot be two streams: name another topic"
                )
        pair: tuple[Stream, Stream] = ("color", "depth")
        candidates = {
            stream: _without_copies(self._fitting(stream, wanted))
            for stream in pair
            if stream not in chosen
        }
        chosen.update({stream: one[0] for stream, one in candidates.items() if len(one) == 1})
        for stream, other in zip(pair, reversed(pair), strict=True):
            if stream not in chosen:
                near = _nearest(candidates[stream], chosen.get(other))
                if near is None:
                    count = "several topics" if candidates[stream] else "no topic"
                    images = f"with {_WORDS[stream]} images ({KNOWN[stream]})"
                    raise self._refusal(stream, wanted, f"{count} {images}", [])
                chosen[stream] = near
        return {stream: chosen[stream] for stream in _WORDS if stream in chosen}

    def _named(self, stream: Stream, wanted: Mapping[Stream, str]) -> ImageTopic:
        name = wanted[stream]
        for one in self.images:
            if _is_called(one, name):
                _require_readable(stream, one)
                return one
        close = get_close_matches(name, [one.name for one in self._free(stream, wanted)], 3)
        raise self._refusal(stream, wanted, f"no image on {name}", close)

    def _free(self, stream: Stream, wanted: Mapping[Stream, str]) -> list[ImageTopic]:
        """Topics that are neither named for another stream, nor a copy of such, nor outputs."""
        taken = {
            _without_transport(one)
            for other, name in wanted.items()
            for one in self.images
            if other != stream and _is_called(one, name)
        }
        return [
            one
            for one in self.images
            if _without_transport(one) not in taken and not _OUTPUT.fullmatch(one.name)
        ]

    def _fitting(self, stream: Stream, wanted: Mapping[Stream, str]) -> list[ImageTopic]:
        return [one for one in self._free(stream, wanted) if fits(stream, one.first)]

    def _refusal(
        self, stream: Stream, wanted: Mapping[Stream, str], problem: str, close: Sequence[str]
    ) -> RecordingError:
        """close: names of topics that the user may have meant."""
        fitting = [one.name for one in _without_copies(self._fitting(stream, wanted))]
        notes = [] if fitting else self._notes(stream, wanted)
        likely = ", ".join(dict.fromkeys([*close, *fitting]))
        advice = "; ".join(notes) or f"choose one with {_OPTIONS[stream]}"
        proposal = f"; likely {likely}" if likely else ""
        return RecordingError(
            f"{self.path} has {problem}: {advice}{proposal}\n"
            f"It has {_listed(self.images, self.others)}"
        )

    def _notes(self, stream: Stream, wanted: Mapping[Stream, str]) -> list[str]:
        """Why topics that could be meant were not taken."""
        free = {one.name for one in self._free(stream, wanted)}
        notes: dict[str, list[str]] = {}
        for one in _without_copies(self.images):
            if one.name in free:
                note = _note_on_color(one.first) if stream == "color" else ""
            elif not fits(stream, one.first):
                note = ""
            else:
                is_output = _OUTPUT.fullmatch(one.name)
                note = "made by the node itself" if is_output else "named for another stream"
            if note:
                notes.setdefault(note, []).append(one.name)
        return [
            f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} {note}"
            for note, names in notes.items()
        ]


def _note_on_color(image: RecordedImage) -> str:
    """Why images were not taken for colour, nothing where they can be none."""
    content, what = content_of(image), encoding_of(image.message)
    if content == "grey":
        option = _OPTIONS["color"]
        return f"{what}, which may be colour in grey or labels: name it with {option}"
    return f"{what}, which is not read as colour: convert it" if content == "unread" else ""


def _require_readable(stream: Stream, chosen: ImageTopic) -> None:
    """Raise RecordingError where such images cannot be what the user takes them for."""
    message = chosen.first.message
    if isinstance(message, RawMessage):
        if stream == "labels" and message.encoding not in LABELS:
            raise RecordingError(
                f"{chosen.name} holds {message.encoding} images: labels must be {KNOWN[stream]}"
            )
        return
    file = file_of(message)
    if stream != "color" and file is not None and file.kind == "JPEG":
        raise RecordingError(
            f"{chosen.name} holds JPEG images, which keep no exact {_WORDS[stream]} values: "
            f"{_OPTIONS[stream]} must be a topic with {KNOWN[stream]}"
        )


def _without_copies(topics: Iterable[ImageTopic]) -> list[ImageTopic]:
    best: dict[str, ImageTopic] = {}
    for one in sorted(topics, key=lambda one: _TRANSPORTS.index(_transport(one))):
        best.setdefault(_without_transport(one), one)
    return list(best.values())


def _nearest(candidates: Sequence[ImageTopic], other: ImageTopic | None) -> ImageTopic | None:
    """The only candidate that shares the most of its namespace with another stream's topic.

    None where there is none, or where another candidate is in no namespace that leads elsewhere.
    """
    if other is None or not candidates:
        return None
    home = _namespace(other)

    def shared(one: ImageTopic) -> str:
        return commonpath([home, _namespace(one)])

    best, *rest = sorted(candidates, key=lambda one: _depth(shared(one)), reverse=True)
    is_clear = all(
        _depth(shared(one)) < min(_depth(shared(best)), _depth(_namespace(one))) for one in rest
    )
    return best if is_clear else None


def _namespace(topic: ImageTopic) -> str:
    return dirname("/" + _without_transport(topic).lstrip("/"))


def _depth(namespace: str) -> int:
    return len([name for name in namespace.split("/") if name])


def _is_called(topic: ImageTopic, name: str) -> bool:
    return topic.name.lstrip("/") == name.lstrip("/")


def _without_transport(topic: ImageTopic) -> str:
    return topic.name.removesuffix(_transport(topic))


def _transport(topic: ImageTopic) -> str:
    if isinstance(topic.first.message, RawMessage):
        return ""
    return next((t for t in _TRANSPORTS if t and topic.name.endswith(t)), "")


def _listed(images: Iterable[ImageTopic], others: Iterable[BagTopic]) -> str:
    lines = [_line(one.topic, f" {encoding_of(one.first.message)}") for one in images]
    lines += [_line(topic, "") for topic in others]
    return "no messages" if not lines else "\n  ".join(["these topics:", *lines])


def _line(topic: BagTopic, how: str) -> str:
    kind = topic.kind.replace("/msg/", "/") or "several types"
    return f"{topic.name}: {kind}{how}, {topic.count}"
