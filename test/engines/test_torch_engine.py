"""PyTorch's engines as far as a machine without a GPU can tell."""

import ast
import copy
import gc
import inspect
import logging
import weakref
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest
import reference_recipe
from reference_network import reference_network

torch = pytest.importorskip("torch")

import cuda_on_cpu
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from asymformer_ros.engines import torch_cuda, torch_half
from asymformer_ros.engines.deploy_graph import DeployGraph
from asymformer_ros.engines.engine import EngineError, GpuLost
from asymformer_ros.engines.torch_cuda import TorchCudaEngine
from asymformer_ros.engines.torch_engine import open_torch
from asymformer_ros.engines.torch_half import half_with_islands
from asymformer_ros.network.checkpoint import load
from asymformer_ros.network.fusion import LocalAttentionGuidedFeatureSelection
from asymformer_ros.network.profile import official_profile
from asymformer_ros.resources import resource

NANO = resource("weights") / "asymformer-nano.safetensors"
SMALL = (96, 128)


def camera_frame(size):
    rgb, millimetres = reference_recipe.camera_input(*size)
    depth_m = np.where(millimetres == 0, np.nan, millimetres / 1000.0).astype(np.float32)
    return rgb, depth_m


def nano_graph(size=SMALL):
    network, profile = load(NANO)
    return DeployGraph(network, replace(profile, input_size=size))


def run(graph, frame):
    """Labels, confidence and log-probabilities of a frame."""
    with torch.inference_mode():
        return tuple(out.numpy() for out in graph(*(torch.from_numpy(image) for image in frame)))


def test_on_the_cpu_it_computes_the_deploy_graph():
    engine = open_torch(NANO, "", "cpu")
    assert (engine.name, engine.precision, engine.input_size) == ("torch", "fp32", (480, 640))
    frame = camera_frame((480, 640))
    labels, confidence = engine.infer(*frame)
    expected_labels, expected_confidence, _ = run(nano_graph((480, 640)), frame)
    assert (labels == expected_labels).mean() > 0.9999
    # The soft-max itself, of which the host gives a near lower bound.
    above = expected_confidence.astype(int) - confidence
    assert above.min() >= -1
    assert np.percentile(above, 99) <= 3


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_without_a_gpu_cuda_is_refused_with_the_reason():
    with pytest.raises(EngineError, match=r"was built without CUDA|finds no usable GPU"):
        open_torch(NANO, "", "cuda")


@cache
def reference_graph():
    """In float32, for a small frame."""
    return DeployGraph(
        reference_network(), replace(official_profile("nyu-bgr", 40), input_size=SMALL)
    )


def agreement(graph):
    """Share of pixels on which a variant of the reference graph gives the label of float32."""
    frame = camera_frame(SMALL)
    labels, _, log_probabilities = run(graph, frame)
    assert not np.isnan(log_probabilities).any()
    return (labels == run(reference_graph(), frame)[0]).mean()


def test_half_precision_with_islands_agrees_with_float32():
    assert agreement(half_with_islands(copy.deepcopy(reference_graph()))) >= 0.994


def official_order(lafs, x):
    """LAFS as the released code writes it: the bare sum over C channels, then twice 1/C."""
    average = x.mean(dim=(2, 3))
    total = (x * lafs.fc_spatial(average)[:, :, None, None]).sum(dim=1, keepdim=True)
    mask = torch.sigmoid(total / x.shape[1] / x.shape[1])
    return mask * x * lafs.fc_channel(average)[:, :, None, None]


def test_the_official_order_in_half_precision_is_silently_wrong():
    graph = copy.deepcopy(reference_graph())
    graph.network.half()
    graph.network.down_sample_1.register_forward_pre_hook(torch_half._take_half)
    for module in graph.network.modules():
        if isinstance(module, LocalAttentionGuidedFeatureSelection):
            module.forward = partial(official_order, module)
    assert agreement(graph) < 0.9


def test_only_lafs_is_kept_in_float32():
    graph = half_with_islands(nano_graph())
    islands = {
        name.rpartition(".fus_atten.")[0]
        for name, weight in graph.network.named_parameters()
        if weight.dtype != torch.float16
    }
    assert islands == {f"down_sample_{stage}.SCC" for stage in (2, 3, 4)}
    exact = dict(nano_graph().network.named_parameters())
    for name, weight in graph.network.named_parameters():
        assert weight.dtype == torch.float16 or (weight == exact[name]).all()
    *_, log_probabilities = run(graph, camera_frame(SMALL))
    assert log_probabilities.dtype == np.float32


class _HostValues(TorchFunctionMode):
    """Fails where a tensor is made of the host's values."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        assert func not in (torch.tensor, torch.as_tensor, torch.from_numpy), func
        return func(*args, **(kwargs or {}))


def test_the_graph_neither_takes_values_from_the_host_nor_gives_it_any():
    """Either would wait for the GPU in every frame and forbids recording a CUDA graph."""
    graph = half_with_islands(nano_graph()).to("meta")  # whose tensors have no values to give
    rgb = torch.empty((*SMALL, 3), dtype=torch.uint8, device="meta")
    with _HostValues():
        graph(rgb, torch.empty(SMALL, device="meta"))


def test_all_that_is_used_of_cuda_is_in_the_installed_torch():
    used = {
        ast.unparse(node)
        for node in ast.walk(ast.parse(inspect.getsource(torch_cuda)))
        if isinstance(node, ast.Attribute) and ast.unparse(node).startswith("torch.cuda.")
    }
    assert {"torch.cuda.CUDAGraph", "torch.cuda.Event", "torch.cuda.Stream"} <= used
    for name in used:
        assert hasattr(torch.cuda, name.split(".")[2]), name


@pytest.fixture
def gpu(monkeypatch):
    """torch.cuda as `cuda_on_cpu` plays it."""
    cuda_on_cpu.install(monkeypatch, torch_cuda)
    monkeypatch.setattr(TorchCudaEngine, "_spoiled", False)


def mirrored(frame):
    return tuple(np.ascontiguousarray(image[:, ::-1]) for image in frame)


def test_a_recorded_engine_follows_its_input(gpu):
    engine = TorchCudaEngine(nano_graph())
    assert (engine.name, engine.precision, engine.input_size) == ("torch", "fp16", SMALL)
    assert engine._recorded is not None
    expected = half_with_islands(nano_graph())
    for frame in (camera_frame(SMALL), mirrored(camera_frame(SMALL))):
        labels, confidence = engine.infer(*frame)
        expected_labels, expected_confidence, _ = run(expected, frame)
        assert (labels == expected_labels).mean() > 0.999
        assert np.abs(confidence.astype(int) - expected_confidence).max() <= 2
    assert min(engine.stages[:3]) > 0.0 and engine.stages.postprocess == 0.0


def test_results_survive_the_next_frame(gpu):
    engine = TorchCudaEngine(nano_graph())
    labels, confidence = engine.infer(*camera_frame(SMALL))
    kept = labels.copy(), confidence.copy()
    engine.infer(*mirrored(camera_frame(SMALL)))
    assert (labels == kept[0]).all() and (confidence == kept[1]).all()


def test_what_cannot_be_recorded_runs_all_the_same(gpu, monkeypatch, caplog):
    recorded = TorchCudaEngine(nano_graph()).infer(*camera_frame(SMALL))

    def refuse(*args, **kwargs):
        raise RuntimeError("operation not permitted when stream is capturing\nmore lines")

    monkeypatch.setattr(torch.cuda, "graph", refuse)
    with caplog.at_level(logging.WARNING, "asymformer_ros.engines"):
        engine = TorchCudaEngine(nano_graph())
    (record,) = caplog.records
    assert record.getMessage() == (
        "torch runs without a CUDA graph: operation not permitted when stream is capturing"
    )
    for plain, replayed in zip(engine.infer(*camera_frame(SMALL)), recorded, strict=True):
        assert (plain == replayed).all()


@pytest.mark.parametrize("error", [torch.cuda.OutOfMemoryError, RuntimeError])
def test_a_gpu_that_fails_is_an_engine_error(gpu, monkeypatch, error):
    def fail(*args, **kwargs):
        raise error("CUDA out of memory\nmore lines")

    engine = TorchCudaEngine(nano_graph())
    monkeypatch.setattr(cuda_on_cpu.FakeGraph, "replay", fail)
    with pytest.raises(EngineError, match=r"^torch failed on a frame: CUDA out of memory$"):
        engine.infer(*camera_frame(SMALL))
    monkeypatch.setattr(torch.cuda, "Stream", fail)
    with pytest.raises(EngineError, match=r"^torch cannot use the GPU: CUDA out of memory$"):
        TorchCudaEngine(nano_graph())


def test_a_gpu_that_is_lost_is_told_and_nothing_is_freed(gpu, monkeypatch, caplog):
    """PyTorch would end the process: its page-locked memory throws where C++ must not."""
    engine = TorchCudaEngine(nano_graph())
    held = [*engine._host_inputs, *engine._host_outputs, engine._recorded, engine._graph]
    alive = [weakref.ref(one) for one in held]
    del held

    def fail(*args, **kwargs):
        raise RuntimeError("CUDA error: an illegal memory access was encountered\nmore lines")

    monkeypatch.setattr(cuda_on_cpu.FakeGraph, "replay", fail)
    monkeypatch.setattr(cuda_on_cpu.FakeStream, "synchronize", fail)
    with pytest.raises(GpuLost, match=r"illegal memory access was encountered: restart the node"):
        engine.infer(*camera_frame(SMALL))
    with caplog.at_level(logging.WARNING, "asymformer_ros.engines"):
        engine.close()
    (record,) = caplog.records
    assert record.getMessage().startswith("torch cannot free its GPU memory: CUDA error")
    del engine
    gc.collect()
    assert all(reference() is not None for reference in alive)


def test_a_failed_frame_leaves_nothing_in_its_traceback(gpu, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("CUDA out of memory")

    engine = TorchCudaEngine(nano_graph())
    network = weakref.ref(engine._graph)
    monkeypatch.setattr(cuda_on_cpu.FakeGraph, "replay", fail)
    with pytest.raises(EngineError) as raised:
        engine.infer(*camera_frame(SMALL))
    engine.close()
    assert not isinstance(raised.value, GpuLost)
    gc.collect()
    assert network() is None


def test_a_closed_engine_says_so_and_holds_nothing(gpu):
    engine = TorchCudaEngine(nano_graph())
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.infer(*camera_frame(SMALL))
    values = [value for held in vars(engine).values() for value in tree_leaves(held)]
    assert not any(isinstance(value, (torch.Tensor, torch.nn.Module)) for value in values)


def test_a_frame_of_another_size_is_an_engine_error(gpu):
    engine = TorchCudaEngine(nano_graph())
    with pytest.raises(EngineError, match="takes 128x96"):
        engine.infer(*camera_frame((64, 96)))
