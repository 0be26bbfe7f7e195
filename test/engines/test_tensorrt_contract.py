"""The records that the fakes are made of, against NVIDIA's real packages where they install."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake_cuda import FakeCuda
from fake_tensorrt import VERSIONS, FakeTensorRt
from recorded_api import recorded
from stub_libraries import require_contract_packages, stub_graph_driver, stub_tensorrt

SUPPORT = Path(__file__).parents[1] / "support"

NAMES_OF = """
import importlib, json, sys
module = importlib.import_module(sys.argv[1])
def names(thing):
    return sorted(getattr(thing, "__members__", None) or dir(thing))
print(json.dumps({name: names(getattr(module, name)) for name in dir(module)}))
"""


def run(code, *arguments, libraries=""):
    """What Python code prints that sees NVIDIA's packages and the given libraries."""
    path = [str(require_contract_packages()), str(SUPPORT)]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(path),
        "LD_LIBRARY_PATH": str(libraries),
    }
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def missing(record, real):
    """Entries of a record that the real package does not have, as Class.member."""
    absent = []
    for name, what in record["names"].items():
        if name not in real:
            absent.append(name)
            continue
        entries = what.get("members", what.get("enum", []))
        absent += [f"{name}.{entry}" for entry in entries if entry not in real[name]]
    return absent


@pytest.fixture(scope="module")
def stubs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stubs")
    stub_tensorrt(folder, 11)
    return folder


def test_the_newest_bindings_have_every_recorded_name(stubs):
    record = recorded("tensorrt_api.json", "11.4")
    real = json.loads(run(NAMES_OF, "tensorrt_bindings.tensorrt", libraries=stubs))
    assert missing(record, real) == []
    enums = [name for name, what in record["names"].items() if "enum" in what]
    assert {n: real[n] for n in enums} == {n: sorted(record["names"][n]["enum"]) for n in enums}
    version = run("import tensorrt_bindings as t; print(t.__version__)", libraries=stubs)
    assert version.strip() == record["version"]


def test_cuda_python_has_every_recorded_name():
    record = recorded("cuda_api.json", "cuda.bindings.driver")
    assert missing(record, json.loads(run(NAMES_OF, "cuda.bindings.driver"))) == []


CAPTURE = """
from asymformer_ros.engines.cuda_graph import captured

graph = captured(lambda: print("enqueue", flush=True), 0x2222)
try:
    graph.launch()
except RuntimeError as error:
    print(error, flush=True)
graph.close()

def refuse():
    raise RuntimeError("refused")

print(captured(refuse, 0x3333))
"""


def test_the_real_cuda_python_captures_launches_and_frees(tmp_path):
    stub_graph_driver(tmp_path)
    assert run(CAPTURE, libraries=tmp_path).splitlines() == [
        "begin 0x2222 mode 1",  # CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
        "enqueue",
        "end 0x2222",
        "instantiate 0x77 flags 0",
        "destroy graph 0x77",
        "launch 0x99 on 0x2222",
        "the CUDA driver answered CUDA_ERROR_ILLEGAL_ADDRESS",
        "destroy executable 0x99",
        "begin 0x3333 mode 1",
        "end 0x3333",
        "destroy graph 0x77",
        "None",
    ]


def test_pycuda_has_every_recorded_name():
    driver = pytest.importorskip("pycuda.driver", exc_type=ImportError)
    real = {name: dir(getattr(driver, name)) for name in dir(driver)}
    assert missing(recorded("cuda_api.json", "pycuda.driver"), real) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_the_fakes_refuse_what_a_version_does_not_have(version):
    cuda = FakeCuda()
    cuda.driver.Context().push()
    trt = FakeTensorRt(version, cuda).module
    config, layer = trt.IBuilderConfig(), trt.ILayer(None, [], [])
    assert hasattr(trt.BuilderFlag, "FP16") == (version != "11.4")
    assert hasattr(trt, "IProgressMonitor") == (version != "8.6")
    assert hasattr(trt.NetworkDefinitionCreationFlag, "EXPLICIT_BATCH") == (version != "11.4")
    assert not hasattr(config, "max_workspace")
    with pytest.raises(AttributeError, match="the real IBuilderConfig has no 'max_workspace'"):
        config.max_workspace = 1
    if version == "11.4":
        with pytest.raises(AttributeError, match="the real ILayer has no 'precision' to set"):
            layer.precision = trt.DataType.HALF
    if version == "8.6":
        with pytest.raises(AttributeError, match="no 'progress_monitor' to set"):
            config.progress_monitor = None


CALLBACKS = """
import tensorrt_bindings.tensorrt as trt
from asymformer_ros.engines.tensorrt_log import collecting_logger
from asymformer_ros.engines.tensorrt_progress import BuildProgress

logger = collecting_logger(trt)
assert isinstance(logger, trt.ILogger) and collecting_logger(trt) is logger
logger.log(trt.ILogger.ERROR, "first")
logger.log(trt.ILogger.INFO, "unimportant")
logger.log(trt.ILogger.INTERNAL_ERROR, "second")
print(logger.take_errors())
print(logger.take_errors())

monitor = BuildProgress(print).monitor(trt)
assert isinstance(monitor, trt.IProgressMonitor)
# Called as the bindings call them: by position.
monitor.phase_start("Building", None, 2)
print(monitor.step_complete("Building", 0))
monitor.phase_finish("Building")
for make in trt.Builder, trt.Runtime:
    try:
        make(logger)
    except TypeError as error:
        print(error)  # the stub's null; a logger that is none is told otherwise
"""


def test_the_real_bindings_take_the_logger_and_the_progress_monitor(stubs):
    assert run(CALLBACKS, libraries=stubs).splitlines() == [
        "first; second",
        "TensorRT gives no reason",
        "True",
        "pybind11::init(): factory function returned nullptr",
        "pybind11::init(): factory function returned nullptr",
    ]


BUILD = """
import sys
import tensorrt_bindings
import tensorrt_bindings.tensorrt as trt
trt.__version__ = tensorrt_bindings.__version__
sys.modules["tensorrt"] = trt
from fake_cuda import FakeCuda
class Patch:
    setitem = staticmethod(dict.__setitem__)
FakeCuda().install(Patch)
from tensorrt_machine import deploy_graph
from asymformer_ros.engines.engine import EngineError
from asymformer_ros.engines.tensorrt_build import build_plan
from asymformer_ros.engines.tensorrt_engine import open_plan
graph, profile = deploy_graph()
ignore = lambda what: None
for attempt in (
    lambda: build_plan(graph, b"", ignore, ignore),
    lambda: open_plan(b"", profile),
):
    try:
        attempt()
    except EngineError as error:
        print(error)
"""


def test_errors_of_the_real_bindings_end_in_engine_errors(stubs):
    assert run(BUILD, libraries=stubs).splitlines() == [
        "TensorRT cannot build the engine: pybind11::init(): factory function returned nullptr",
        "tensorrt cannot open the plan: pybind11::init(): factory function returned nullptr",
    ]
