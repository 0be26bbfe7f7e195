"""What the rooms below ROS log with Python's logging, in the node's own log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from rclpy.impl.rcutils_logger import RcutilsLogger


class _Forwarder(logging.Handler):
    def __init__(self, logger: RcutilsLogger) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        # One call for each level: rclpy ties a severity to the line that logs with it.
        if record.levelno >= logging.ERROR:
            self._logger.error(record.getMessage())
        elif record.levelno >= logging.WARNING:
            self._logger.warning(record.getMessage())
        else:
            self._logger.info(record.getMessage())


@contextmanager
def forwarded_to(logger: RcutilsLogger) -> Iterator[None]:
    """While it lasts, whatever this package logs from INFO on goes to `logger`."""
    package = logging.getLogger("asymformer_ros")
    forwarder = _Forwarder(logger)
    before = package.level, package.propagate
    package.addHandler(forwarder)
    package.setLevel(logging.INFO)
    package.propagate = False
    try:
        yield
    finally:
        package.removeHandler(forwarder)
        package.level, package.propagate = before
