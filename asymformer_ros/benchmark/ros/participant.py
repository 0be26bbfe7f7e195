"""A process that takes part in a run: asked over a pipe, its output in a file."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any

#: Loading what is there to load, finding each other; machines under load take their time.
PATIENCE_S = 60.0
_POLL_S = 0.1
# A killed process leaves its shared memory behind, so it has a moment to end in good order.
_END_S = 5.0
_TAIL_LINES = 5


class ParticipantError(RuntimeError):
    """A process of a run failed; the message holds the last lines of its log."""


class Participant:
    """Runs `serve` with its end of a pipe in a new process, which is ended when left.

    serve: survives pickling; sends something when it is ready, then serves until None comes.
    folder: where ``<name>.log`` is written.
    """

    def __init__(self, name: str, serve: Callable[[Connection], None], folder: Path) -> None:
        self._name = name
        self._log = folder / f"{name}.log"
        # Not a fork: DDS has threads in this process, which a copy would lack.
        spawn = multiprocessing.get_context("spawn")
        self._connection, other_end = spawn.Pipe()
        self._process = spawn.Process(
            target=_run, args=(serve, other_end, str(self._log)), name=name, daemon=True
        )
        self._process.start()
        other_end.close()  # so that the end of the process is the end of the connection

    def __enter__(self) -> Participant:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()
        self._process.join(PATIENCE_S if kind is None else _END_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    @property
    def pid(self) -> int:
        """Number of the process."""
        assert self._process.pid is not None, "it was started"
        return self._process.pid

    def answer(self, *beside: Participant, limit_s: float = PATIENCE_S) -> Any:
        """What it sends next; raises ParticipantError if nothing comes or one beside it ends."""
        end_s = time.monotonic() + limit_s
        try:
            while not self._connection.poll(_POLL_S):
                if time.monotonic() > end_s:
                    raise self._error(f"gave no answer within {limit_s:.0f} s")
                for other in beside:
                    other.check()
            return self._connection.recv()
        except (EOFError, OSError):
            self._process.join(PATIENCE_S)
            raise self._error(f"ended with code {self._process.exitcode}") from None

    def check(self) -> None:
        """Raise ParticipantError if the process has ended."""
        if not self._process.is_alive():
            raise self._error(f"ended with code {self._process.exitcode}")

    def tell(self, question: object) -> None:
        """Send something that the next `answer` is for."""
        with suppress(OSError):  # it has ended: the answer says so
            self._connection.send(question)

    def end(self) -> Any:
        """Ask it to end; returns what it sends at its end. Raises ParticipantError."""
        self.tell(None)
        last = self.answer()
        self._process.join(PATIENCE_S)
        return last

    def cpu_s(self) -> float:
        """Seconds of CPU that all threads of the process have used so far."""
        # What clock_getcpuclockid(3) gives: nanoseconds, where /proc/<pid>/stat counts in 10 ms.
        return time.clock_gettime((~self.pid << 3) | 2)

    def _error(self, what: str) -> ParticipantError:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return ParticipantError("\n".join((f"{self._name} {what}:", *lines[-_TAIL_LINES:])))


def on_request(connection: Connection, act: Callable[[], object]) -> None:
    """Act, on a thread of its own, once the parent sends something or is gone.

    For processes whose main thread belongs to rclpy.
    """

    def wait() -> None:
        with suppress(EOFError, OSError):
            connection.recv()
        act()

    threading.Thread(target=wait, name="on_request", daemon=True).start()


def _run(serve: Callable[[Connection], None], connection: Connection, log: str) -> None:
    with open(log, "wb", buffering=0) as file:  # noqa: PTH123
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    with suppress(EOFError, ConnectionError):  # the parent is gone
        serve(connection)
