"""A trial of the real node: a camera process, the node's process, and an observer in this one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

from asymformer_ros.ros.observer import Observer

_START_S = 300.0
_QUIET_S = 2.5
_END_S = 15.0
_PROGRESS_S = 1.0
_PROFILE = "FASTRTPS_DEFAULT_PROFILES_FILE"


class TrialError(RuntimeError):
    """A process of the trial failed; the message holds the last lines of its log."""


def ros_node(
    executable: str, parameters: Mapping[str, object], remappings: Mapping[str, str] | None = None
) -> list[str]:
    """Command line of a node of this package, run by this Python."""
    command = [sys.executable, "-c", _RUN, executable, "--ros-args"]
    for name, value in parameters.items():
        # JSON is YAML: quoted, a path that looks like a number or holds a colon stays text.
        command += ["-p", f"{name}:={json.dumps(value, ensure_ascii=False)}"]
    for old, new in (remappings or {}).items():
        command += ["-r", f"{old}:={new}"]
    return command


_RUN = (
    "import sys, importlib; name = sys.argv.pop(1); "
    "module = importlib.import_module(f'asymformer_ros.ros.{name}'); "
    "sys.exit(getattr(module, 'program', module.main)())"
)


class Child:
    """A process whose output goes to a file; ended with SIGINT when left."""

    def __init__(self, name: str, command: list[str], folder: Path) -> None:
        self.name = name
        self._log_path = folder / f"{name}.log"
        self._log = self._log_path.open("wb")
        self._process = subprocess.Popen(command, stdout=self._log, stderr=subprocess.STDOUT)

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()
        self._log.close()

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def end(self) -> None:
        """Ask the process to end and wait for it."""
        if self.is_running:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def check(self) -> None:
        """Raise TrialError if the process has failed."""
        if self._process.poll():
            lines = self._log_path.read_text(errors="replace").strip().splitlines()
            tail = "\n".join(lines[-5:])
            raise TrialError(f"{self.name} ended with code {self._process.returncode}:\n{tail}")


@dataclass(frozen=True)
class Trial:
    """camera, node: command lines. folder: where their logs go. overlay_from_s: when, after the
    first label image, the observer subscribes to the overlay.
    """

    camera: list[str]
    node: list[str]
    folder: Path
    overlay_from_s: float

    def run(self, observer: Observer, progress: Callable[[float], None]) -> None:
        """Play the camera to its end, then end the node and wait for its last report.

        progress: called about once a second with the seconds since the first label image; 0 before.
        Raises TrialError.
        """
        executor = SingleThreadedExecutor()
        executor.add_node(observer)
        with (
            Child("segmentation_node", self.node, self.folder) as node,
            Child("camera", self.camera, self.folder) as camera,
        ):
            self._play(executor, observer, (node, camera), progress)
            self._wait_until_idle(executor, observer)
            node.check()
            node.end()
            _spin_for(executor, 0.5)
            if not observer.seen.report:
                raise TrialError(f"the node never reported: see {self.folder}/*.log")
        executor.shutdown()

    def _play(
        self,
        executor: SingleThreadedExecutor,
        observer: Observer,
        children: tuple[Child, Child],
        progress: Callable[[float], None],
    ) -> None:
        node, camera = children
        started = told = time.monotonic()
        first: float | None = None
        watching = False
        while camera.is_running:
            _spin_once(executor, 0.2)
            node.check()
            if not node.is_running:
                raise TrialError(f"the node ended: see {self.folder}/segmentation_node.log")
            now = time.monotonic()
            if first is None and observer.seen.arrival_s:
                first = now
            if not observer.seen.report and now - started > _START_S:
                raise TrialError(f"no node after {_START_S:.0f} s: see {self.folder}/*.log")
            if first is not None and not watching and now - first > self.overlay_from_s:
                observer.watch_overlay()
                watching = True
            if now - told > _PROGRESS_S:
                told = now
                progress(0.0 if first is None else now - first)
        camera.check()

    def _wait_until_idle(self, executor: SingleThreadedExecutor, observer: Observer) -> None:
        """Until no label image has come for a moment: the worker may hold the last pair."""
        count, since = -1, time.monotonic()
        while time.monotonic() - since < _QUIET_S:
            _spin_once(executor, 0.2)
            if len(observer.seen.arrival_s) != count:
                count, since = len(observer.seen.arrival_s), time.monotonic()


def _spin_for(executor: SingleThreadedExecutor, seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        _spin_once(executor, left)


def _spin_once(executor: SingleThreadedExecutor, timeout_s: float) -> None:
    try:
        executor.spin_once(timeout_sec=timeout_s)
    except ExternalShutdownException:  # rclpy has taken the SIGINT for itself
        raise KeyboardInterrupt from None


def isolate(profile: Path) -> None:
    """Keep this process and its children to a DDS domain of their own, from Jazzy on this machine.

    profile: Fast DDS profile with shared memory large enough for images. Call it before rclpy
    starts. Topics of a robot that is running must not mix with those of a trial.
    """
    os.environ[_PROFILE] = str(profile)
    os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    rclpy.init()


def join(profile: Path) -> None:
    """Start rclpy in the DDS domain of the environment; profile as in `isolate`, if none is set."""
    os.environ.setdefault(_PROFILE, str(profile))
    rclpy.init()
