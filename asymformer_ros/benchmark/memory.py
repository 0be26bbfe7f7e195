"""How much memory a process and the GPU hold."""

from __future__ import annotations

import re
import subprocess
from contextlib import suppress
from pathlib import Path

_QUERY = ("nvidia-smi", "--id=0", "--query-gpu=memory.used", "--format=csv,noheader,nounits")


def peak_mb() -> float:
    """The most memory that this process has held since `reset_peak`, in 10^6 bytes."""
    # Not getrusage: its figure begins with the parent's.
    status = Path("/proc/self/status").read_text()
    match = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    assert match is not None, "the kernel keeps VmHWM for every process"
    return int(match[1]) * 1024 / 1e6


def reset_peak() -> None:
    """Count from now on; where the kernel does not let us, from the start of the process."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def gpu_used_mb() -> float | None:
    """What all processes use of the first GPU, in 10^6 bytes; None where nobody can tell."""
    try:
        answer = subprocess.run(_QUERY, capture_output=True, text=True, timeout=10, check=True)
        return float(answer.stdout) * 2**20 / 1e6
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
