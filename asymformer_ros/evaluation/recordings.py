"""Recordings of a colour and a depth stream, read image by image: bags and folders of files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Stream = Literal["color", "depth", "labels"]
#: Of images that no driver stamped, those of a simulation or of files.
FRAME_ID = "camera_color_optical_frame"

_BAG_NAME = re.compile(r".*\.(bag|bag\.active|mcap|db3)")
_FILE_IN_BAG = re.compile(r".*\.(mcap|db3)(\.zstd)?")
# Stamps of one clock are closer than this to the time of recording and to each other.
_ONE_CLOCK_NS = 10_000_000_000
# builtin_interfaces/Time holds seconds in an int32.
_LAST_STAMP_NS = (2**31 - 1) * 1_000_000_000


class RecordingError(RuntimeError):
    """A recording cannot be used; the message says which part of it, why, and what to do."""


@dataclass(frozen=True)
class RawMessage:
    """What a sensor_msgs/Image holds; data: flat uint8."""

    encoding: str
    height: int
    width: int
    step: int
    is_bigendian: bool
    data: NDArray[np.uint8]

    def __str__(self) -> str:
        return f"{self.width}x{self.height} {self.encoding}"


@dataclass(frozen=True)
class CompressedMessage:
    """What a sensor_msgs/CompressedImage holds; data: flat uint8."""

    format: str
    data: NDArray[np.uint8]

    def __str__(self) -> str:
        return self.format


@dataclass(frozen=True)
class RecordedImage:
    """One image as it was recorded; `decode_color` and `decode_depth` read its message.

    time_ns: when it was recorded. stamp_ns: its header's stamp, the time of recording where that is
    zero. name: stem of its file, empty in bags.
    """

    stream: Stream
    time_ns: int
    stamp_ns: int
    frame_id: str
    message: RawMessage | CompressedMessage
    name: str = ""


@dataclass(frozen=True)
class RecordedCameraInfo:
    """The numbers of a sensor_msgs/CameraInfo; k and r have 9, p has 12."""

    frame_id: str
    height: int
    width: int
    distortion_model: str
    d: tuple[float, ...]
    k: tuple[float, ...]
    r: tuple[float, ...]
    p: tuple[float, ...]


class Losses:
    """What of a recording could not be read, a sentence each; grows while it is read."""

    def __init__(self) -> None:
        self._sentences: dict[str, None] = {}

    def note(self, sentence: str) -> None:
        """Add a sentence, once."""
        self._sentences[sentence] = None

    @property
    def sentences(self) -> tuple[str, ...]:
        """All that were noted, in their order."""
        return tuple(self._sentences)


class Images(Protocol):
    """A pass over the images that can be read, in the order of recording."""

    def __call__(self, *only: Stream) -> Iterator[RecordedImage]:
        """Of some streams, by default of all; raises RecordingError."""


@dataclass(frozen=True)
class Recording:
    """What a recording holds; `labels` is present only where it has labels.

    sources: topic or folder of each stream. counts: its images. first: the first image of each
    stream. warnings: sentences that its user should read. losses: what could not be read, known in
    full after a pass over all streams. camera_info: the colour camera's first, if there is one.
    """

    sources: Mapping[Stream, str]
    counts: Mapping[Stream, int]
    first: Mapping[Stream, RecordedImage]
    warnings: tuple[str, ...]
    images: Images
    losses: Losses = field(default_factory=Losses)
    camera_info: RecordedCameraInfo | None = None


def open_recording(
    path: str | Path, topics: Mapping[Stream, str] | None = None, rate_hz: float = 5.0
) -> Recording:
    """Look into a bag (ROS 1 or 2) or a folder with color/ and depth/; raises RecordingError.

    topics: those to take from a bag; by default the only ones with colour and depth encodings, and
    no labels. rate_hz: frames a second of a folder.
    """
    path = Path(path)
    if not path.exists():
        raise RecordingError(f"{path} does not exist: give the path of a bag or of a folder")
    if _is_bag(path):
        from asymformer_ros.evaluation.recorded_bag import open_bag

        return open_bag(path, topics or {})
    if path.is_dir():
        from asymformer_ros.evaluation.recorded_folder import open_folder

        return open_folder(path, rate_hz)
    raise RecordingError(
        f"{path} is no recording: give a .bag, .mcap or .db3, a rosbag2 folder, "
        "or a folder with color/ and depth/"
    )


def _is_bag(path: Path) -> bool:
    if not path.is_dir():
        return _BAG_NAME.fullmatch(path.name) is not None
    if (path / "metadata.yaml").is_file():
        return True
    return any(_FILE_IN_BAG.fullmatch(file.name) for file in path.iterdir())


class Timeline:
    """New times for a recording that is played now, and again and again.

    The first colour image of a play is stamped with the time at which it is due; all other stamps
    keep their distance to it, so a colour latency includes what the recording's own transport
    added. Between plays the stamps jump forward by at least `pause_ns`.
    """

    def __init__(self, recording: Recording, pause_ns: int) -> None:
        color, depth = recording.first["color"], recording.first["depth"]
        first_ns = min(color.time_ns, depth.time_ns)
        lead_ns = color.time_ns - first_ns
        # The stamps of a play begin this long before it starts.
        early_ns = color.stamp_ns - depth.stamp_ns - lead_ns
        self._early_ns = early_ns if 0 < early_ns < _ONE_CLOCK_NS else 0
        self._due_shift_ns = -first_ns
        self._stamp_shift_ns = lead_ns - color.stamp_ns
        self._pause_ns = pause_ns
        self._start_ns = 0
        self._newest_ns = 0

    def begin(self, now_ns: int) -> None:
        """Start a play as soon as its stamps can follow those of the play before."""
        self._start_ns = max(now_ns, self._newest_ns + self._pause_ns + self._early_ns)

    def stamp_ns(self, image: RecordedImage) -> int:
        """The new stamp of an image of this play; remembered for the next play."""
        stamp_ns = image.stamp_ns + self._stamp_shift_ns + self._start_ns
        if stamp_ns - self.due_ns(image) < _ONE_CLOCK_NS:
            self._newest_ns = max(self._newest_ns, stamp_ns)
        return min(max(stamp_ns, 0), _LAST_STAMP_NS)

    def due_ns(self, image: RecordedImage) -> int:
        """When to publish it: as it was recorded, but no colour image before its stamp."""
        due_ns = image.time_ns + self._due_shift_ns + self._start_ns
        stamp_ns = image.stamp_ns + self._stamp_shift_ns + self._start_ns
        if image.stream == "color" and stamp_ns - due_ns < _ONE_CLOCK_NS:
            return max(due_ns, stamp_ns)
        return due_ns
