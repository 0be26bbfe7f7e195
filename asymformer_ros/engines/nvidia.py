"""Whether TensorRT can run here: found out without hanging or ending this process.

A broken driver hangs, so it is asked on a thread that can be left behind; a broken TensorRT ends
its process, so it is tried in another.
"""

from __future__ import annotations

import ctypes
import json
import re
import subprocess
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from importlib.util import find_spec
from threading import Thread

from asymformer_ros.engines.engine import EngineError
from asymformer_ros.engines.other_process import run_python, signal_name

#: The first with the casts and the layer types that the half-precision graph needs.
OLDEST_TENSORRT = (8, 6)
#: The first use of a GPU after boot loads the driver and TensorRT's libraries, on a Jetson slowly.
PROBE_LIMIT_S = 120.0
#: For the driver alone; after a fault in its kernel module it never answers.
DRIVER_LIMIT_S = 30.0

_PACKAGES = {
    "tensorrt": "pip install tensorrt; on a Jetson JetPack has it, so make the virtual environment "
    "with --system-site-packages",
    "pycuda": "pip install pycuda, with the CUDA toolkit's bin folder on PATH",
    "onnx": "pip install onnx",
}

# What helps, where it is known, by the code of cuInit.
_INIT_HELP = {
    100: "no GPU is visible: see nvidia-smi and CUDA_VISIBLE_DEVICES",
    803: "the driver's library and its kernel module differ: restart the machine",
}

# Each engine on the GPU asks for it, and need not wait where the last one waited in vain.
_overdue: Future[Gpu] | None = None

_COMPUTE_CAPABILITY_MAJOR, _COMPUTE_CAPABILITY_MINOR = 75, 76


@dataclass(frozen=True)
class Gpu:
    """The first GPU: its name, compute capability ("8.7") and the CUDA version of its driver."""

    name: str
    compute_capability: str
    cuda: str


@dataclass(frozen=True)
class TensorRtPlatform:
    """What a TensorRT engine runs on, versions as text; fields of `Gpu` and of the packages.

    cuda_python is empty where it is not installed: then there is no CUDA graph.
    """

    gpu: str
    compute_capability: str
    cuda: str
    tensorrt: str
    pycuda: str
    cuda_python: str

    @property
    def key(self) -> str:
        """Name, good for files, of all that a plan depends on beside its graph."""
        text = f"trt{self.tensorrt}-{self.gpu}-sm{self.compute_capability}"
        return re.sub(r"[^A-Za-z0-9.]+", "-", text)


def require_gpu() -> Gpu:
    """The first GPU, from the driver alone.

    Raises EngineError where there is no driver, no GPU, or no answer within `DRIVER_LIMIT_S`; at
    once while a driver owes an answer to an earlier call.
    """
    global _overdue
    if _overdue is not None and not _overdue.done():
        raise _no_answer()
    answer: Future[Gpu] = Future()

    def ask() -> None:
        try:
            answer.set_result(_asked_gpu())
        except BaseException as error:
            answer.set_exception(error)

    Thread(target=ask, name="nvidia-driver", daemon=True).start()
    try:
        return answer.result(DRIVER_LIMIT_S)
    except FutureTimeoutError:
        _overdue = answer
        raise _no_answer() from None


def _no_answer() -> EngineError:
    return EngineError(
        f"the NVIDIA driver does not answer within {DRIVER_LIMIT_S:.0f} s: restart the machine"
    )


def _asked_gpu() -> Gpu:
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise EngineError(f"no NVIDIA driver: {error}") from error
    try:
        return _first_gpu(driver)
    except AttributeError as error:
        raise EngineError(f"the NVIDIA driver is broken: {error}") from error


def require_tensorrt() -> TensorRtPlatform:
    """The platform for TensorRT, or EngineError saying what is missing.

    Takes seconds: TensorRT is started in another process, since a broken installation ends the
    process that tries it.
    """
    gpu = require_gpu()
    for package, remedy in _PACKAGES.items():
        if find_spec(package) is None:
            raise EngineError(f"the Python package {package} is not installed: {remedy}")
    answer = _probed("from asymformer_ros.engines import nvidia_probe; nvidia_probe.main()")
    platform = TensorRtPlatform(gpu.name, gpu.compute_capability, gpu.cuda, **answer)
    if _release(platform.tensorrt) < OLDEST_TENSORRT:
        oldest = ".".join(map(str, OLDEST_TENSORRT))
        raise EngineError(f"TensorRT {platform.tensorrt} is too old: {oldest} or newer is needed")
    return platform


def _first_gpu(driver: ctypes.CDLL) -> Gpu:
    number, count, device = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    if code := driver.cuInit(0):
        hint = f": {_INIT_HELP[code]}" if code in _INIT_HELP else ""
        raise EngineError(f"the NVIDIA driver does not start (cuInit gives {code}){hint}")
    if driver.cuDeviceGetCount(ctypes.byref(count)) or count.value < 1:
        raise EngineError(f"the NVIDIA driver has no GPU: {_INIT_HELP[100]}")

    def ask(question: str, *arguments: object) -> None:
        if code := getattr(driver, question)(*arguments):
            raise EngineError(f"the NVIDIA driver does not answer ({question} gives {code})")

    def attribute(index: int) -> int:
        ask("cuDeviceGetAttribute", ctypes.byref(number), index, device)
        return number.value

    ask("cuDeviceGet", ctypes.byref(device), 0)
    name = ctypes.create_string_buffer(256)
    ask("cuDeviceGetName", name, len(name), device)
    major, minor = map(attribute, (_COMPUTE_CAPABILITY_MAJOR, _COMPUTE_CAPABILITY_MINOR))
    ask("cuDriverGetVersion", ctypes.byref(number))
    cuda = f"{number.value // 1000}.{number.value % 1000 // 10}"
    return Gpu(name.value.decode(errors="replace"), f"{major}.{minor}", cuda)


def _probed(code: str) -> dict[str, str]:
    """What the probe prints; EngineError where it fails, dies or hangs."""
    try:
        probe = run_python(code, PROBE_LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"TensorRT does not start within {PROBE_LIMIT_S:.0f} s") from error
    if probe.code < 0:
        raise EngineError(
            f"TensorRT ends its process with {signal_name(-probe.code)} (code "
            f"{probe.code}): TensorRT, CUDA and the driver do not fit together"
        )
    try:
        answer: dict[str, str] = json.loads(probe.printed.splitlines()[-1])
    except (ValueError, IndexError) as error:
        reason = probe.last_complaint or f"code {probe.code}"
        raise EngineError(f"TensorRT cannot be tried: {reason}") from error
    if "error" in answer:
        raise EngineError(answer["error"])
    return answer


def _release(version: str) -> tuple[int, int]:
    try:
        major, minor = version.split(".")[:2]
        return int(major), int(minor)
    except ValueError as error:
        raise EngineError(f"TensorRT names an unknown version {version!r}") from error
