"""A chain of engines that acts as one: whichever fails is replaced by the next."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.engines.engine import (
    Engine,
    EngineError,
    GpuLost,
    StageTimes,
    contiguous_frame,
    first_line,
    require_result,
)
from asymformer_ros.engines.engine_thread import EngineHung, EngineThread
from asymformer_ros.engines.self_check import CheckFrame, require_agreement
from asymformer_ros.network.profile import CheckpointError, Profile

_log = logging.getLogger(__name__)
#: An engine that takes longer than this for one frame hangs; slow CPUs need several seconds.
HANG_LIMIT_S = 20.0
# Its first frame may still load and tune what the others find ready.
_FIRST_FRAME_LIMIT_S = 120.0
# An engine that needs a second attempt for so many frames in a row is not fit for use.
_STUMBLES = 3
# Opening takes seconds, in which no frame is segmented.
_REOPEN_PERIOD_S = 10.0
_TELL_PERIOD_S = 5.0


@dataclass(frozen=True)
class Candidate:
    """An engine that may work here; open raises EngineError with the reason why it does not.

    on_gpu: hangs together with the others that are.
    """

    name: str
    open: Callable[[], Engine]
    on_gpu: bool = False


@dataclass(frozen=True)
class CheckedEngine:
    """An engine that has passed its self-check; agreement: share of labels equal to float32."""

    candidate: Candidate
    thread: EngineThread
    agreement: float


class FailoverEngine:
    """The first of the candidates that opens and passes its self-check, then whoever replaces it.

    check_frame: asked for once there is an engine to check. hang_limit_s: seconds for one frame.
    clock: a steady one, in seconds. Raises EngineError, with every reason, if none of them works,
    and CheckpointError.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        check_frame: Callable[[], CheckFrame],
        hang_limit_s: float = HANG_LIMIT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._candidates = list(candidates)
        self._check_frame = check_frame
        self._hang_limit_s = hang_limit_s
        self._clock = clock
        self._closed = False
        self._fault = ""
        self._stumbles = 0
        self._told_s = float("-inf")
        self._openings_s: deque[float] = deque(maxlen=len(self._candidates))
        #: (name, reason) of the engines passed over when the one in use was chosen.
        self.passed_over: tuple[tuple[str, str], ...] = ()
        self._in_use = self._open_first_of(self._candidates)

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
        if self._in_use.thread.is_closed:  # nothing worked when it was to be replaced
            self._open_again()
        for _ in range(len(self._candidates)):
            try:
                return self._infer_or_retry(*frame)
            except Exception as error:
                failure = error
                if not self._replace(error):
                    break
        raise EngineError(f"no engine segments this frame: {first_line(failure)}") from failure

    def close(self) -> None:
        """Free the engine, also while another thread is in `infer`; again does nothing."""
        self._closed = True
        self._in_use.thread.close()

    def _infer_or_retry(
        self, rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        try:
            result = self._infer_once(rgb, depth_m)
        except (EngineHung, GpuLost):  # to wait once more would double the standstill
            raise
        except Exception as error:
            self._stumbles += 1
            if self._stumbles > _STUMBLES:
                raise
            if self._clock() - self._told_s >= _TELL_PERIOD_S:
                self._told_s = self._clock()
                _log.warning("engine %s failed, trying once more: %s", self.name, first_line(error))
            return self._infer_once(rgb, depth_m)
        self._stumbles = 0
        return result

    def _infer_once(
        self, rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        labels, confidence = self._in_use.thread.infer(rgb, depth_m, self._hang_limit_s)
        require_result(labels, confidence, self.input_size)
        return labels, confidence

    def _replace(self, failure: Exception) -> bool:
        """Put another engine in the place of the one that failed; False if none is to be had now.

        Where no other works it is opened afresh; one that hangs stays in place, and may come back.
        """
        failed = self._in_use
        what = f"{self.name} {self.precision}"
        for_good = isinstance(failure, (EngineHung, GpuLost))
        others = [c for c in self._candidates if c is not failed.candidate]
        if for_good and failed.candidate.on_gpu:  # what needs the GPU would wait or fail as well
            others = [candidate for candidate in others if not candidate.on_gpu]
        if for_good and others:
            self._candidates = others
        may_open = bool(others) if for_good else self._may_open
        if not may_open:
            return False
        # Before the next is opened: two do not fit into a small GPU.
        failed.thread.close()
        self._in_use = self._open_first_of(others if for_good else [*others, failed.candidate])
        again = self._in_use.candidate is failed.candidate
        _log.error(
            "engine %s failed (%s): %s",
            what,
            first_line(failure),
            "opened again" if again else f"{self.name} {self.precision} takes over",
        )
        return True

    @property
    def _may_open(self) -> bool:
        """Each engine once in ten seconds: a frame that none can segment must not open them all."""
        return (
            len(self._openings_s) < len(self._candidates)
            or self._clock() - self._openings_s[0] >= _REOPEN_PERIOD_S
        )

    def _open_again(self) -> None:
        if self._clock() - self._openings_s[-1] < _REOPEN_PERIOD_S:
            raise EngineError(f"no engine is open: {self._fault}")
        self._in_use = self._open_first_of(self._candidates)
        _log.error("%s %s is opened again", self.name, self.precision)

    def _open_first_of(self, candidates: Sequence[Candidate]) -> CheckedEngine:
        self._openings_s.append(self._clock())
        passed_over = []
        gpu_fault = ""
        for candidate in candidates:
            if gpu_fault and candidate.on_gpu:
                passed_over.append((candidate.name, gpu_fault))
                continue
            try:
                opened = open_checked(candidate, self._check_frame)
            except CheckpointError:
                raise  # it is the weights that are wrong
            except Exception as error:
                passed_over.append((candidate.name, first_line(error)))
                if isinstance(error, GpuLost):
                    gpu_fault = first_line(error)
                continue
            if gpu_fault:
                self._candidates = [c for c in self._candidates if not c.on_gpu]
            if self._closed:
                opened.thread.close()
                raise EngineError(f"engine {candidate.name} is closed")
            self.passed_over = tuple(passed_over)
            self._stumbles = 0
            return opened
        self._fault = f"no engine works here: {reasons(passed_over)}"
        raise EngineError(self._fault)


def open_checked(candidate: Candidate, check_frame: Callable[[], CheckFrame]) -> CheckedEngine:
    """Open an engine on a thread of its own and hold it against float32.

    Raises EngineError or whatever else the engine raises.
    """
    thread = EngineThread(candidate.open)
    try:
        frame = check_frame()
        labels, confidence = thread.infer(frame.rgb, frame.depth_m, _FIRST_FRAME_LIMIT_S)
        require_result(labels, confidence, thread.engine.input_size)
        return CheckedEngine(candidate, thread, require_agreement(labels, frame.labels))
    except BaseException:
        thread.close()
        raise


def reasons(passed_over: Iterable[tuple[str, str]]) -> str:
    """``a, b (reason of both); c (its reason)``."""
    names: dict[str, list[str]] = {}
    for name, reason in passed_over:
        names.setdefault(reason, []).append(name)
    return "; ".join(f"{', '.join(group)} ({reason})" for reason, group in names.items())
