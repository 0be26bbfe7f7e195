"""How busy the GPUs are, by NVIDIA's management library, where nvidia-ml-py is installed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from threading import Thread
from types import ModuleType


@dataclass(frozen=True)
class GpuUsage:
    """One GPU; None is what its driver does not tell, as on a Jetson.

    memory_used_mb: by all processes. utilisation_percent: of the last moment.
    """

    name: str
    memory_used_mb: float | None
    utilisation_percent: int | None


def read_gpus() -> list[GpuUsage]:
    """Every GPU, empty where there is none or it cannot be asked; a broken driver may hang."""
    with suppress(Exception):
        nvml = _initialised_nvml()
        return [_read(nvml, index) for index in range(nvml.nvmlDeviceGetCount())]
    return []


class GpuMeter:
    """Reads the GPUs on a thread of its own, so that a hanging driver holds up nobody.

    read: see `read_gpus`.
    """

    def __init__(self, read: Callable[[], list[GpuUsage]] = read_gpus) -> None:
        self._read = read
        self._reader: Thread | None = None
        self._usage: list[GpuUsage] = []

    def latest(self) -> list[GpuUsage]:
        """What has been read since the last call, and have it read anew; empty while it hangs.

        Where the first reading found no GPU there is no second.
        """
        if self._reader is not None and (self._reader.is_alive() or not self._usage):
            return []
        usage, self._usage = self._usage, []
        self._reader = Thread(target=self._keep, name="gpu_usage", daemon=True)
        self._reader.start()
        return usage

    def _keep(self) -> None:
        self._usage = self._read()


@cache
def _initialised_nvml() -> ModuleType:
    import pynvml

    pynvml.nvmlInit()
    return pynvml


def _read(nvml: ModuleType, index: int) -> GpuUsage:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    name = nvml.nvmlDeviceGetName(handle)
    memory_used_mb, utilisation = None, None
    with suppress(nvml.NVMLError):
        memory_used_mb = nvml.nvmlDeviceGetMemoryInfo(handle).used / 1e6
    with suppress(nvml.NVMLError):
        utilisation = int(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
    # Versions before 11.5 give bytes.
    return GpuUsage(name.decode() if isinstance(name, bytes) else name, memory_used_mb, utilisation)
