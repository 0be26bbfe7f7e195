"""The network in PyTorch itself, in float32, on CUDA where there is one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from asymformer_ros.engines.deploy_graph import DeployGraph
from asymformer_ros.engines.host_engine import HostEngine
from asymformer_ros.network.checkpoint import load


def open_torch(path: Path, profile: str = "") -> HostEngine:
    """Load a PyTorch weights file; profile: see `load`. Raises CheckpointError."""
    network, found = load(path, profile)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    graph = DeployGraph(network, found).to(device)

    def run(rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            frame = (torch.from_numpy(image).to(device) for image in (rgb, depth_m))
            return np.asarray(graph(*frame).cpu().numpy())

    return HostEngine("torch", found, run)
