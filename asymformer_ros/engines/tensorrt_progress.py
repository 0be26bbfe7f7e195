"""How far a TensorRT build is, told every few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Thread
from types import ModuleType, TracebackType
from typing import Any

INTERVAL_S = 5.0


@dataclass
class _Phase:
    parent: str | None
    steps: int
    done: int = 0


class BuildProgress:
    """Calls `say` with one line at once and then every `INTERVAL_S`, from a thread of its own.

    An exception of `say` stops the build and is raised by ``with``. TensorRT 8 has no progress
    monitor: there the lines tell the time alone, and the build ends before the exception comes.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self.cancelled: BaseException | None = None
        self._say = say
        self._phases: dict[str, _Phase] = {}
        self._started = time.monotonic()
        self._ended = Event()
        self._thread = Thread(target=self._tell_every_interval, name="tensorrt-build", daemon=True)

    def __enter__(self) -> BuildProgress:
        self._say("building TensorRT engine: takes minutes")
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        if self.cancelled is not None:
            raise self.cancelled

    @property
    def percent(self) -> int | None:
        """Share of the running top phase that is done (phases lie in phases); None without one."""
        tops = [name for name, phase in self._phases.copy().items() if phase.parent is None]
        return int(100 * max(map(self._fraction, tops))) if tops else None

    def monitor(self, trt: ModuleType) -> Any:
        """An IProgressMonitor that feeds this; only for a `trt` that has the class."""
        progress = self

        base: Any = trt.IProgressMonitor

        class Monitor(base):
            def __init__(self) -> None:
                base.__init__(self)  # the bindings ask for this very call

            def phase_start(self, phase_name: str, parent_phase: str | None, steps: int) -> None:
                progress._phases[phase_name] = _Phase(parent_phase, steps)

            def step_complete(self, phase_name: str, step: int) -> bool:
                phase = progress._phases.get(phase_name)
                if phase is not None:  # an exception cannot travel through TensorRT
                    phase.done = step + 1
                return progress.cancelled is None

            def phase_finish(self, phase_name: str) -> None:
                progress._phases.pop(phase_name, None)

        return Monitor()

    def _fraction(self, name: str) -> float:
        phases = self._phases.copy()  # TensorRT's threads change it meanwhile
        phase = phases.get(name)
        if phase is None:
            return 0.0
        inside = [other for other, child in phases.items() if child.parent == name]
        partly = max(map(self._fraction, inside), default=0.0)
        return min(1.0, (phase.done + partly) / max(1, phase.steps))  # some have no steps

    def _tell_every_interval(self) -> None:
        while not self._ended.wait(INTERVAL_S):
            try:
                seconds = time.monotonic() - self._started
                percent = self.percent
                share = "" if percent is None else f"{percent} % after "
                self._say(f"building TensorRT engine: {share}{seconds:.0f} s")
            except BaseException as error:
                self.cancelled = error
                return
