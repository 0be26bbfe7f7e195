"""PyTorch's CUDA engine on a real GPU."""

import gc
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
import reference_recipe
from reference_network import reference_network

torch = pytest.importorskip("torch")
if not torch.cuda.is_available():
    pytest.skip("needs a GPU and a PyTorch that was built for it", allow_module_level=True)

from asymformer_ros.engines.deploy_graph import DeployGraph
from asymformer_ros.engines.engine import EngineError
from asymformer_ros.engines.torch_cuda import TorchCudaEngine
from asymformer_ros.engines.torch_engine import open_torch
from asymformer_ros.network.checkpoint import load
from asymformer_ros.network.profile import official_profile
from asymformer_ros.resources import resource

NANO = resource("weights") / "asymformer-nano.safetensors"
SIZE = (480, 640)


@pytest.fixture(scope="module")
def frame():
    rgb, millimetres = reference_recipe.camera_input(*SIZE)
    depth_m = np.where(millimetres == 0, np.nan, millimetres / 1000.0).astype(np.float32)
    return rgb, depth_m


def mirrored(frame):
    return tuple(np.ascontiguousarray(image[:, ::-1]) for image in frame)


def nano_graph():
    return DeployGraph(*load(NANO))


def reference_graph():
    return DeployGraph(
        reference_network(), replace(official_profile("nyu-bgr", 40), input_size=SIZE)
    )


@pytest.fixture
def engine():
    engine = open_torch(NANO, "", "cuda")
    yield engine
    engine.close()


@pytest.mark.parametrize("make_graph", [nano_graph, reference_graph])
def test_it_agrees_with_float32_on_the_cpu(make_graph, frame):
    with torch.inference_mode():
        expected, sure, _ = make_graph()(*(torch.from_numpy(image) for image in frame))
    engine = TorchCudaEngine(make_graph())
    labels, confidence = engine.infer(*frame)
    engine.close()
    assert (labels.dtype, labels.shape) == (confidence.dtype, confidence.shape) == (np.uint8, SIZE)
    assert (labels == expected.numpy()).mean() >= 0.995
    assert np.abs(confidence.astype(float) - sure.numpy()).mean() < 1.0


def test_the_network_is_recorded_and_says_the_same_as_when_it_is_not(engine, frame, monkeypatch):
    assert engine._recorded is not None
    recorded = engine.infer(*frame)

    def refuse(*args, **kwargs):
        raise RuntimeError("no recording")

    monkeypatch.setattr(torch.cuda, "graph", refuse)
    monkeypatch.setattr(TorchCudaEngine, "_spoiled", False)
    plain = TorchCudaEngine(nano_graph())
    assert plain._recorded is None
    labels, confidence = plain.infer(*frame)
    plain.close()
    assert (labels == recorded[0]).mean() > 0.999
    assert np.abs(confidence.astype(int) - recorded[1]).mean() < 0.1


WAITING = """
import logging
import numpy as np
from asymformer_ros.engines import torch_cuda
from asymformer_ros.engines.deploy_graph import DeployGraph
from asymformer_ros.network.checkpoint import load
from asymformer_ros.resources import resource

logging.basicConfig(format="%(message)s")
forward = DeployGraph.forward

def waiting(graph, *images):
    outputs = forward(graph, *images)
    outputs[0].max().item()  # waits for the GPU, which no recording can
    return outputs

DeployGraph.forward = waiting
graph = DeployGraph(*load(resource("weights") / "asymformer-nano.safetensors"))
engine = torch_cuda.TorchCudaEngine(graph)
labels, _ = engine.infer(np.zeros((480, 640, 3), np.uint8), np.ones((480, 640), np.float32))
print("recorded" if engine._recorded else "not recorded", np.bincount(labels.ravel()).argmax())
engine.close()
"""


def test_a_network_that_cannot_be_recorded_runs_all_the_same(engine):
    # In a process of its own: a recording that failed spoils others (pytorch#180395, #190348).
    answer = subprocess.run([sys.executable, "-c", WAITING], capture_output=True, text=True)
    labels, _ = engine.infer(np.zeros((*SIZE, 3), np.uint8), np.ones(SIZE, np.float32))
    assert answer.stdout.split("\n")[0] == f"not recorded {np.bincount(labels.ravel()).argmax()}"
    assert "torch runs without a CUDA graph: " in answer.stderr


def test_results_survive_the_next_frame_and_follow_their_input(engine, frame):
    labels, confidence = engine.infer(*frame)
    kept = labels.copy(), confidence.copy()
    others, _ = engine.infer(*mirrored(frame))
    assert (labels == kept[0]).all() and (confidence == kept[1]).all()
    assert (others != kept[0]).any()
    again, _ = engine.infer(*frame)
    assert (again == kept[0]).all()


def test_stages_are_measured(engine, frame):
    assert engine.stages == (0.0, 0.0, 0.0, 0.0)
    engine.infer(*frame)
    assert min(engine.stages[:3]) > 0.0


def test_it_works_on_a_thread(frame):
    results = []

    def work():
        engine = TorchCudaEngine(nano_graph())
        results.append((engine._recorded is not None, *engine.infer(*frame)))
        engine.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    ((recorded, labels, _),) = results
    expected, _ = TorchCudaEngine(nano_graph()).infer(*frame)
    assert recorded
    assert (labels == expected).mean() > 0.999


def allocated():
    """Bytes on the GPU without the scratch that PyTorch keeps for cuBLAS and each stream."""
    gc.collect()
    torch.cuda.synchronize()
    torch._C._cuda_clearCublasWorkspaces()
    return torch.cuda.memory_allocated()


def test_close_frees_the_gpu(frame):
    before = allocated()
    engine = TorchCudaEngine(nano_graph())
    engine.infer(*frame)
    assert allocated() > before
    engine.close()
    engine.close()
    assert allocated() == before
    with pytest.raises(EngineError, match="closed"):
        engine.infer(*frame)


def test_too_little_memory_is_an_engine_error_and_leaves_nothing_behind():
    before = allocated()
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(1e-6)
    try:
        with pytest.raises(EngineError, match=r"torch cannot use the GPU: .*out of memory"):
            TorchCudaEngine(reference_graph())
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert allocated() == before
