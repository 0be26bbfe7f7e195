"""A machine with a GPU and one TensorRT version, for tests; see `fake_tensorrt`."""

import dataclasses
import gc
import sys
from contextlib import contextmanager
from functools import cache
from importlib.resources import files

from fake_cuda import FakeCuda
from fake_tensorrt import FakeTensorRt

from asymformer_ros.engines.onnx_export import export_onnx
from asymformer_ros.engines.tensorrt_build import build_plan
from asymformer_ros.network.checkpoint import load
from asymformer_ros.network.profile import Profile

SIZE = (64, 96)


@contextmanager
def machine(version, monkeypatch):
    """The fakes, installed: a FakeTensorRt, whose `cuda` is the FakeCuda.

    At the end it is a failure if anything was not freed in its CUDA context, or not at all.
    """
    cuda = FakeCuda()
    cuda.install(monkeypatch)
    fake = FakeTensorRt(version, cuda)
    monkeypatch.setitem(sys.modules, "tensorrt", fake.module)
    yield fake
    if cuda.alive:
        gc.collect()  # what was merely in a cycle is freed too late as well
    faults = cuda.faults + [f"{type(thing).__name__} is not freed" for thing in cuda.alive]
    assert not faults, faults


@cache
def deploy_graph() -> tuple[bytes, Profile]:
    """A real deploy graph, small in frame and network, and its profile."""
    network, profile = load(files("asymformer_ros") / "weights" / "asymformer-nano.safetensors")
    profile = dataclasses.replace(profile, input_size=SIZE)
    return export_onnx(network, profile), profile


_plans = {}


def plan_of(tensorrt):
    """The plan that a fake of this version makes of `deploy_graph`, of which no journal tells."""
    if tensorrt.version not in _plans:
        _plans[tensorrt.version] = build_plan(
            deploy_graph()[0], b"", lambda _: None, lambda _: None
        )
        tensorrt.journal.clear()
    return _plans[tensorrt.version]
