"""Shared libraries compiled for a test, in place of the NVIDIA ones that the machine lacks."""

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

#: Packages of NVIDIA whose names are checked or whose crash is provoked, apart from all others:
#: a `tensorrt` that other tests could import would change them.
CONTRACT = Path(sys.prefix) / "tensorrt-contract"

TENSORRT_EXPORTS = (
    "createInferBuilder_INTERNAL",
    "createInferRefitter_INTERNAL",
    "createInferRuntime_INTERNAL",
    "createNvOnnxParserRefitter_INTERNAL",
    "createNvOnnxParser_INTERNAL",
    "getBuilderPluginRegistry",
    "getNvOnnxParserVersion",
    "getPluginRegistry",
    "initLibNvInferPlugins",
)

#: What cuInit answers in a driver that hangs, as C.
NEVER = "({ for (;;) pause(); 0; })"

_DRIVER = """
#include <string.h>
#include <unistd.h>
int cuInit(unsigned flags) {{ return {init}; }}
int cuDeviceGetCount(int *count) {{ *count = {gpus}; return 0; }}
int cuDeviceGet(int *device, int index) {{ *device = index; return 0; }}
int cuDeviceGetName(char *name, int n, int of) {{ strncpy(name, "Orin (nvgpu)", n); return 0; }}
int cuDeviceGetAttribute(int *value, int at, int of) {{ *value = at == 75 ? 8 : 7; return 0; }}
int cuDriverGetVersion(int *version) {{ *version = 12060; return 0; }}
"""

# cuda-python asks the driver for each of its functions by name.
_GRAPH_DRIVER = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#define SAY(...) (printf(__VA_ARGS__), fflush(stdout), 0)
typedef unsigned long long u64;
int cuInit(unsigned flags) { return 0; }
int cuDriverGetVersion(int *version) { *version = 13000; return 0; }
int cuStreamBeginCapture(void *stream, int mode) {
  return SAY("begin %p mode %d\\n", stream, mode);
}
int cuStreamEndCapture(void *stream, void **graph) {
  *graph = (void *)0x77;
  return SAY("end %p\\n", stream);
}
int cuGraphInstantiateWithFlags(void **executable, void *graph, u64 flags) {
  *executable = (void *)0x99;
  return SAY("instantiate %p flags %llu\\n", graph, flags);
}
int cuGraphLaunch(void *executable, void *stream) {
  SAY("launch %p on %p\\n", executable, stream);
  return 700;
}
int cuGraphExecDestroy(void *executable) { return SAY("destroy executable %p\\n", executable); }
int cuGraphDestroy(void *graph) { return SAY("destroy graph %p\\n", graph); }
int cuGetProcAddress_v2(const char *name, void **function, int version, u64 flags, int *status) {
  Dl_info self;
  dladdr(cuGetProcAddress_v2, &self);
  *function = dlsym(dlopen(self.dli_fname, RTLD_NOW), name);
  if (status) *status = *function ? 0 : 1;
  return *function ? 0 : 500;
}
"""


def require_contract_packages():
    """The folder of NVIDIA's packages; skips the test where it is absent."""
    if not CONTRACT.is_dir():
        pytest.skip(f"NVIDIA's packages are not in {CONTRACT.name} next to the environment")
    return CONTRACT


def require_no_driver():
    """Skips the test on a machine that has what the test needs to be missing."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return
    pytest.skip("this machine has an NVIDIA driver")


def stub_tensorrt(folder, major):
    """TensorRT's three libraries: enough for its bindings to be imported, but every call fails."""
    source = "".join(f"void *{name}(void) {{ return 0; }}\n" for name in TENSORRT_EXPORTS)
    for name in ("nvinfer", "nvinfer_plugin", "nvonnxparser"):
        _compile(source, folder / f"lib{name}.so.{major}")


def stub_driver(folder, init=0, gpus=1):
    """A libcuda.so.1 that says it has an Orin; init: what cuInit answers, or `NEVER`."""
    _compile(_DRIVER.format(init=init, gpus=gpus), folder / "libcuda.so.1")


def stub_graph_driver(folder):
    """A libcuda.so.1 that prints what it is asked about graphs; a launch is an illegal address."""
    _compile(_GRAPH_DRIVER, folder / "libcuda.so.1")


def _compile(source, library):
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    command = ["gcc", "-shared", "-fPIC", "-w", f"-Wl,-soname,{library.name}", "-x", "c", "-"]
    subprocess.run([*command, "-o", library, "-ldl"], input=source, text=True, check=True)
