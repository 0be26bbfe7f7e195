"""Python code in another process, which it may end, crash or hang."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True)
class Ended:
    """How a process ended: its code, negative for a signal, and what it wrote."""

    code: int
    printed: str
    complaints: str

    @property
    def last_complaint(self) -> str:
        """The last line of its error output, of a traceback the exception; empty for none."""
        return next(iter(self.complaints.strip().splitlines()[::-1]), "")


def run_python(code: str, limit_s: float) -> Ended:
    """Run `code` with the modules that this process would find.

    By itself Python would look in the working directory first, and import whatever lies there.
    Raises subprocess.TimeoutExpired.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}; {code}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    try:
        printed, complaints = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        process.kill()
        # A process that hangs in the kernel does not even die; it must not hold up this one.
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=1.0)
        raise
    return Ended(process.returncode, printed, complaints)


def signal_name(number: int) -> str:
    """``SIGSEGV`` and the like."""
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
