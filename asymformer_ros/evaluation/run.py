"""An evaluation from its first frame to its last: read, segment, score, side by side."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Protocol

from asymformer_ros.evaluation.beside import Behind, read_ahead
from asymformer_ros.evaluation.frame_row import FrameRow
from asymformer_ros.evaluation.frames import EvaluatedFrame, FrameSource, Intake, LostFrame
from asymformer_ros.evaluation.score_keeper import Answer, ScoreKeeper
from asymformer_ros.perception.frame_drops import FrameDropped, is_for_users, sentence_of, stage
from asymformer_ros.perception.frames import FrameError, RgbdFrame, Segmentation

#: Why a colour image was not evaluated when a run was broken off.
BROKEN_OFF = "broken_off"
#: Or when the node's labels for it never came.
NEVER_CAME = "never_came"


class Answerer(Protocol):
    """Who says what is in a frame."""

    def answer(self, frame: RgbdFrame) -> Answer | None:
        """Segment a frame, None where nothing was ever said of it; raises FrameDropped."""


class EngineAnswers:
    """Segments here and now.

    segment: as `Segmenter.segment`. engine_ms: how long the engine took for the last frame.
    engine_s: the sum of it.
    """

    def __init__(
        self, segment: Callable[[RgbdFrame], Segmentation], engine_ms: Callable[[], float]
    ) -> None:
        self.engine_s = 0.0
        self._segment = segment
        self._engine_ms = engine_ms

    def answer(self, frame: RgbdFrame) -> Answer:
        """See `Answerer.answer`."""
        begun_s = time.perf_counter()
        with stage("engine_error"):
            segmentation = self._segment(frame)
        latency_ms = (time.perf_counter() - begun_s) * 1e3
        self.engine_s += self._engine_ms() / 1e3
        return Answer(segmentation.labels, segmentation.confidence, latency_ms)


@dataclass
class Run:
    """What a run came to.

    dropped: colour images that were lost after pairing, by cause. complete: whether every frame was
    seen. seconds: from the first frame asked for to the last one scored. fault: what ended it, if
    that is a fault of this program and no error meant for its users.
    """

    keeper: ScoreKeeper
    intake: Intake
    dropped: Counter[str] = field(default_factory=Counter)
    complete: bool = False
    seconds: float = 0.0
    fault: Exception | None = None

    @property
    def all_dropped(self) -> Counter[str]:
        """Colour images by the cause of their loss; with the segmented ones they are all."""
        dropped = self.intake.dropped + self.dropped
        segmented = len(self.keeper.latency_ms)
        missing = self.intake.received_color - segmented - dropped.total()
        return dropped + Counter({BROKEN_OFF: missing})


def run(
    source: FrameSource,
    answerer: Answerer,
    num_classes: int,
    note: Callable[[FrameRow], None],
    progress: Callable[[], None],
    stop: Event,
) -> Run:
    """Evaluate a source to its end, to its first error, or until `stop` is set.

    note: called with the line of each frame, on another thread. progress: after each frame. The
    error becomes a problem of the run's intake: what was seen until then counts.
    """
    done = Run(ScoreKeeper(num_classes), source.intake)

    def score(item: tuple[EvaluatedFrame, Answer] | LostFrame) -> None:
        if not isinstance(item, LostFrame):
            note(_scored(*item))
            return
        try:
            done.keeper.add_lost(item.truth)
        except FrameError as error:
            done.intake.leave_out_truth(error)

    def _scored(frame: EvaluatedFrame, answer: Answer) -> FrameRow:
        try:
            return done.keeper.add(frame, answer)
        except FrameError as error:
            done.intake.leave_out_truth(error)
            return done.keeper.add(replace(frame, truth=None), answer)

    begun_s = time.perf_counter()
    try:
        with Behind(score) as scorer, read_ahead(source.frames()) as frames:
            for item in frames:
                if stop.is_set():
                    break
                if isinstance(item, EvaluatedFrame):
                    scorer.put(_answered(item, answerer, done))
                else:
                    scorer.put(item)
                progress()
            else:
                done.complete = True
    except Exception as error:
        done.complete = False
        done.intake.tell(sentence_of(error))
        if not (isinstance(error, OSError) or is_for_users(error)):
            done.fault = error
    if done.keeper.scored and not done.keeper.confusion.counts.any():
        done.intake.tell("the truth has not one labelled pixel: nothing was scored")
    done.seconds = time.perf_counter() - begun_s
    return done


def _answered(
    frame: EvaluatedFrame, answerer: Answerer, done: Run
) -> tuple[EvaluatedFrame, Answer] | LostFrame:
    try:
        answer = answerer.answer(frame.frame)
    except FrameDropped as drop:
        done.dropped[drop.cause] += 1
        done.intake.tell(f"frames were dropped as {drop.cause}: {drop}")
    else:
        if answer is not None:
            return frame, answer
        done.dropped[NEVER_CAME] += 1
    return LostFrame(frame.truth)
