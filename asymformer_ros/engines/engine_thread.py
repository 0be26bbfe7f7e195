"""An engine on a thread of its own, where a hang can be left behind."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.engines.engine import Engine, EngineError

_log = logging.getLogger(__name__)
_CLOSE_LIMIT_S = 5.0

_Result = TypeVar("_Result")
_Task = tuple[Callable[[], Any], "Future[Any]"]


class EngineHung(EngineError):
    """The engine did not answer within the limit."""


class EngineThread:
    """Opens, uses and closes one engine on one daemon thread: CUDA contexts belong to threads.

    open_engine: runs there, however long it takes; what it raises is raised here.
    """

    def __init__(self, open_engine: Callable[[], Engine]) -> None:
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        # Not a ThreadPoolExecutor: at the end of the process it would wait for a hung engine.
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)
        self._thread.start()
        self._pending: Future[Any] | None = None
        self._since_s = 0.0
        self.is_closed = False
        try:
            self.engine: Engine = self._submit(open_engine).result()
        except BaseException:
            self._tasks.put(None)
            raise

    def infer(
        self, rgb: NDArray[np.uint8], depth_m: NDArray[np.float32], limit_s: float
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """See `Engine.infer`; raises EngineHung after limit_s, and until the engine is back."""
        if self.is_busy:
            waited = time.monotonic() - self._since_s
            raise EngineHung(f"{self.engine.name} is busy with one frame for {waited:.0f} s")
        return self._run(lambda: self.engine.infer(rgb, depth_m), limit_s)

    @property
    def is_busy(self) -> bool:
        """Whether the engine still works on a frame that was given up."""
        return self._pending is not None and not self._pending.done()

    def close(self) -> None:
        """Close the engine and end the thread; an engine that hangs is left behind."""
        self.is_closed = True
        if self.is_busy:
            _log.error("engine %s hangs: it is left behind", self.engine.name)
        else:
            try:
                self._run(self.engine.close, _CLOSE_LIMIT_S)
            except Exception as error:
                _log.warning("engine %s did not close: %s", self.engine.name, error)
        self._tasks.put(None)

    def _run(self, task: Callable[[], _Result], limit_s: float) -> _Result:
        self._since_s = time.monotonic()
        future = self._pending = self._submit(task)
        try:
            return future.result(limit_s)
        except FutureTimeoutError:
            if future.done():  # the engine itself raised it
                raise
            raise EngineHung(f"no answer within {limit_s:.0f} s") from None

    def _submit(self, task: Callable[[], _Result]) -> Future[_Result]:
        future: Future[_Result] = Future()
        self._tasks.put((task, future))
        return future

    def _work(self) -> None:
        while (item := self._tasks.get()) is not None:
            task, future = item
            try:
                future.set_result(task())
            except BaseException as error:
                future.set_exception(error)
            # Before waiting for the next: frames are megabytes, and the future holds the result.
            del item, task, future
