"""The frames of a recording, paired and decoded as the node does it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Generator
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.evaluation.frames import EvaluatedFrame, Frames, Intake, LostFrame
from asymformer_ros.evaluation.recordings import RecordedImage, Recording, RecordingError
from asymformer_ros.evaluation.truth_folder import open_truth_folder
from asymformer_ros.perception.frame_drops import FrameDropped, stage
from asymformer_ros.perception.frames import FrameError, RgbdFrame
from asymformer_ros.perception.image_messages import (
    decode_color,
    decode_depth,
    decode_labels,
)
from asymformer_ros.perception.synchronizer import Pair, RgbdSynchronizer

# Label images are in the order of their colour images, but for this much.
_DISORDER = 10
_DISORDER_NS = 1_000_000_000
# Two seconds of a camera: labels may begin long before, or be rare.
_LOOK_AHEAD = 60


class Truths(Protocol):
    """The truth of a recording; used on one thread alone, from the first `find` on.

    note: a sentence where some of it belongs to no colour image, else nothing; known at the end.
    """

    @property
    def note(self) -> str:
        """See above."""

    def find(self, stamp_ns: int) -> NDArray[np.uint8] | None:
        """The labels of a colour image, uint8 [H, W]; asked for about in the order of recording."""

    def close(self) -> None:
        """Free what reading took."""


class RecordedFrames:
    """A `FrameSource` of a recording; see `RgbdSynchronizer` for slop_ns and queue_size."""

    def __init__(
        self, recording: Recording, truths: Truths | None, slop_ns: int, queue_size: int
    ) -> None:
        self.total = recording.counts.get("color", 0)
        self.intake = Intake()
        self._recording = recording
        self._truths = truths
        self._queue_size = queue_size
        self._slop_ns = slop_ns
        self._synchronizer = RgbdSynchronizer[RecordedImage, RecordedImage](slop_ns, queue_size)
        # Stamps of the colour images of which it is not known yet whether they find a partner.
        self._open: dict[int, None] = {}

    def frames(self) -> Frames:
        """See `FrameSource.frames`; raises RecordingError."""
        try:
            for image in self._recording.images("color", "depth"):
                if image.stream == "color":
                    self._open[image.stamp_ns] = None
                    yield from self._settled(self._synchronizer.add_color(image.stamp_ns, image))
                else:
                    yield from self._settled(self._synchronizer.add_depth(image.stamp_ns, image))
                # The synchronizer holds no more than that.
                while len(self._open) > self._queue_size:
                    yield self._lost(next(iter(self._open)))
            self._tell_of_stamps()
            yield from self._settled(self._synchronizer.drain())
            for stamp_ns in list(self._open):
                yield self._lost(stamp_ns)
            if self._truths is not None and self._truths.note:
                self.intake.tell(self._truths.note)
        finally:
            if self._truths is not None:
                self._truths.close()
            self._close_account()

    def _settled(self, pairs: list[Pair[RecordedImage, RecordedImage]]) -> Frames:
        for pair in pairs:
            for stamp_ns in [stamp for stamp in self._open if stamp < pair.color_stamp_ns]:
                yield self._lost(stamp_ns)
            self._open.pop(pair.color_stamp_ns, None)
            truth = self._truth(pair.color_stamp_ns)
            try:
                frame = decoded(pair)
            except FrameDropped as drop:
                self.intake.dropped[drop.cause] += 1
                self.intake.tell(f"frames were dropped as {drop.cause}: {drop}")
                yield LostFrame(truth)
            else:
                seconds, nanoseconds = divmod(pair.color_stamp_ns, 1_000_000_000)
                name = pair.color.name or f"{seconds}.{nanoseconds:09d}"
                yield EvaluatedFrame(name, frame, truth)

    def _tell_of_stamps(self) -> None:
        apart_ns = self._synchronizer.stamps_apart_ns()
        if apart_ns is not None and apart_ns > self._slop_ns:
            self.intake.tell(
                f"stamps of colour and depth are {apart_ns / 1e6:.1f} ms apart at the end, the "
                f"slop is {self._slop_ns / 1e6:.1f} ms: a larger --slop would pair them"
            )

    def _lost(self, stamp_ns: int) -> LostFrame:
        del self._open[stamp_ns]
        return LostFrame(self._truth(stamp_ns))

    def _truth(self, stamp_ns: int) -> NDArray[np.uint8] | None:
        try:
            return None if self._truths is None else self._truths.find(stamp_ns)
        except (FrameError, RecordingError) as error:
            self.intake.leave_out_truth(error)
            return None

    def _close_account(self) -> None:
        counts = self._synchronizer.counts()
        self.intake.received_color = counts.received_color
        self.intake.received_depth = counts.received_depth
        self.intake.dropped += Counter(counts.dropped_color)
        self.intake.dropped_depth += Counter(counts.dropped_depth)
        for sentence in (*self._recording.warnings, *self._recording.losses.sentences):
            self.intake.tell(sentence)


def decoded(pair: Pair[RecordedImage, RecordedImage]) -> RgbdFrame:
    """The frame of a pair; raises FrameDropped with the causes that the node has."""
    with stage("bad_color"):
        rgb = decode_color(pair.color.message)
    with stage("bad_depth"):
        depth_m = decode_depth(pair.depth.message)
    with stage("size_mismatch"):
        return RgbdFrame(rgb, depth_m, pair.color_stamp_ns, pair.color.frame_id)


class RecordedTruths:
    """The labels of a recording's own stream, found by the stamp of the colour image.

    Read in a pass of its own: they may have been recorded long after the images.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._labels: Generator[RecordedImage, None, None] | None = None
        # Read and not asked for yet, in the order of recording.
        self._waiting: deque[RecordedImage] = deque()
        self._found = 0

    @property
    def note(self) -> str:
        """See `Truths`."""
        total = self._recording.counts["labels"]
        if self._found >= total:
            return ""
        source = self._recording.sources["labels"]
        return f"{total - self._found} of {total} label images on {source} fit no colour image"

    def find(self, stamp_ns: int) -> NDArray[np.uint8] | None:
        """See `Truths.find`; raises FrameError."""
        # A file of sqlite3 must be read on the thread that opened it: the caller's.
        if self._labels is None:
            self._labels = (image for image in self._recording.images("labels"))
        while self._waiting and self._waiting[0].stamp_ns < stamp_ns - _DISORDER_NS:
            self._waiting.popleft()
        for place, image in enumerate(self._waiting):
            if image.stamp_ns == stamp_ns:
                for _ in range(place - _DISORDER):
                    self._waiting.popleft()
                self._waiting.remove(image)
                return self._decoded(image)
        while len(self._waiting) < _LOOK_AHEAD:
            following = next(self._labels, None)
            if following is None:
                break
            if following.stamp_ns == stamp_ns:
                return self._decoded(following)
            if following.stamp_ns >= stamp_ns - _DISORDER_NS:
                self._waiting.append(following)
        return None

    def close(self) -> None:
        """See `Truths.close`."""
        if self._labels is not None:
            self._labels.close()

    def _decoded(self, image: RecordedImage) -> NDArray[np.uint8]:
        self._found += 1
        return decode_labels(image.message)


def truths_of(recording: Recording, folder: Path | None) -> Truths | None:
    """The truth of a recording: PNGs in a folder, its own labels, or none.

    Raises RecordingError.
    """
    if folder is not None:
        return open_truth_folder(folder)
    return RecordedTruths(recording) if "labels" in recording.sources else None
