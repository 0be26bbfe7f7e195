"""All contenders in turn, round after round, so that what changes with time changes for all."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.benchmark.contender_process import (
    ContenderFailed,
    ContenderProcess,
    Frame,
    Turn,
)
from asymformer_ros.benchmark.contenders import Contender
from asymformer_ros.benchmark.memory import gpu_used_mb
from asymformer_ros.engines.engine import StageTimes
from asymformer_ros.engines.self_check import agreement

WARM_UP_ROUNDS = 2
ORDER_SEED = 0
# ONNX Runtime's threads spin for 25 ms after a frame, and would take cores from the next contender.
_PAUSE_S = 0.05
# Whose labels the others are compared with: the first of these that works.
_FLOAT32 = ("eager", "onnxruntime", "openvino", "torch")


@dataclass(frozen=True)
class Sample:
    """One timed frame. agreement: share of labels equal to float32, None where there is none."""

    round: int
    frame: int
    total_ms: float
    stages: StageTimes
    agreement: float | None


@dataclass
class Result:
    """What is known of a contender so far; failure: why there is nothing or nothing more.

    open_s: seconds until its first labels. memory_mb: most memory that its process held while it
    segmented. gpu_memory_mb: by how much the GPU's memory in use grew when it was opened.
    """

    contender: Contender
    precision: str = ""
    open_s: float | None = None
    memory_mb: float | None = None
    gpu_memory_mb: float | None = None
    samples: list[Sample] = field(default_factory=list)
    failure: str = ""


@dataclass(frozen=True)
class Outcome:
    """float32: name of the contender with whose labels all others are compared, empty if none."""

    results: list[Result]
    float32: str
    is_complete: bool


def run_rounds(
    contenders: Sequence[Contender],
    frames: Sequence[Frame],
    rounds: int,
    report: Callable[[str], None],
) -> Outcome:
    """Open every contender, then time one frame of each a round, in an order shuffled by round.

    report: takes a few words on what happens now. Whatever fails stays in the results with its
    reason. Ctrl-C ends the rounds early, not the call; before them it passes through.
    """
    results = [Result(contender) for contender in contenders]
    running: list[_Running] = []
    try:
        for result in results:
            report(f"opening {result.contender.name}")
            try:
                running.append(_Running(result, frames))
            except ContenderFailed as failure:
                result.failure = str(failure)
        float32, labels = _float32_labels(running, len(frames))
        order = random.Random(ORDER_SEED)
        is_complete = True
        try:
            for number in range(-WARM_UP_ROUNDS, rounds):
                what = f"round {number + 1} of {rounds}" if number >= 0 else "warming up"
                frame = number % len(frames)
                for one in order.sample(running, len(running)):
                    report(f"{what}: {one.result.contender.name}")
                    turn = one.turn(frame)
                    if turn is not None and number >= 0:
                        one.keep(turn, number, frame, labels.get(frame))
        except KeyboardInterrupt:
            is_complete = False
        return Outcome(results, float32, is_complete)
    finally:
        for one in running:
            one.process.close()


class _Running:
    """A contender that was opened; once it has failed its turns are empty."""

    def __init__(self, result: Result, frames: Sequence[Frame]) -> None:
        before = gpu_used_mb() if result.contender.device == "gpu" else None
        self.process = ContenderProcess(result.contender, frames)
        after = gpu_used_mb() if before is not None else None
        self.result = result
        result.precision = self.process.opened.precision
        result.open_s = self.process.opened.open_s
        if before is not None and after is not None:
            result.gpu_memory_mb = after - before

    def turn(self, frame: int) -> Turn | None:
        """One frame, or None if the contender has failed."""
        if self.result.failure:
            return None
        time.sleep(_PAUSE_S)
        try:
            return self.process.turn(frame)
        except ContenderFailed as failure:
            self.result.failure = str(failure)
            return None

    def keep(self, turn: Turn, number: int, frame: int, expected: NDArray[np.uint8] | None) -> None:
        """Add what a turn gave to the result."""
        agreed = None if expected is None else agreement(turn.labels, expected)
        self.result.memory_mb = turn.peak_mb  # of the whole time since it was opened
        self.result.samples.append(Sample(number, frame, turn.total_ms, turn.stages, agreed))


def _float32_labels(
    running: Sequence[_Running], frames: int
) -> tuple[str, dict[int, NDArray[np.uint8]]]:
    """Labels of every frame in float32, with the name of the contender that gave them."""
    by_name = {one.result.contender.name: one for one in running}
    for one in (by_name[name] for name in _FLOAT32 if name in by_name):
        turns = {frame: turn for frame in range(frames) if (turn := one.turn(frame)) is not None}
        if len(turns) == frames:
            name = one.result.contender.name
            return name, {frame: turn.labels for frame, turn in turns.items()}
    return "", {}
