"""Ends the process in good order: on SIGINT, on SIGTERM and, if asked for, with its parent."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType

_CHECK_S = 1.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class EndRequest:
    """While entered, signals set `requested` instead of ending the process; main thread only.

    with_parent: also end when the process that started this one is gone. may_interrupt: while it
    returns True, a signal raises KeyboardInterrupt, to break off work that takes minutes, also one
    that came shortly before it began. wake: called on another thread, because a main thread that
    waits in native code runs no Python handler.
    """

    def __init__(self) -> None:
        self.with_parent = False
        self.may_interrupt: Callable[[], bool] = lambda: False
        self.wake: Callable[[], object] = lambda: None
        self._requested = threading.Event()

    @property
    def requested(self) -> bool:
        """Whether the process was asked to end."""
        return self._requested.is_set()

    def __enter__(self) -> EndRequest:
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)
        self._old_wakeup = signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        self._old_handlers = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        self._watcher = threading.Thread(target=self._watch, name="end_request", daemon=True)
        self._watcher.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._old_wakeup)
        os.close(self._write_end)
        self._watcher.join()
        os.close(self._read_end)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.may_interrupt():
            raise KeyboardInterrupt

    def _watch(self) -> None:
        parent = os.getppid()
        while True:
            readable, _, _ = select.select([self._read_end], [], [], _CHECK_S)
            if readable:
                numbers = os.read(self._read_end, 64)
                if not numbers:
                    return
                if any(number in _SIGNALS for number in numbers):
                    self._requested.set()
                    self.wake()
                continue
            is_orphan = self.with_parent and os.getppid() != parent
            # The signal came when there was nothing to break off yet.
            is_late = self.requested and self.may_interrupt()
            if is_orphan or is_late:
                os.kill(os.getpid(), signal.SIGTERM)
