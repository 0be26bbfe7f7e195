"""How the GPUs are read: a stand-in for pynvml, the real one on a stub of the driver, and hangs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace

import pytest

from asymformer_ros.ros import gpu_usage
from asymformer_ros.ros.gpu_usage import GpuMeter, GpuUsage, read_gpus

# NVIDIA's management library with two GPUs, the second of which is as silent as a Jetson's.
DRIVER = """
#include <string.h>
int nvmlInitWithFlags(unsigned flags) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
  *device = (void *)(index + 1UL);
  return 0;
}
int nvmlDeviceGetName(void *device, char *name, unsigned size) {
  strncpy(name, device == (void *)1 ? "NVIDIA RTX A2000" : "Orin (nvgpu)", size);
  return 0;
}
int nvmlDeviceGetMemoryInfo(void *device, unsigned long long *total_free_used) {
  total_free_used[2] = 1500000000;
  return device == (void *)1 ? 0 : 3;
}
int nvmlDeviceGetUtilizationRates(void *device, unsigned *gpu_memory) {
  gpu_memory[0] = 87;
  return device == (void *)1 ? 0 : 3;
}
"""
USAGE = [GpuUsage("NVIDIA RTX A2000", 1500.0, 87), GpuUsage("Orin (nvgpu)", None, None)]


class NVMLError(Exception):
    pass


def silent_after(first):
    def read(handle):
        if handle == 1:
            raise NVMLError("Not Supported")
        return first

    return read


STAND_IN = {
    "NVMLError": NVMLError,
    "nvmlInit": lambda: None,
    "nvmlDeviceGetCount": lambda: 2,
    "nvmlDeviceGetHandleByIndex": lambda index: index,
    "nvmlDeviceGetName": lambda handle: USAGE[handle].name,
    "nvmlDeviceGetMemoryInfo": silent_after(SimpleNamespace(used=1_500_000_000)),
    "nvmlDeviceGetUtilizationRates": silent_after(SimpleNamespace(gpu=87)),
}


@pytest.fixture
def nvml(monkeypatch):
    """The stand-in, imported afresh by the code under test."""
    gpu_usage._initialised_nvml.cache_clear()
    module = ModuleType("pynvml")
    vars(module).update(STAND_IN)
    monkeypatch.setitem(sys.modules, "pynvml", module)
    yield module
    gpu_usage._initialised_nvml.cache_clear()


def test_each_gpu_is_read_and_what_its_driver_does_not_tell_is_none(nvml):
    assert read_gpus() == USAGE


def test_the_names_of_old_versions_are_bytes(nvml):
    nvml.nvmlDeviceGetName = lambda handle: b"Tesla T4"

    assert [gpu.name for gpu in read_gpus()] == ["Tesla T4", "Tesla T4"]


@pytest.mark.parametrize(
    "function",
    ["nvmlInit", "nvmlDeviceGetCount", "nvmlDeviceGetHandleByIndex", "nvmlDeviceGetName"],
)
def test_a_failure_leaves_everything_out_and_the_next_reading_tries_again(nvml, function):
    working = getattr(nvml, function)

    def fail(*arguments):
        raise NVMLError("Driver Not Loaded")

    setattr(nvml, function, fail)
    assert read_gpus() == []

    setattr(nvml, function, working)
    assert read_gpus() == USAGE


def test_without_the_package_there_is_nothing(nvml, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)

    assert read_gpus() == []


@pytest.mark.skipif(find_spec("pynvml") is None, reason="needs pynvml: pip install nvidia-ml-py")
def test_the_real_package_has_what_the_stand_in_has():
    import pynvml

    assert [name for name in STAND_IN if not hasattr(pynvml, name)] == []
    assert "used" in dict(pynvml.c_nvmlMemory_t._fields_)
    assert "gpu" in dict(pynvml.c_nvmlUtilization_t._fields_)


@pytest.mark.skipif(find_spec("pynvml") is None, reason="needs pynvml: pip install nvidia-ml-py")
@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc for a stub of the driver")
def test_the_real_package_reads_a_driver(tmp_path):
    library = tmp_path / "libnvidia-ml.so.1"
    compiler = ["gcc", "-shared", "-fPIC", "-w", "-x", "c", "-", "-o", str(library)]
    subprocess.run(compiler, input=DRIVER, text=True, check=True)
    code = f"from asymformer_ros.ros.gpu_usage import *; print(read_gpus() == {USAGE!r})"
    environment = os.environ | {
        "LD_LIBRARY_PATH": f"{tmp_path}:{os.environ.get('LD_LIBRARY_PATH', '')}",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }

    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout == "True\n"


def test_the_meter_gives_what_was_read_since_it_was_asked_last():
    meter = GpuMeter(read=lambda: USAGE)

    assert meter.latest() == []
    meter._reader.join()
    assert meter.latest() == USAGE


def test_a_driver_that_hangs_holds_up_nobody_and_is_asked_again_when_it_comes_back():
    answer = threading.Event()
    readings = []

    def read():
        readings.append(1)
        answer.wait()
        return USAGE

    meter = GpuMeter(read)
    assert [meter.latest() for _ in range(5)] == [[]] * 5

    answer.set()
    meter._reader.join()
    assert len(readings) == 1
    assert meter.latest() == USAGE
