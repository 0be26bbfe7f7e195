"""The network in PyTorch itself, on CUDA where there is one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from asymformer_ros.engines.deploy_graph import DeployGraph
from asymformer_ros.engines.engine import EngineError, contiguous_frame
from asymformer_ros.engines.upsample import labels_and_confidence
from asymformer_ros.network.checkpoint import load


class TorchEngine:
    """A weights file run by PyTorch in float32; raises CheckpointError when it is no good."""

    name = "torch"

    def __init__(self, path: Path, profile: str = "") -> None:
        network, self.profile = load(path, profile)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._graph: DeployGraph | None = DeployGraph(network, self.profile).to(self._device)

    @property
    def input_size(self) -> tuple[int, int]:
        """Height and width of the frames that `infer` takes."""
        return self.profile.input_size

    def infer(
        self, rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """See `Engine.infer`."""
        if self._graph is None:
            raise EngineError("engine torch is closed")
        frame = contiguous_frame(rgb, depth_m, self.input_size)
        try:
            with torch.inference_mode():
                log_probabilities = self._graph(
                    *(torch.from_numpy(image).to(self._device) for image in frame)
                )
                host = log_probabilities.cpu().numpy()
        except RuntimeError as error:
            raise EngineError(f"torch failed on a frame: {error}") from error
        return labels_and_confidence(host)

    def close(self) -> None:
        """Free the network."""
        self._graph = None
