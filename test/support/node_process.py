"""The node as a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import asymformer_ros

PATIENCE_S = 30.0
_SCRIPT = Path(__file__).parents[1] / "ros" / "node_under_test.py"


class NodeProcess:
    """node_under_test.py, its output kept line by line.

    launcher: Python code of a process between the test and the node, whose arguments are the
    node's command line.
    """

    def __init__(self, domain, *ros_arguments, launcher=None):
        command = [sys.executable, str(_SCRIPT), "--ros-args", *ros_arguments]
        if launcher is not None:
            command = [sys.executable, "-c", launcher, *command]
        package = str(Path(asymformer_ros.__file__).parents[1])
        self.process = subprocess.Popen(
            command,
            env=os.environ
            | {
                "ROS_DOMAIN_ID": str(domain),
                "RCUTILS_COLORIZED_OUTPUT": "0",
                "PYTHONPATH": package,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines = []
        self._changed = threading.Condition()
        self._at_end = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for_line(self, part):
        with self._changed:
            self._changed.wait_for(
                lambda: self._at_end or any(part in line for line in self.lines), PATIENCE_S
            )
            assert any(part in line for line in self.lines), f"no {part!r} in {self.lines}"

    def wait_for_end(self):
        """The exit code."""
        code = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return code

    def close(self):
        # First in good order: a killed process leaves its shared memory behind.
        for number in (signal.SIGINT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(self.process.pid, number)
                self.wait_for_end()

    def _read(self):
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.rstrip())
                self._changed.notify_all()
        with self._changed:
            self._at_end = True
            self._changed.notify_all()
