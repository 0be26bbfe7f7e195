"""The CPUs, and how many threads are worth starting: containers ration time, unseen by runtimes."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

_CGROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def cpuinfo() -> str:
    """What the kernel says of the CPUs; empty where there is no /proc."""
    try:
        return Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        return ""


def cpu_features() -> list[str]:
    """The instruction sets of the CPUs as the kernel names them, such as ``avx512_bf16``."""
    line = re.search(r"^(?:flags|Features)\s*:(.*)$", cpuinfo(), re.MULTILINE)
    return line[1].split() if line else []


def allowed_cpus() -> int:
    """CPUs that this process may run on."""
    return len(os.sched_getaffinity(0))


def cpu_threads(cgroups: Path = _CGROUPS, membership: Path = _MEMBERSHIP) -> int:
    """CPUs that this process may use up: those it may run on, within its quota of time.

    `docker --cpus`, Kubernetes' limits and systemd's CPUQuota leave every CPU visible; with a
    thread on each, all of them stand still for the rest of each period once the quota is used up.
    cgroups, membership: where the kernel tells it, man 7 cgroups.
    """
    return min([allowed_cpus(), *map(math.ceil, _quotas(cgroups, membership))])


def _quotas(cgroups: Path, membership: Path) -> Iterator[float]:
    """The CPUs' worth of time that each control group around this process grants."""
    with suppress(OSError, ValueError):  # no control groups; not the form of man 7 cgroups
        for line in membership.read_text(errors="replace").splitlines():
            _, controllers, path = line.split(":", 2)
            # Seen from inside a container the path may be the host's: the root is the container's.
            for group in (PurePosixPath(path), *PurePosixPath(path).parents):
                folder = group.relative_to("/")
                if not controllers:
                    yield from _quota(cgroups / folder / "cpu.max")
                elif "cpu" in controllers.split(","):
                    for mount in {"cpu", controllers}:  # the first is a link on most systems
                        cpu = cgroups / mount / folder
                        yield from _quota(cpu / "cpu.cfs_quota_us", cpu / "cpu.cfs_period_us")


def _quota(*files: Path) -> Iterator[float]:
    """Quota over period, which version 2 writes into one file; nothing where there is none."""
    with suppress(OSError, ValueError):  # no such file; "max"
        quota, period = (int(word) for file in files for word in file.read_text().split())
        if quota > 0 and period > 0:
            yield quota / period
