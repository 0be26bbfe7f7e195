"""The machine and the software that a measurement holds for."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from asymformer_ros import __version__
from asymformer_ros.engines.cpu_threads import cpu_features, cpu_threads, cpuinfo
from asymformer_ros.engines.engine import EngineError
from asymformer_ros.engines.nvidia import require_gpu

_RUNTIMES = (
    "torch",
    "onnxruntime",
    "onnxruntime-gpu",
    "openvino",
    "tensorrt",
    "pycuda",
    "cuda-python",
    "numpy",
    "opencv-python-headless",
)
# Instructions that decide how fast a CPU multiplies matrices.
_FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "asimd", "bf16", "i8mm")


@dataclass(frozen=True)
class Machine:
    """cores: see `cpu_threads`. gpu: empty if none. runtimes: versions by package."""

    cpu: str
    cpu_features: tuple[str, ...]
    cores: int
    gpu: str
    system: str
    runtimes: dict[str, str]

    @property
    def processor(self) -> str:
        """The CPU with its number of cores, in words."""
        return f"{self.cpu}, {self.cores} core{'' if self.cores == 1 else 's'}"


def this_machine() -> Machine:
    """What this process runs on."""
    return Machine(
        cpu=_cpu(cpuinfo()),
        cpu_features=tuple(feature for feature in _FEATURES if feature in cpu_features()),
        cores=cpu_threads(),
        gpu=_gpu(),
        system=f"{platform.platform()}, Python {platform.python_version()}",
        runtimes=_versions(),
    )


def _cpu(cpus: str) -> str:
    if named := re.search(r"^model name\s*:\s*(.+)$", cpus, re.MULTILINE):
        return named[1].strip()
    board = Path("/proc/device-tree/model")  # ARM kernels name no CPU, but the board
    if board.is_file():
        return board.read_text(errors="replace").rstrip("\0\n")
    return platform.machine()


def _gpu() -> str:
    try:
        gpu = require_gpu()
    except EngineError:
        return ""
    return f"{gpu.name}, compute capability {gpu.compute_capability}, CUDA {gpu.cuda}"


def _versions() -> dict[str, str]:
    versions = {"asymformer_ros": __version__}
    for package in _RUNTIMES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
