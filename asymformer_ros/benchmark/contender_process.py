"""A contender in a process of its own.

Its memory is its own, its threads wait while others are timed, and its crash or hang ends only it.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.benchmark.contenders import Contender, Timed
from asymformer_ros.benchmark.memory import peak_mb, reset_peak
from asymformer_ros.engines.engine import StageTimes, first_line
from asymformer_ros.engines.other_process import signal_name

#: Building a TensorRT engine on a small Jetson takes a good part of it.
OPEN_LIMIT_S = 3600.0
#: For a turn of two frames; the plain network at full size takes seconds for each on a slow CPU.
TURN_LIMIT_S = 120.0
_END_LIMIT_S = 5.0

Frame = tuple[NDArray[np.uint8], NDArray[np.float32]]
_Answer = TypeVar("_Answer")


class ContenderFailed(RuntimeError):
    """A contender does not work here or works no longer; the message says why."""


@dataclass(frozen=True)
class Opened:
    """A contender that has segmented its first frame. open_s: seconds from its import to there."""

    precision: str
    open_s: float


@dataclass(frozen=True)
class Turn:
    """One timed frame. peak_mb: most memory that the process held since it was opened."""

    total_ms: float
    stages: StageTimes
    labels: NDArray[np.uint8]
    peak_mb: float


@dataclass(frozen=True)
class _Failure:
    reason: str


class ContenderProcess:
    """Opens a contender in a new process; raises ContenderFailed.

    frames: rgb and depth as `Engine.infer` takes them, of which turns name one by its index.
    turn_limit_s: seconds after which a contender that gives no answer is ended.
    """

    def __init__(
        self, contender: Contender, frames: Sequence[Frame], turn_limit_s: float = TURN_LIMIT_S
    ) -> None:
        self._turn_limit_s = turn_limit_s
        # Not a fork: it would inherit the memory, the locks and the CUDA state of this process.
        spawn = multiprocessing.get_context("spawn")
        self._connection, other_end = spawn.Pipe()
        self._process = spawn.Process(
            target=_serve, args=(other_end, contender.open), name=contender.name, daemon=True
        )
        self._process.start()
        other_end.close()  # so that the end of the process is the end of the connection
        try:
            self.opened = self._ask(list(frames), Opened, OPEN_LIMIT_S)
        except BaseException:
            self._kill()
            raise

    def turn(self, frame: int) -> Turn:
        """Segment a frame twice, the second time timed; raises ContenderFailed.

        The first time brings caches, threads and clocks back from what other contenders did.
        """
        return self._ask(frame, Turn, self._turn_limit_s)

    def close(self) -> None:
        """End the process, by force if it does not end; calling it again does nothing."""
        with suppress(OSError):  # it has ended already
            self._connection.send(None)
        self._connection.close()  # one that is still answering must not wait for a reader
        self._process.join(_END_LIMIT_S)
        self._kill()

    def _ask(self, question: Any, expected: type[_Answer], limit_s: float) -> _Answer:
        try:
            self._connection.send(question)
            if not self._connection.poll(limit_s):
                self._kill()
                raise ContenderFailed(f"gave no answer within {limit_s:g} s")
            answer = self._connection.recv()
        except (EOFError, OSError) as error:
            self._process.join(_END_LIMIT_S)
            raise ContenderFailed(f"its process ended {_manner(self._process.exitcode)}") from error
        if isinstance(answer, _Failure):
            raise ContenderFailed(answer.reason)
        assert isinstance(answer, expected)
        return answer

    def _kill(self) -> None:
        if self._process.is_alive():
            self._process.kill()
            self._process.join(_END_LIMIT_S)
        self._connection.close()


def _manner(exit_code: int | None) -> str:
    if exit_code is None:
        return "without a trace"
    if exit_code >= 0:
        return f"with code {exit_code}"
    name = signal_name(-exit_code)
    hint = ", as the kernel does when memory runs out" if name == "SIGKILL" else ""
    return f"by {name}{hint}"


def _serve(connection: Connection, open_timed: Callable[[], Timed]) -> None:
    """Answer the parent until it asks for nothing more or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends us
    logging.basicConfig(format="%(message)s")
    logging.getLogger("asymformer_ros").setLevel(logging.INFO)
    with suppress(EOFError, ConnectionError):  # the parent is gone
        frames = connection.recv()
        try:
            timed = _open(connection, open_timed, frames[0])
            for index in iter(connection.recv, None):
                connection.send(_turn(timed, frames[index]))
            timed.close()
        except (EOFError, ConnectionError):
            raise
        except Exception as error:
            connection.send(_Failure(first_line(error)))


def _open(connection: Connection, open_timed: Callable[[], Timed], frame: Frame) -> Timed:
    started = time.perf_counter()
    timed = open_timed()
    timed.infer(*frame)
    opened_s = time.perf_counter() - started
    reset_peak()
    connection.send(Opened(timed.precision, opened_s))
    return timed


def _turn(timed: Timed, frame: Frame) -> Turn:
    timed.infer(*frame)
    started = time.perf_counter()
    labels = timed.infer(*frame)[0]
    total_ms = (time.perf_counter() - started) * 1e3
    return Turn(total_ms, timed.stages, labels, peak_mb())
