"""The network in PyTorch itself: in half precision on CUDA, in float32 on the CPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from asymformer_ros.engines.cpu_threads import cpu_threads
from asymformer_ros.engines.deploy_graph import DeployGraph
from asymformer_ros.engines.engine import Engine, EngineError
from asymformer_ros.engines.host_engine import HostEngine
from asymformer_ros.engines.torch_cuda import TorchCudaEngine
from asymformer_ros.network.checkpoint import load


def open_torch(path: Path, profile: str, device: str) -> Engine:
    """Load a PyTorch weights file; profile: see `load`; device: ``cpu`` or ``cuda``.

    Raises CheckpointError, or EngineError where the device cannot be used.
    """
    require_device(device)
    graph = DeployGraph(*load(path, profile))
    return TorchCudaEngine(graph) if device == "cuda" else _on_cpu(graph)


def require_device(device: str) -> None:
    """EngineError unless PyTorch can use the device, ``cpu`` or ``cuda``."""
    if device == "cuda" and not torch.cuda.is_available():
        reason = "finds no usable GPU" if torch.version.cuda else "was built without CUDA"
        raise EngineError(f"PyTorch {torch.__version__} {reason}")


def _on_cpu(graph: DeployGraph) -> HostEngine:
    torch.set_num_threads(min(torch.get_num_threads(), cpu_threads()))

    def network(rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            frame = torch.from_numpy(rgb), torch.from_numpy(depth_m)
            return np.asarray(graph.log_probabilities(*frame).numpy())

    return HostEngine("torch", "fp32", graph.profile, network)
