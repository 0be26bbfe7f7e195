"""What an evaluation is fed with: frames in the order of their stamps, and those that were lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.perception.frames import RgbdFrame

# A recording of bad images must not fill the memory with sentences.
_MOST_PROBLEMS = 20


@dataclass(frozen=True, eq=False)
class EvaluatedFrame:
    """One frame with its truth, if it has one: uint8 [H, W], 255 = void; name: see `FrameRow`."""

    name: str
    frame: RgbdFrame
    truth: NDArray[np.uint8] | None


@dataclass(frozen=True, eq=False)
class LostFrame:
    """A colour image that was not segmented, with its truth, if it has one."""

    truth: NDArray[np.uint8] | None


@dataclass
class Intake:
    """What a source received and what it lost, filled while its frames are read.

    dropped, dropped_depth: images by cause.
    """

    received_color: int = 0
    received_depth: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    dropped_depth: Counter[str] = field(default_factory=Counter)
    _problems: Counter[str] = field(default_factory=Counter)
    _untold: int = 0

    def tell(self, problem: str) -> None:
        """Note a sentence about what was lost or is doubtful; one told before is counted."""
        if problem in self._problems or len(self._problems) < _MOST_PROBLEMS:
            self._problems[problem] += 1
        else:
            self._untold += 1

    def leave_out_truth(self, reason: Exception) -> None:
        """Note why a frame is not scored though it should have a truth."""
        self.tell(f"truth was left out: {reason}")

    @property
    def problems(self) -> tuple[str, ...]:
        """What was told, in the order of discovery."""
        told = [
            problem if count == 1 else f"{problem} ({count} times)"
            for problem, count in self._problems.items()
        ]
        return (*told, *([f"and {self._untold} more such sentences"] if self._untold else []))


Frames: TypeAlias = "Generator[EvaluatedFrame | LostFrame, None, None]"


class FrameSource(Protocol):
    """Frames to evaluate, iterated once.

    total: how many there are at most. intake: complete when `frames` is exhausted or closed.
    """

    total: int
    intake: Intake

    def frames(self) -> Frames:
        """The frames, lost ones included; errors are those of the place that they come from."""
