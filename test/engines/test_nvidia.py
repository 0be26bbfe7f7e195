"""Finding out whether there is a GPU and TensorRT runs, each answer in a process of its own."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from stub_libraries import NEVER, require_contract_packages, require_no_driver, stub_driver

SUPPORT = Path(__file__).parents[1] / "support"

ASK = """
from asymformer_ros.engines import nvidia
nvidia.PROBE_LIMIT_S = {limit}
try:
    platform = nvidia.require_tensorrt()
except nvidia.EngineError as error:
    print("EngineError:", error)
else:
    print(platform, platform.key)
"""

ASK_TWICE = """
from asymformer_ros.engines import nvidia
for nvidia.DRIVER_LIMIT_S in (1, 1000):
    try:
        nvidia.require_gpu()
    except nvidia.EngineError as error:
        print(error, flush=True)
"""

PYCUDA = """
import sys
from one_gpu import GPU
sys.modules["pycuda.driver"] = GPU.driver
"""

TENSORRT = """
import sys
from fake_tensorrt import FakeTensorRt
from one_gpu import GPU
sys.modules["tensorrt"] = FakeTensorRt("10.3", GPU).module
"""

# The lean runtime has the runtime half of tensorrt's names.
LEAN = "from tensorrt_lean_bindings.tensorrt_lean import *"


class Machine:
    """A machine as a probe sees it: a driver or none, and packages beside the installed ones."""

    def __init__(self, folder):
        self.folder = folder
        self.path = [folder, SUPPORT]
        self.package("one_gpu", "from fake_cuda import FakeCuda\nGPU = FakeCuda()")
        self.package("cuda", "")  # hides the cuda-bindings that PyTorch for CUDA brings along
        self.package("pycuda", '__path__ = []\nVERSION_TEXT = "2026.1"\n' + PYCUDA)

    def package(self, name, source):
        (self.folder / f"{name}.py").write_text(source)

    def run(self, code):
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(map(str, self.path)),
            "LD_LIBRARY_PATH": str(self.folder),
        }
        return subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def answer(self, limit=120):
        done = self.run(ASK.format(limit=limit))
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.fixture
def with_gpu(machine):
    stub_driver(machine.folder)
    return machine


def test_no_driver_is_said_so(machine):
    require_no_driver()
    assert machine.answer().startswith("EngineError: no NVIDIA driver: libcuda.so.1: cannot open")


@pytest.mark.parametrize(
    "driver, said",
    [
        (
            {"init": 100},
            "does not start (cuInit gives 100): no GPU is visible: see nvidia-smi and "
            "CUDA_VISIBLE_DEVICES",
        ),
        ({"init": 999}, "does not start (cuInit gives 999)"),
        ({"gpus": 0}, "has no GPU: no GPU is visible: see nvidia-smi and CUDA_VISIBLE_DEVICES"),
    ],
)
def test_a_driver_without_a_gpu_says_why(machine, driver, said):
    stub_driver(machine.folder, **driver)
    assert machine.answer() == f"EngineError: the NVIDIA driver {said}"


def test_a_driver_that_never_answers_is_waited_for_once(machine):
    stub_driver(machine.folder, init=NEVER)
    done = machine.run(ASK_TWICE)
    assert done.stdout.splitlines() == [
        "the NVIDIA driver does not answer within 1 s: restart the machine",
        "the NVIDIA driver does not answer within 1000 s: restart the machine",
    ]
    assert done.returncode == 0, "the thread that hangs does not keep the process from ending"


def test_a_file_that_is_no_driver_is_said_so(machine):
    (machine.folder / "libcuda.so.1").write_bytes(b"no library")
    assert "no NVIDIA driver" in machine.answer() and "file too short" in machine.answer()


@pytest.mark.skipif(find_spec("tensorrt") is not None, reason="tensorrt is installed")
def test_a_missing_package_is_named_with_its_remedy(with_gpu):
    said = with_gpu.answer()
    assert said.startswith("EngineError: the Python package tensorrt is not installed: pip install")
    assert "JetPack" in said


def test_a_working_machine_is_described(with_gpu):
    with_gpu.package("tensorrt", TENSORRT)
    assert with_gpu.answer() == (
        "TensorRtPlatform(gpu='Orin (nvgpu)', compute_capability='8.7', cuda='12.6', "
        "tensorrt='10.3.0', pycuda='2026.1', cuda_python='') trt10.3.0-Orin-nvgpu-sm8.7"
    )


def test_tensorrt_that_is_too_old_is_said_so(with_gpu):
    with_gpu.package("tensorrt", TENSORRT + 'sys.modules["tensorrt"].__version__ = "8.5.3.1"')
    said = "EngineError: TensorRT 8.5.3.1 is too old: 8.6 or newer is needed"
    assert with_gpu.answer() == said


@pytest.mark.parametrize("error", ["ImportError", "RuntimeError", "AttributeError"])
def test_a_broken_installation_is_said_so(with_gpu, error):
    with_gpu.package("tensorrt", f"raise {error}('libnvinfer.so.10: no such file')")
    said = "EngineError: tensorrt cannot be imported: libnvinfer.so.10: no such file"
    assert with_gpu.answer() == said


def test_a_builder_that_refuses_is_said_so(with_gpu):
    with_gpu.package("tensorrt", TENSORRT + "del sys.modules['tensorrt'].Builder")
    assert with_gpu.answer().startswith("EngineError: tensorrt cannot start: ")


def test_a_gpu_that_pycuda_cannot_open_is_said_so(with_gpu):
    with_gpu.package("tensorrt", TENSORRT)
    with_gpu.package("pycuda", "raise ImportError('undefined symbol: cuCtxDetach')")
    said = "EngineError: pycuda cannot be imported: undefined symbol: cuCtxDetach"
    assert with_gpu.answer() == said


def test_what_a_package_prints_does_not_matter(with_gpu):
    with_gpu.package("tensorrt", "print('Hello from TensorRT', flush=True)\n" + TENSORRT)
    assert with_gpu.answer().startswith("TensorRtPlatform(")


def test_a_probe_that_ends_without_an_answer_is_an_error(with_gpu):
    with_gpu.package("tensorrt", "import os, sys; sys.stderr.write('no licence'); os._exit(3)")
    assert with_gpu.answer() == "EngineError: TensorRT cannot be tried: no licence"


def test_a_probe_that_hangs_is_ended(with_gpu):
    with_gpu.package("tensorrt", "import threading; threading.Event().wait()")
    assert with_gpu.answer(limit=2) == "EngineError: TensorRT does not start within 2 s"


def lean_runtime(machine):
    """NVIDIA's own TensorRT runtime, under the name that a full installation has."""
    machine.path.append(require_contract_packages())
    machine.package("tensorrt", LEAN)
    return machine


def test_the_real_runtime_crashes_without_a_driver(machine):
    """The reason for all this; the day it no longer does, the probe can go."""
    require_no_driver()
    done = lean_runtime(machine).run("import tensorrt as trt; trt.Runtime(trt.Logger())")
    assert done.returncode == -11


def test_the_real_runtime_without_a_driver_ends_in_an_error_not_a_crash(machine):
    require_no_driver()
    assert lean_runtime(machine).answer().startswith("EngineError: no NVIDIA driver: libcuda.so.1")


def test_the_real_runtime_under_a_driver_that_lies_crashes_in_the_probe_alone(with_gpu):
    said = lean_runtime(with_gpu).answer()
    assert said == (
        "EngineError: TensorRT ends its process with SIGSEGV (code -11): TensorRT, CUDA and the "
        "driver do not fit together"
    )
