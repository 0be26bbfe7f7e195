"""Building a TensorRT plan, on fakes with the real names of each supported version."""

import json
import re
import threading

import onnx
import pytest
from fake_cuda import FREE_MEMORY
from fake_tensorrt import VERSIONS
from tensorrt_machine import deploy_graph, machine

from asymformer_ros.engines import tensorrt_progress
from asymformer_ros.engines.engine import EngineError
from asymformer_ros.engines.tensorrt_build import build_plan
from asymformer_ros.engines.tensorrt_precision import half_share


@pytest.fixture(params=VERSIONS)
def tensorrt(request, monkeypatch):
    with machine(request.param, monkeypatch) as fake:
        yield fake


@pytest.fixture
def eight(monkeypatch):
    with machine("8.6", monkeypatch) as fake:
        yield fake


def build(timings=b"", keep_timings=lambda kept: None, progress=lambda line: None):
    return build_plan(deploy_graph()[0], timings, keep_timings, progress)


def timings_after(timings=b""):
    """What a build keeps for the next one."""
    kept = []
    build(timings, kept.append)
    return kept[0]


def test_every_version_builds_and_the_log_probabilities_stay_inside(tensorrt):
    names = [name for name, *_ in json.loads(build()[4:])["tensors"]]
    assert names == ["rgb", "depth", "labels", "confidence"]


def test_workspace_is_half_of_the_free_memory(tensorrt):
    build()
    assert tensorrt.config["_limits"] == {"WORKSPACE": FREE_MEMORY // 2}


def fail_to_parse(tensorrt):
    tensorrt.parser_errors = [(3, "/cma/MatMul", "MatMul", "no importer registered")]


def fail_to_build(tensorrt):
    tensorrt.builds = False


def fail_to_be_half(tensorrt):
    tensorrt.reports_half = False


@pytest.mark.parametrize("failure", [None, fail_to_parse, fail_to_build, fail_to_be_half])
def test_everything_is_freed_before_its_context(tensorrt, failure):
    if failure is None:
        build()
    else:
        failure(tensorrt)
        with pytest.raises(EngineError) as error:
            build()
        assert error.value.__traceback__ is not None, "what it holds must not be TensorRT's"
    made = ["builder", "network", "parser"]
    made += ["config"] if failure is not fail_to_parse else []
    made += ["runtime", "engine"] if failure in (None, fail_to_be_half) else []
    popped = tensorrt.journal.index("pop context")
    assert {f"free {what}" for what in made} <= set(tensorrt.journal[:popped])
    assert tensorrt.journal[:2] == ["retain context", "push context"]
    assert tensorrt.journal.index("release context") == tensorrt.journal.index("pop context") + 1
    assert not tensorrt.cuda.contexts.stack


def test_only_tensorrt_8_is_told_precisions(tensorrt):
    build()
    told = tensorrt.config["_flags"]
    pinned = [layer for layer in tensorrt.network["_layers"] if layer._precision is not None]
    if tensorrt.version == "8.6":
        assert told == {"FP16", "OBEY_PRECISION_CONSTRAINTS"}
        assert pinned
    else:
        assert not told and not pinned


def test_tensorrt_8_computes_islands_in_float32_and_chooses_for_the_rest(eight):
    build()
    kinds = eight.module.LayerType
    free = {kinds.CONSTANT, kinds.SHAPE, kinds.CAST}
    pinned, chosen = set(), set()
    for layer in eight.network["_layers"]:
        types = [tensor.dtype.name for tensor in layer._outputs]
        if "FLOAT" in types and layer.type not in free:
            assert layer._precision.name == "FLOAT"
            assert {i: t.name for i, t in layer._output_types.items()} == {
                i: name for i, name in enumerate(types) if name == "FLOAT"
            }
            pinned.add(layer.type.name)
        else:
            assert not layer._output_types
            if "HALF" in types:
                assert layer._precision is None
                chosen.add(layer.type.name)
    assert "MATRIX_MULTIPLY" in pinned and "CONVOLUTION" not in pinned
    assert "CONVOLUTION" in chosen


def test_an_engine_without_half_precision_is_refused(tensorrt):
    tensorrt.reports_half = False
    kept = []
    with pytest.raises(EngineError, match="without any half precision in it"):
        build(keep_timings=kept.append)
    assert kept == [b" more timings"], "the next start must not take minutes to fail again"


def test_half_precision_is_found_in_both_spellings_and_in_damaged_json():
    text = """{"Layers": [
      {"LayerType": "kgen", "Outputs": [{"Name": "half", "Format/Datatype": "Half"}]},
      {"Outputs": [{"Format/Datatype": "Channel major FP16 format where channel % 8 == 0"}]},
      {"Outputs": [{"Format/Datatype": "Row major linear FP32"}], "Alpha": -inf},
      {"Outputs": [{"Format/Datatype": "Float"}, {"Format/Datatype": "Int32"}]},
      {"Inputs": [{"Format/Datatype": "Float"}, {"Format/Datatype": "Half"}]}]}"""
    assert half_share(text) == 0.5


def test_an_engine_that_is_one_kernel_proves_nothing():
    text = """{"Layers": [{"LayerType": "Myelin", "Inputs": [
      {"Name": "rgb", "Format/Datatype": "Row major linear UInt8 format"},
      {"Name": "depth", "Format/Datatype": "Row major linear FP32"}]}], "Bindings": []}"""
    assert half_share(text) is None
    assert half_share('{"Layers": ["half of the names only"], "Bindings": []}') is None


def test_all_errors_of_the_parser_are_told(tensorrt):
    tensorrt.parser_errors = [
        (3, "/cma/MatMul", "MatMul", "no importer registered"),
        (7, "/out/ArgMax", "ArgMax", "axis unsupported"),
    ]
    with pytest.raises(EngineError, match=r"no importer registered.*axis unsupported") as error:
        build()
    first = "node 3" if tensorrt.version == "8.6" else "node /cma/MatMul"
    assert first in str(error.value)


def test_a_failed_build_is_told_in_tensorrts_words(tensorrt):
    tensorrt.builds = False
    with pytest.raises(EngineError, match="could not find any implementation for node Conv_1"):
        build()


def test_an_exception_of_the_bindings_is_an_engine_error(tensorrt, monkeypatch):
    def refuse(self, logger):
        raise TypeError("pybind11::init(): factory function returned nullptr")

    monkeypatch.setattr(tensorrt.module.Builder, "__init__", refuse)
    with pytest.raises(EngineError, match="factory function returned nullptr"):
        build()


def test_a_graph_without_labels_names_what_it_has(tensorrt):
    model = onnx.load_from_string(deploy_graph()[0])
    del model.graph.output[0]
    with pytest.raises(EngineError, match="no output labels, only confidence, log_prob"):
        build_plan(model.SerializeToString(), b"", print, print)


def test_a_file_that_is_no_graph_is_an_engine_error(tensorrt):
    with pytest.raises(EngineError, match="onnx cannot read"):
        build_plan(b"\xffnot a graph", b"", print, print)


def test_without_gpu_memory_to_ask_for_the_build_ends_before_tensorrt(tensorrt):
    tensorrt.cuda.fail["init"] = tensorrt.cuda.driver.Error("cuInit failed: no device")
    with pytest.raises(EngineError, match="the GPU cannot be opened: cuInit failed: no device"):
        build()
    assert tensorrt.logger is None, "TensorRT was touched, which ends a process without a driver"


def test_timings_of_a_build_go_into_the_next(tensorrt):
    first = timings_after()
    assert timings_after(first) == first + b" more timings"


@pytest.mark.parametrize("useless", [b"damaged", b"other GPU"])
def test_timings_that_cannot_be_used_are_forgotten(tensorrt, useless):
    assert timings_after(useless) == b" more timings"


def test_words_on_damaged_timings_explain_no_later_failure(tensorrt):
    tensorrt.builds = False
    with pytest.raises(EngineError) as error:
        build(b"damaged")
    assert "timing cache" not in str(error.value)


class Lines:
    """Takes progress, and raises `error` in the build's thread."""

    def __init__(self, error=None):
        self.lines, self.error, self.told = [], error, threading.Event()

    def __call__(self, line):
        self.lines.append(line)
        if threading.current_thread().name == "tensorrt-build":
            self.told.set()
            if self.error is not None:
                raise self.error

    def await_another(self):
        self.told.clear()
        assert self.told.wait(60)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(tensorrt_progress, "INTERVAL_S", 0.001)


def test_progress_is_told_at_once_and_then_in_percent_where_tensorrt_counts(tensorrt, quick):
    lines = Lines()
    tensorrt.phases = [("Building", None, 4), ("Timing", "Building", 10)]
    tensorrt.before_build_ends = lines.await_another
    build(progress=lines)
    assert lines.lines[0] == "building TensorRT engine: takes minutes"
    # Two of four steps, and five of ten within the third.
    share = "" if tensorrt.version == "8.6" else "62 % after "
    expected = rf"building TensorRT engine: {share}\d+ s"
    assert any(re.fullmatch(expected, line) for line in lines.lines[1:])


def test_a_phase_without_steps_is_as_far_as_the_phases_in_it(tensorrt, quick):
    lines = Lines()
    tensorrt.phases = [("Building", None, 0), ("Timing", "Building", 10)]
    tensorrt.before_build_ends = lines.await_another
    build(progress=lines)
    share = "" if tensorrt.version == "8.6" else "50 % after "
    assert any(re.search(rf"engine: {share}\d+ s$", line) for line in lines.lines)


@pytest.mark.parametrize("error", [EngineError("nobody waits"), SystemExit()])
def test_an_exception_of_progress_stops_the_build_and_comes_through(tensorrt, quick, error):
    lines = Lines(error)
    tensorrt.before_build_ends = lambda: _await_end_of("tensorrt-build")
    with pytest.raises(type(error)) as raised:
        build(progress=lines)
    assert raised.value is error
    assert len(lines.lines) == 2, "nothing is told after that"
    # Nobody can stop TensorRT 8: it goes on to read what it built.
    assert ("make runtime" in tensorrt.journal) == (tensorrt.version == "8.6")


def _await_end_of(name):
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(60)


def test_an_exception_of_the_first_line_starts_no_build(tensorrt):
    def refuse(line):
        raise EngineError("nobody waits")

    with pytest.raises(EngineError, match="nobody waits"):
        build(progress=refuse)
    assert "build" not in tensorrt.journal
    assert tensorrt.journal[-2:] == ["pop context", "release context"]


def test_no_thread_outlives_the_build(tensorrt):
    build()
    assert "tensorrt-build" not in [thread.name for thread in threading.enumerate()]
