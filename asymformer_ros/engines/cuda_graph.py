"""A CUDA graph: one launch instead of some hundred, where cuda-python is installed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from asymformer_ros.engines.engine import first_line

log = logging.getLogger("asymformer_ros.engines")


class CudaGraph:
    """Work recorded from a stream; pycuda has no such thing (pycuda#343), cuda-python has.

    The driver API is used, not the runtime API: it needs no CUDA runtime as new as cuda-python.
    """

    def __init__(self, driver: Any, executable: Any, stream: int) -> None:
        self._driver, self._executable, self._stream = driver, executable, stream

    def launch(self) -> None:
        """Start the recorded work on the stream; raises RuntimeError."""
        _checked(self._driver, self._driver.cuGraphLaunch(self._executable, self._stream))

    def close(self) -> None:
        """Free the graph; again does nothing."""
        if self._executable is not None:
            self._driver.cuGraphExecDestroy(self._executable)
            self._executable = None


def captured(enqueue: Callable[[], None], stream: int) -> CudaGraph | None:
    """What `enqueue` puts on the stream, as a graph; None, and why in the log, where that fails.

    enqueue must have run once before, so that nothing is allocated during the capture.
    stream: handle of a non-blocking stream of the current context, with nothing left to do.
    """
    try:
        from cuda.bindings import driver
    except Exception as error:  # absent, or made for another driver
        log.info("tensorrt runs without a CUDA graph: %s", first_line(error))
        return None
    try:
        return CudaGraph(driver, _instantiated(driver, enqueue, stream), stream)
    except Exception as error:
        log.warning("tensorrt runs without a CUDA graph: %s", first_line(error))
        return None


def _instantiated(driver: Any, enqueue: Callable[[], None], stream: int) -> Any:
    mode = driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
    _checked(driver, driver.cuStreamBeginCapture(stream, mode))
    try:
        enqueue()
    except BaseException:
        # The stream takes no ordinary work until its capture has ended, however it ends.
        status, *graphs = driver.cuStreamEndCapture(stream)
        if status == driver.CUresult.CUDA_SUCCESS:
            driver.cuGraphDestroy(*graphs)
        raise
    graph = _checked(driver, driver.cuStreamEndCapture(stream))
    try:
        return _checked(driver, driver.cuGraphInstantiate(graph, 0))
    finally:
        driver.cuGraphDestroy(graph)


def _checked(driver: Any, answer: tuple[Any, ...]) -> Any:
    """The value in a driver's answer (status, value) or (status,); raises RuntimeError."""
    status, *values = answer
    if status != driver.CUresult.CUDA_SUCCESS:
        raise RuntimeError(f"the CUDA driver answered {status.name}")
    return values[0] if values else None
