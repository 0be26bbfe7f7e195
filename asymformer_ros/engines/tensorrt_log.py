"""What TensorRT says: its errors are kept for the exceptions that they explain."""

from __future__ import annotations

import logging
from collections import deque
from functools import cache
from types import ModuleType
from typing import Any

log = logging.getLogger("asymformer_ros.engines")


@cache
def collecting_logger(trt: ModuleType) -> Any:
    """The process's one ILogger: TensorRT keeps the first and complains about any other.

    Its `take_errors()` returns TensorRT's error messages since the last call, in one line.
    """
    errors: deque[str] = deque(maxlen=20)
    serious = (trt.ILogger.INTERNAL_ERROR, trt.ILogger.ERROR)

    base: Any = trt.ILogger

    class CollectingLogger(base):
        def __init__(self) -> None:
            base.__init__(self)  # the bindings ask for this very call

        def log(self, severity: Any, msg: str) -> None:
            if severity in serious:
                errors.append(msg)
            elif severity == trt.ILogger.WARNING:
                log.debug("TensorRT: %s", msg)

        @staticmethod
        def take_errors() -> str:
            text = "; ".join(errors) or "TensorRT gives no reason"
            errors.clear()
            return text

    return CollectingLogger()
