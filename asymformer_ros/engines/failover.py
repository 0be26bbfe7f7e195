"""A chain of engines that acts as one: whichever fails is replaced by the next."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.engines.engine import (
    Engine,
    EngineError,
    StageTimes,
    contiguous_frame,
    first_line,
    require_result,
)
from asymformer_ros.engines.engine_thread import EngineHung, EngineThread
from asymformer_ros.engines.self_check import CheckFrame, self_check
from asymformer_ros.network.profile import CheckpointError, Profile

_log = logging.getLogger(__name__)
#: An engine that takes longer than this for one frame hangs; slow CPUs need several seconds.
HANG_LIMIT_S = 20.0


@dataclass(frozen=True)
class Candidate:
    """An engine that may work here; open raises EngineError with the reason why it does not."""

    name: str
    open: Callable[[], Engine]


@dataclass(frozen=True)
class CheckedEngine:
    """An engine that has passed its self-check; agreement: share of labels equal to float32."""

    candidate: Candidate
    thread: EngineThread
    agreement: float


class FailoverEngine:
    """The first of the candidates that opens and passes its self-check, then whoever replaces it.

    check_frame: asked for once there is an engine to check. hang_limit_s: seconds for one frame.
    Raises EngineError, with every reason, if none of them works, and CheckpointError.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        check_frame: Callable[[], CheckFrame],
        hang_limit_s: float = HANG_LIMIT_S,
    ) -> None:
        #: (name, reason) of the engines passed over when the one in use was chosen.
        self.passed_over: tuple[tuple[str, str], ...] = ()
        # In the order in which they take over; the one in use is the last.
        self._candidates = deque(candidates)
        self._check_frame = check_frame
        self._hang_limit_s = hang_limit_s
        self._closed = False
        self._in_use = self._open_next()

    @property
    def name(self) -> str:
        """Name of the engine in use."""
        return self._in_use.thread.engine.name

    @property
    def precision(self) -> str:
        """Number format of the engine in use."""
        return self._in_use.thread.engine.precision

    @property
    def agreement(self) -> float:
        """Self-check of the engine in use: share of labels equal to float32."""
        return self._in_use.agreement

    @property
    def profile(self) -> Profile:
        """See `Engine.profile`; the same for every engine of the chain."""
        return self._in_use.thread.engine.profile

    @property
    def input_size(self) -> tuple[int, int]:
        """See `Engine.input_size`."""
        return self._in_use.thread.engine.input_size

    @property
    def stages(self) -> StageTimes:
        """See `Engine.stages`."""
        return self._in_use.thread.engine.stages

    def infer(
        self, rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """See `Engine.infer`. A failure is retried once, then the next engine takes over.

        Raises EngineError for a frame that none could segment; the next frame is tried again.
        """
        frame = contiguous_frame(rgb, depth_m, self.input_size)
        if self._closed:
            raise EngineError(f"engine {self.name} is closed")
        if self._in_use.thread.is_closed:  # nothing took over when it failed
            self._in_use = self._open_next()
        for _ in range(len(self._candidates)):
            try:
                return self._infer_or_retry(*frame)
            except Exception as error:
                failure = error
                self._replace(error)
        raise EngineError(f"no engine segments this frame: {first_line(failure)}") from failure

    def close(self) -> None:
        """Free the engine; calling it again does nothing."""
        if not self._closed:
            self._closed = True
            self._in_use.thread.close()

    def _infer_or_retry(
        self, rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        try:
            return self._infer_once(rgb, depth_m)
        except EngineHung:  # to wait once more would double the standstill
            raise
        except Exception as error:
            _log.warning("engine %s failed, trying once more: %s", self.name, first_line(error))
            return self._infer_once(rgb, depth_m)

    def _infer_once(
        self, rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        labels, confidence = self._in_use.thread.infer(rgb, depth_m, self._hang_limit_s)
        require_result(labels, confidence, self.input_size)
        return labels, confidence

    def _replace(self, failure: Exception) -> None:
        """Put the next engine that works in the place of the one that failed; EngineError if none.

        Alone, an engine is opened afresh; if it hangs it stays, and may come back.
        """
        failed = f"{self.name} {self.precision}"
        if isinstance(failure, EngineHung):
            if len(self._candidates) == 1:
                raise EngineError(f"engine {failed}: {failure}; there is no other") from failure
            self._candidates.remove(self._in_use.candidate)
        # Before the next is opened: two do not fit into a small GPU.
        self._in_use.thread.close()
        self._in_use = self._open_next()
        _log.error(
            "engine %s failed (%s): %s %s takes over",
            failed,
            first_line(failure),
            self.name,
            self.precision,
        )

    def _open_next(self) -> CheckedEngine:
        passed_over = []
        for _ in range(len(self._candidates)):
            candidate = self._candidates[0]
            self._candidates.rotate(-1)
            try:
                in_use = open_checked(candidate, self._check_frame)
            except CheckpointError:
                raise  # it is the weights that are wrong
            except Exception as error:
                passed_over.append((candidate.name, first_line(error)))
            else:
                self.passed_over = tuple(passed_over)
                return in_use
        raise EngineError(f"no engine works here: {reasons(passed_over)}")


def open_checked(candidate: Candidate, check_frame: Callable[[], CheckFrame]) -> CheckedEngine:
    """Open an engine on a thread of its own and hold it against float32.

    Raises EngineError or whatever else the engine raises.
    """
    agreements = []

    def open_and_check() -> Engine:
        engine = candidate.open()
        try:
            agreements.append(self_check(engine, check_frame()))
        except BaseException:
            engine.close()
            raise
        return engine

    thread = EngineThread(open_and_check)
    return CheckedEngine(candidate, thread, agreements[0])


def reasons(passed_over: Iterable[tuple[str, str]]) -> str:
    """``a, b (reason of both); c (its reason)``."""
    names: dict[str, list[str]] = {}
    for name, reason in passed_over:
        names.setdefault(reason, []).append(name)
    return "; ".join(f"{', '.join(group)} ({reason})" for reason, group in names.items())
