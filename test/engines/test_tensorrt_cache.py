"""A TensorRT engine is built once for each kind of machine and read from then on, on fakes."""

import dataclasses
import logging

import pytest
from tensorrt_machine import deploy_graph, machine

from asymformer_ros.engines import candidates
from asymformer_ros.engines.cache import EngineCache
from asymformer_ros.engines.choose import load_engine
from asymformer_ros.engines.engine import EngineError
from asymformer_ros.engines.model import Model
from asymformer_ros.engines.nvidia import TensorRtPlatform

ORIN = TensorRtPlatform("Orin (nvgpu)", "8.7", "12.6", "10.3.0", "2026.1", "12.6.2")
OTHERS = {
    "GPU": dataclasses.replace(ORIN, gpu="Xavier"),
    "compute capability": dataclasses.replace(ORIN, compute_capability="8.9"),
    "TensorRT": dataclasses.replace(ORIN, tensorrt="10.16.1"),
}


class Robot:
    """A fake TensorRT on a platform, and a cache folder that outlives each start."""

    def __init__(self, tensorrt, folder, monkeypatch):
        self.tensorrt, self.folder, self._monkeypatch = tensorrt, folder, monkeypatch
        self.cache = folder / "cache"
        self.is_on(ORIN)

    def is_on(self, platform):
        self._monkeypatch.setattr(candidates, "require_tensorrt", lambda: platform)

    def start(self, weights="nano"):
        """Open the engine and close it; returns how many builds that took."""
        path = self.folder / f"{weights}.onnx"
        path.write_bytes(deploy_graph()[0])
        before = self.tensorrt.journal.count("build")
        (candidate,) = candidates.candidates(Model(path, "", EngineCache(self.cache)), "tensorrt")
        candidate.open().close()
        return self.tensorrt.journal.count("build") - before

    @property
    def plans(self):
        return {path: path.read_bytes() for path in self.cache.glob("*.plan")}

    @property
    def plan(self):
        (path,) = self.plans
        return path


@pytest.fixture
def robot(tmp_path, monkeypatch):
    with machine("10.3", monkeypatch) as tensorrt:
        yield Robot(tensorrt, tmp_path, monkeypatch)


@pytest.fixture
def warnings(caplog):
    """Called: what has been warned of so far, one line each."""
    caplog.set_level(logging.WARNING)
    return lambda: [record.getMessage() for record in caplog.records]


def test_the_second_start_builds_nothing(robot, warnings):
    assert (robot.start(), robot.start()) == (1, 0)
    assert warnings() == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: path.write_bytes(b"x" * 100 + path.read_bytes()[100:]),
        lambda path: path.write_bytes(b""),
    ],
    ids=["truncated", "altered", "emptied"],
)
def test_a_damaged_plan_is_built_again_with_one_line(robot, warnings, damage):
    robot.start()
    whole = robot.plans
    damage(robot.plan)
    assert robot.start() == 1
    (line,) = warnings()
    assert robot.plan.name in line
    assert robot.plans == whole
    assert robot.start() == 0


def test_a_whole_plan_that_tensorrt_cannot_read_is_built_again_with_one_line(robot, warnings):
    robot.start()
    readable = robot.plans
    EngineCache(robot.cache).put(robot.plan.name, b"a plan of another TensorRT")
    assert robot.start() == 1
    (line,) = warnings()
    assert robot.plan.name in line and "magicTagRead" in line
    assert robot.plans == readable
    assert robot.start() == 0


def test_a_plan_that_is_useless_even_when_new_is_built_once_more_and_no_further(robot):
    robot.tensorrt.output_type = "INT32"
    with pytest.raises(EngineError, match="labels is OUTPUT INT32"):
        robot.start()
    assert robot.tensorrt.journal.count("build") == 2


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_another_machine_builds_its_own_plan_beside(robot, other):
    robot.start()
    first = robot.plan
    robot.is_on(other)
    assert (robot.start(), robot.start()) == (1, 0)
    assert first in robot.plans and len(robot.plans) == 2
    robot.is_on(ORIN)
    assert robot.start() == 0


def test_other_weights_have_their_own_plan(robot):
    assert (robot.start("nano"), robot.start("other"), robot.start("nano")) == (1, 1, 0)


@pytest.mark.parametrize("fault", ["mem_alloc", "pagelocked_zeros", "Device", "synchronize"])
def test_a_machine_that_cannot_open_the_plan_now_keeps_it(robot, warnings, fault):
    robot.start()
    plans = robot.plans
    robot.tensorrt.cuda.fail[fault] = robot.tensorrt.cuda.driver.MemoryError("out of memory")
    with pytest.raises(EngineError, match="out of memory"):
        robot.start()
    assert robot.plans == plans
    assert warnings() == []
    robot.tensorrt.cuda.fail.clear()
    assert robot.start() == 0


def test_a_build_that_fails_leaves_no_plan(robot):
    robot.tensorrt.builds = False
    with pytest.raises(EngineError, match="could not find any implementation"):
        robot.start()
    assert robot.plans == {}
    robot.tensorrt.builds = True
    assert robot.start() == 1


def timings_given(robot):
    """Builds whose timings the last build had, itself included."""
    return robot.tensorrt.config["_timing_cache"]._content.count(b" more timings")


def test_timings_of_a_build_are_given_to_the_next_on_the_same_machine(robot):
    robot.start("nano")
    robot.start("other")
    assert timings_given(robot) == 2
    robot.is_on(OTHERS["GPU"])
    robot.start("nano")
    assert timings_given(robot) == 1


def test_the_whole_choice_ends_with_an_engine_that_labels_as_float32_does(robot):
    """The fake labels with red, so its self-check must fail, and someone else must be in use."""
    loaded = load_engine("asymformer-nano", "auto", str(robot.cache))
    engine = loaded.engine
    try:
        assert engine.name != "tensorrt" and engine.agreement > 0.9
        name, reason = engine.passed_over[0]
        assert name == "tensorrt" and "self-check" in reason
    finally:
        engine.close()
    assert robot.tensorrt.journal.count("build") == 1
    assert robot.tensorrt.journal[-2:] == ["pop context", "release context"]
