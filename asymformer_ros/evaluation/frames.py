"""What an evaluation is fed with: frames in the order of their stamps, and those that were lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.perception.frames import RgbdFrame


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

    dropped, dropped_depth: images by cause. problems: sentences, in the order of their discovery.
    """

    received_color: int = 0
    received_depth: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    dropped_depth: Counter[str] = field(default_factory=Counter)
    problems: dict[str, None] = field(default_factory=dict)

    def tell(self, problem: str) -> None:
        """Add a sentence, once."""
        self.problems[problem] = None


Frames: TypeAlias = "Generator[EvaluatedFrame | LostFrame, None, None]"


class FrameSource(Protocol):
    """Frames to evaluate, iterated once.

    total: how many there are at most. intake: complete when `frames` is exhausted or closed.
    """

    total: int
    intake: Intake

    def frames(self) -> Frames:
        """The frames, lost ones included; errors are those of the place that they come from."""
