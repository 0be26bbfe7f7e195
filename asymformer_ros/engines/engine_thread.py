"""An engine on a thread of its own, where a hang can be left behind."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.engines.engine import Engine, EngineError, first_line

_log = logging.getLogger(__name__)
_CLOSE_LIMIT_S = 5.0

_Frame = tuple[NDArray[np.uint8], NDArray[np.float32]]
_Result = tuple[NDArray[np.uint8], NDArray[np.uint8]]
_abandoned = threading.local()


class EngineHung(EngineError):
    """The engine did not answer within the limit."""


def abandoned() -> threading.Event:
    """Set once nobody waits any more for the engine that the calling thread is opening."""
    event: threading.Event = getattr(_abandoned, "event", None) or threading.Event()
    return event


class EngineThread:
    """Opens, uses and closes one engine on one daemon thread: CUDA contexts belong to threads.

    open_engine: runs there, however long it takes; what it raises is raised here.
    """

    def __init__(self, open_engine: Callable[[], Engine]) -> None:
        self.is_closed = False
        self._frames: queue.SimpleQueue[tuple[_Frame, Future[_Result]] | None] = queue.SimpleQueue()
        self._in_work: Future[_Result] | None = None
        self._since_s = 0.0
        self._abandoned = threading.Event()
        opened: Future[Engine] = Future()
        # Not a ThreadPoolExecutor: at the end of the process it would wait for a hung engine.
        self._thread = threading.Thread(
            target=self._work, args=(open_engine, opened), name="engine", daemon=True
        )
        self._thread.start()
        try:
            self.engine: Engine = opened.result()
        except BaseException:  # an interrupt, too, must not leave an open engine behind
            self._abandoned.set()
            self._frames.put(None)
            raise

    def infer(
        self, rgb: NDArray[np.uint8], depth_m: NDArray[np.float32], limit_s: float
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """See `Engine.infer`; raises EngineHung after limit_s, and until the engine is back."""
        if self.is_closed:
            raise EngineError("the engine is closed")
        if self.is_busy:
            waited = time.monotonic() - self._since_s
            raise EngineHung(f"busy with one frame for {waited:.0f} s")
        self._since_s = time.monotonic()
        future = self._in_work = Future()
        self._frames.put(((rgb, depth_m), future))
        try:
            return future.result(limit_s)
        except FutureTimeoutError:
            if future.done():  # the engine itself raised it
                raise
            raise EngineHung(f"no answer within {limit_s:.0f} s") from None

    @property
    def is_busy(self) -> bool:
        """Whether the engine works on a frame."""
        return self._in_work is not None and not self._in_work.done()

    def close(self) -> None:
        """Close the engine on its thread and end that; one that is busy once it is back.

        Calling it again does nothing.
        """
        if self.is_closed:
            return
        self.is_closed = True
        busy = self.is_busy
        self._frames.put(None)
        if busy:
            _log.warning("engine %s is busy with a frame: it is left behind", self.engine.name)
            return
        self._thread.join(_CLOSE_LIMIT_S)
        if self._thread.is_alive():
            _log.warning("engine %s does not close", self.engine.name)

    def _work(self, open_engine: Callable[[], Engine], opened: Future[Engine]) -> None:
        _abandoned.event = self._abandoned
        try:
            engine = open_engine()
        except BaseException as error:
            opened.set_exception(_as_exception(error))
            return
        opened.set_result(engine)
        while (item := self._frames.get()) is not None:
            frame, future = item
            try:
                future.set_result(engine.infer(*frame))
            except BaseException as error:
                future.set_exception(_as_exception(error))
            # Before waiting for the next: frames are megabytes, and the future holds the result.
            del item, frame, future
        try:
            engine.close()
        except Exception as error:
            _log.warning("engine %s did not close: %s", engine.name, first_line(error))


def _as_exception(error: BaseException) -> Exception:
    """A panic of a runtime or an exit of a broken package must not end whoever waits."""
    if isinstance(error, Exception):
        return error
    return EngineError(f"{type(error).__name__}: {first_line(error)}")
