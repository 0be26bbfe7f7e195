"""The baseline: the network as the official code runs it, which is what everyone else ships.

Normalised on the host, run eagerly in PyTorch, logits at full size copied to the host, argmax
there.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asymformer_ros.engines.cpu_threads import cpu_threads
from asymformer_ros.engines.engine import StageTimes
from asymformer_ros.engines.torch_engine import require_device
from asymformer_ros.network.checkpoint import load


class EagerNetwork:
    """Runs `AsymFormer.forward` on weights as `load` takes them.

    device: ``cpu`` or ``cuda``. precision: ``fp32``, or ``fp16`` for a network and inputs cast to
    half. Raises CheckpointError, and EngineError where PyTorch cannot use the device.
    """

    def __init__(self, weights: Path, profile_name: str, device: str, precision: str) -> None:
        require_device(device)
        # As many as the engines take: PyTorch's own choice depends on the environment.
        torch.set_num_threads(cpu_threads())
        self.precision = precision
        self.stages = StageTimes(0.0, 0.0, 0.0, 0.0)
        self._device = torch.device(device)
        self._dtype = {"fp32": torch.float32, "fp16": torch.float16}[precision]
        network, self.profile = load(weights, profile_name)
        self._network = network.to(self._device, self._dtype)

    @torch.inference_mode()
    def infer(
        self, rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8]]:
        """Labels, uint8 [H, W], of a frame as `Engine.infer` takes it; no confidence."""
        started = time.perf_counter()
        inputs = [self._on_device(image) for image in self._normalised(rgb, depth_m)]
        taken = self._now()
        logits = self._network(*inputs)
        computed = self._now()
        on_host = logits[0].float().cpu().numpy()
        copied = time.perf_counter()
        labels = on_host.argmax(axis=0).astype(np.uint8)
        ended = time.perf_counter()
        self.stages = StageTimes(
            copy_in=(taken - started) * 1e3,
            network=(computed - taken) * 1e3,
            copy_out=(copied - computed) * 1e3,
            postprocess=(ended - copied) * 1e3,
        )
        return (labels,)

    def close(self) -> None:
        """Nothing is left behind: the process ends."""

    def _normalised(
        self, rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The network's inputs, float32 [3, H, W] and [1, H, W]."""
        profile = self.profile
        mean, std = (np.array(v, np.float32) for v in (profile.rgb_mean, profile.rgb_std))
        ordered = rgb[:, :, ::-1] if profile.channel_order == "bgr" else rgb
        color = (ordered.astype(np.float32) / np.float32(255) - mean) / std
        missing = np.isnan(depth_m)
        depth = np.where(missing, np.float32(0), depth_m) * np.float32(profile.depth_scale)
        depth = (depth - np.float32(profile.depth_mean)) / np.float32(profile.depth_std)
        if profile.depth_holes == "mean":
            depth[missing] = 0
        return color.transpose(2, 0, 1), depth[None]

    def _on_device(self, image: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(image))[None].to(self._device, self._dtype)

    def _now(self) -> float:
        """The time once the device has done what it was given."""
        if self._device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()
