"""A TensorRT plan that does not open: whose fault that is, and that nothing is left behind."""

import dataclasses
from contextlib import contextmanager

import pytest
from fake_tensorrt import VERSIONS
from tensorrt_machine import deploy_graph, machine, plan_of

from asymformer_ros.engines.engine import EngineError
from asymformer_ros.engines.tensorrt_engine import PlanUnreadable, open_plan


@pytest.fixture(params=VERSIONS)
def tensorrt(request, monkeypatch):
    with machine(request.param, monkeypatch) as fake:
        yield fake


@contextmanager
def failure_of_the_machine(match):
    """An EngineError after which the plan is still good."""
    with pytest.raises(EngineError, match=match) as error:
        yield
    assert not isinstance(error.value, PlanUnreadable)


@pytest.mark.parametrize(
    "words",
    [
        "Cuda Runtime (out of memory)",
        "Error Code 2: OutOfMemory (Requested size was 11534336 bytes.)",
        "Requested amount of GPU memory (11534336 bytes) could not be allocated.",
    ],
)
def test_a_plan_that_does_not_fit_into_memory_is_not_to_blame(tensorrt, monkeypatch, words):
    plan = plan_of(tensorrt)

    def refuse(self, serialized_engine):
        tensorrt.say("ERROR", words)

    monkeypatch.setattr(tensorrt.module.Runtime, "deserialize_cuda_engine", refuse)
    with failure_of_the_machine("cannot read the plan"):
        open_plan(plan, deploy_graph()[1])


def test_a_first_run_that_fails_is_not_the_plans_fault(tensorrt):
    plan = plan_of(tensorrt)
    tensorrt.executes = False
    with failure_of_the_machine("an illegal memory access was encountered"):
        open_plan(plan, deploy_graph()[1])


@pytest.mark.parametrize("allocation", ["mem_alloc", "pagelocked_zeros"])
def test_an_engine_that_does_not_fit_into_memory_leaves_nothing(tensorrt, allocation):
    plan = plan_of(tensorrt)
    tensorrt.cuda.fail[allocation] = tensorrt.cuda.driver.MemoryError(
        "cuMemAlloc failed: out of memory"
    )
    with failure_of_the_machine("cannot open the plan: cuMemAlloc failed: out of memory"):
        open_plan(plan, deploy_graph()[1])
    assert not tensorrt.cuda._allocations
    host = ["free host memory"] if allocation == "mem_alloc" else []
    assert tensorrt.journal[-len(host) - 6 :] == [
        "free execution",
        "free engine",
        "free runtime",
        *host,
        "free stream",
        "pop context",
        "release context",
    ]


def test_an_interrupt_while_opening_leaves_nothing(tensorrt):
    plan = plan_of(tensorrt)
    tensorrt.cuda.fail["synchronize"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        open_plan(plan, deploy_graph()[1])
    assert not tensorrt.cuda._allocations and not tensorrt.cuda.contexts.stack


@pytest.mark.parametrize("cut", [1, 100, 10**9])
def test_a_plan_that_is_cut_off_is_told_in_tensorrts_words(tensorrt, cut):
    plan = plan_of(tensorrt)[cut:]
    with pytest.raises(PlanUnreadable, match=r"cannot read the plan: .*magicTagRead"):
        open_plan(plan, deploy_graph()[1])
    assert tensorrt.journal[-2:] == ["pop context", "release context"]


def test_a_gpu_that_is_out_of_memory_for_the_plan_is_an_engine_error(tensorrt, monkeypatch):
    plan = plan_of(tensorrt)
    monkeypatch.setattr(tensorrt.module.ICudaEngine, "create_execution_context", lambda self: None)
    with failure_of_the_machine("cannot run the plan: TensorRT gives no reason"):
        open_plan(plan, deploy_graph()[1])
    assert tensorrt.journal[-3:] == ["free stream", "pop context", "release context"]


def test_outputs_of_another_type_are_refused(tensorrt):
    plan = plan_of(tensorrt)
    tensorrt.output_type = "INT32"
    with pytest.raises(
        PlanUnreadable,
        match=r"labels is OUTPUT INT32 \[64, 96\], not OUTPUT UINT8 \[64, 96\]: build the engine",
    ):
        open_plan(plan, deploy_graph()[1])


def test_a_plan_for_another_size_is_refused(tensorrt):
    plan = plan_of(tensorrt)
    other = dataclasses.replace(deploy_graph()[1], input_size=(480, 640))
    with pytest.raises(PlanUnreadable, match=r"rgb is INPUT UINT8 \[64, 96, 3\], not INPUT UINT8"):
        open_plan(plan, other)


def test_no_gpu_ends_before_tensorrt_is_touched(tensorrt):
    tensorrt.cuda.fail["init"] = tensorrt.cuda.driver.Error("cuInit failed: no device")
    with failure_of_the_machine("cuInit failed: no device"):
        open_plan(b"", deploy_graph()[1])
    assert tensorrt.logger is None and not tensorrt.journal
