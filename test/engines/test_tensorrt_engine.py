"""Running a TensorRT plan, on fakes with the real names of each supported version."""

import logging

import numpy as np
import pytest
from fake_tensorrt import VERSIONS
from tensorrt_machine import SIZE, deploy_graph, machine, plan_of

from asymformer_ros.engines.engine import EngineError, GpuLost, StageTimes
from asymformer_ros.engines.tensorrt_engine import open_plan

HEIGHT, WIDTH = SIZE
FREED = [
    "free executable graph",
    "free execution",
    "free engine",
    "free runtime",
    *["free event"] * 4,
    *["free memory", "free host memory"] * 4,
    "free stream",
    "pop context",
    "release context",
]


@pytest.fixture(params=VERSIONS)
def tensorrt(request, monkeypatch):
    with machine(request.param, monkeypatch) as fake:
        yield fake


@pytest.fixture
def engine(tensorrt):
    opened = open_plan(plan_of(tensorrt), deploy_graph()[1])
    yield opened
    opened.close()


def frame(seed=0):
    generator = np.random.default_rng(seed)
    rgb = generator.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    depth = generator.uniform(0.5, 5, (HEIGHT, WIDTH)).astype(np.float32)
    depth[generator.random((HEIGHT, WIDTH)) < 0.2] = np.nan
    return rgb, depth


def check(engine, rgb, depth):
    """The fake network labels with red, and is sure where there is depth."""
    labels, confidence = engine.infer(rgb, depth)
    np.testing.assert_array_equal(labels, rgb[..., 0])
    np.testing.assert_array_equal(confidence, np.where(np.isnan(depth), 0, 255))


def test_frames_become_labels_and_confidence(engine):
    assert (engine.name, engine.precision, engine.input_size) == ("tensorrt", "fp16", SIZE)
    check(engine, *frame(1))
    check(engine, *frame(2))


def test_results_of_a_frame_survive_the_next_one_and_the_engine(engine):
    rgb, depth = frame(1)
    labels, confidence = engine.infer(rgb, depth)
    engine.infer(*frame(2))
    engine.close()
    np.testing.assert_array_equal(labels, rgb[..., 0])
    np.testing.assert_array_equal(confidence == 0, np.isnan(depth))


def test_views_with_strides_are_taken(engine):
    rgb, depth = frame()
    check(engine, rgb[:, ::-1], depth[::-1])


def test_colour_depth_labels_and_confidence_cross_and_nothing_else(engine, tensorrt):
    tensorrt.cuda.copies.clear()
    engine.infer(*frame())
    pixels = HEIGHT * WIDTH
    expected = [("in", 3 * pixels), ("in", 4 * pixels), ("out", pixels), ("out", pixels)]
    assert tensorrt.cuda.copies == expected


def test_stages_are_timed_between_their_events(engine):
    assert isinstance(engine.stages, StageTimes)
    engine.infer(*frame())
    # The fake's clock ticks with each copy; the host's part of the copies comes on top.
    assert engine.stages.copy_in > 2 and engine.stages.copy_out > 2
    assert (engine.stages.network, engine.stages.postprocess) == (0.0, 0.0)


def test_the_graph_is_captured_once_and_replayed(engine, tensorrt):
    assert tensorrt.journal.count("make graph") == 1
    for seed in range(3):
        check(engine, *frame(seed))
    assert tensorrt.cuda.launches == 3


def test_everything_is_freed_in_order_and_the_context_last(engine, tensorrt):
    engine.infer(*frame())
    engine.close()
    engine.close()
    freed = [entry for entry in tensorrt.journal if entry.split()[0] in ("free", "pop", "release")]
    assert freed == ["free graph", *FREED]
    assert not tensorrt.cuda.contexts.stack and not tensorrt.cuda._allocations


def test_a_closed_engine_says_so(engine):
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.infer(*frame())


def test_a_frame_of_another_size_is_an_engine_error(engine):
    with pytest.raises(EngineError, match="96x64"):
        engine.infer(np.zeros((32, 32, 3), np.uint8), np.zeros((32, 32), np.float32))


def test_a_frame_of_another_type_is_an_engine_error(engine):
    rgb, depth = frame()
    with pytest.raises(EngineError, match="failed on a frame"):
        engine.infer(rgb.astype(np.float64), depth)


def test_without_cuda_python_each_frame_is_enqueued(tensorrt, monkeypatch, caplog):
    tensorrt.cuda.install(monkeypatch, cuda_python=False)
    with caplog.at_level(logging.INFO, "asymformer_ros.engines"):
        engine = open_plan(plan_of(tensorrt), deploy_graph()[1])
    check(engine, *frame(1))
    check(engine, *frame(2))
    engine.close()
    assert [r.message.split(":")[0] for r in caplog.records] == [
        "tensorrt runs without a CUDA graph"
    ]
    assert tensorrt.cuda.launches == 0


@pytest.mark.parametrize(
    "step", ["cuStreamBeginCapture", "cuStreamEndCapture", "cuGraphInstantiate"]
)
def test_a_failed_capture_leaves_a_working_engine(tensorrt, step, caplog):
    tensorrt.cuda.bindings_fail_at = step
    plan = plan_of(tensorrt)
    with caplog.at_level(logging.WARNING, "asymformer_ros.engines"):
        engine = open_plan(plan, deploy_graph()[1])
    assert "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED" in caplog.records[0].message
    assert len(caplog.records) == 1
    check(engine, *frame(1))
    check(engine, *frame(2))
    engine.close()
    assert tensorrt.journal.count("make graph") == tensorrt.journal.count("free graph")


def test_a_graph_that_does_not_launch_is_an_engine_error(engine, tensorrt):
    tensorrt.cuda.bindings_fail_at = "cuGraphLaunch"
    with pytest.raises(EngineError, match="CUDA_ERROR_STREAM_CAPTURE_INVALIDATED"):
        engine.infer(*frame())


def test_an_execution_that_is_refused_during_capture_ends_the_capture(tensorrt, monkeypatch):
    plan = plan_of(tensorrt)
    execute = tensorrt.module.IExecutionContext.execute_async_v3
    calls = iter([True, False])

    def refuse_second(self, stream_handle):
        tensorrt.executes = next(calls, True)
        return execute(self, stream_handle)

    monkeypatch.setattr(tensorrt.module.IExecutionContext, "execute_async_v3", refuse_second)
    engine = open_plan(plan, deploy_graph()[1])
    check(engine, *frame())
    engine.close()
    assert tensorrt.cuda.launches == 0
    assert tensorrt.journal.count("make graph") == tensorrt.journal.count("free graph") == 1


def test_an_execution_that_is_refused_is_told_in_tensorrts_words(tensorrt, monkeypatch):
    tensorrt.cuda.install(monkeypatch, cuda_python=False)
    engine = open_plan(plan_of(tensorrt), deploy_graph()[1])
    tensorrt.executes = False
    with pytest.raises(EngineError, match="an illegal memory access was encountered"):
        engine.infer(*frame())
    engine.close()


def test_a_gpu_that_does_not_even_wait_is_lost(engine, tensorrt):
    tensorrt.cuda.fail["synchronize"] = tensorrt.cuda.driver.LogicError("cuStreamSynchronize")
    with pytest.raises(GpuLost, match="tensorrt failed on a frame: cuStreamSynchronize: restart"):
        engine.infer(*frame())


def test_a_gpu_that_fails_to_free_does_not_stop_the_rest(engine, tensorrt, caplog):
    fault = tensorrt.cuda.driver.LogicError("cuMemFree failed: an illegal memory access")
    tensorrt.cuda.fail["free"] = fault
    with caplog.at_level(logging.WARNING, "asymformer_ros.engines"):
        engine.close()
    assert [record.message for record in caplog.records] == [
        "cannot free GPU memory: cuMemFree failed: an illegal memory access"
    ] * 4
    assert tensorrt.journal[-3:] == ["free stream", "pop context", "release context"]
