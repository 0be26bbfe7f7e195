"""A machine with a GPU and one TensorRT version, for tests; see `fake_tensorrt`."""

import dataclasses
import sys
from functools import cache
from importlib.resources import files

from fake_cuda import FakeCuda
from fake_tensorrt import FakeTensorRt

from asymformer_ros.engines.onnx_export import export_onnx
from asymformer_ros.network.checkpoint import load
from asymformer_ros.network.profile import Profile

SIZE = (64, 96)


def machine(version, monkeypatch, cuda_python=True):
    """Install the fakes; returns the FakeTensorRt, whose `cuda` is the FakeCuda."""
    cuda = FakeCuda()
    cuda.install(monkeypatch, cuda_python)
    fake = FakeTensorRt(version, cuda)
    monkeypatch.setitem(sys.modules, "tensorrt", fake.module)
    return fake


@cache
def deploy_graph() -> tuple[bytes, Profile]:
    """A real deploy graph, small in frame and network, and its profile."""
    network, profile = load(files("asymformer_ros") / "weights" / "asymformer-nano.safetensors")
    profile = dataclasses.replace(profile, input_size=SIZE)
    return export_onnx(network, profile), profile
