"""The proof that an engine computes the network: its labels against those of float32.

Half precision can be silently wrong: with a sum that overflows, 52 % of the labels were right and
no value was NaN.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.engines.engine import EngineError
from asymformer_ros.network.profile import CheckpointError
from asymformer_ros.perception.frames import UNLABELLED

#: Share of the pixels on which an engine must agree with float32.
MINIMUM_AGREEMENT = 0.99
# A view of a furnished room with many classes in it.
_ROOM_SEED = 7

#: rgb and depth_m as in `Engine.infer` to labels.
Labels = Callable[[NDArray[np.uint8], NDArray[np.float32]], NDArray[np.uint8]]


@dataclass(frozen=True)
class CheckFrame:
    """One frame and what float32 says of it: rgb, depth_m as in `Engine.infer`, labels uint8."""

    rgb: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    labels: NDArray[np.uint8]

    def to_bytes(self) -> bytes:
        """As a file content; see `from_bytes`."""
        file = io.BytesIO()
        np.savez_compressed(file, rgb=self.rgb, depth_m=self.depth_m, labels=self.labels)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> CheckFrame:
        """Read what `to_bytes` wrote."""
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return cls(arrays["rgb"], arrays["depth_m"], arrays["labels"])


def make_check_frame(size: tuple[int, int], float32: Labels) -> CheckFrame:
    """A simulated room, holes in its depth included, and what float32 says of it.

    size: height and width of the network's frame. Raises CheckpointError if that is nothing.
    """
    from asymformer_ros.simulation import Intrinsics, random_view

    height, width = size
    view = random_view(_ROOM_SEED, Intrinsics().scaled(width, height))
    labels = float32(view.rgb, view.depth_m)
    if (labels == UNLABELLED).all():
        raise CheckpointError("the weights give no numbers, only NaN: take another checkpoint")
    return CheckFrame(view.rgb, view.depth_m, labels)


def agreement(labels: NDArray[np.uint8], expected: NDArray[np.uint8]) -> float:
    """Share of equal labels, 0 to 1; an unlabelled pixel agrees with nothing."""
    return float(((labels == expected) & (labels != UNLABELLED)).mean())


def require_agreement(labels: NDArray[np.uint8], expected: NDArray[np.uint8]) -> float:
    """The agreement; raises EngineError below `MINIMUM_AGREEMENT`."""
    found = agreement(labels, expected)
    if found < MINIMUM_AGREEMENT:
        raise EngineError(
            f"self-check {percent(found)} < {100 * MINIMUM_AGREEMENT:.0f}% "
            "of the labels equal to float32"
        )
    return found


def percent(share: float) -> str:
    """Rounded down: 99.996 % must not read like all."""
    return f"{math.floor(share * 10000) / 100:.2f}%"
