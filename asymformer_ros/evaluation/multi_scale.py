"""Multi-scale evaluation as the official MS5_eval script does it, in PyTorch alone.

Import it where it is used: it needs PyTorch, which takes seconds and a lot of memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from asymformer_ros.engines.deploy_graph import normalise
from asymformer_ros.engines.engine import Engine, EngineError
from asymformer_ros.engines.host_engine import HostEngine
from asymformer_ros.engines.model import Model
from asymformer_ros.network.asymformer import AsymFormer
from asymformer_ros.network.checkpoint import load

#: The scales whose logits MS5_eval adds up, relative to the network's input.
OFFICIAL_SCALES = (1.0, 1.2, 1.4)

# The network's largest stride.
_STRIDE = 32


def open_multi_scale(model: Model, scales: Sequence[float], flip: bool) -> Engine:
    """An engine that sums the network's logits over scales, in float32, on CUDA where there is one.

    Colour is resized bilinearly, depth to the nearest reading, logits back bilinearly with their
    corners aligned; no soft-max before the sum. flip: each scale also sees the frame mirrored, its
    logits are mirrored back and added. Confidence is the soft-max of the mean of all logit maps:
    that of the sum would grow with their number.

    Raises CheckpointError, or EngineError for a scale that makes a side no multiple of 32.
    """
    network, profile = load(model.pytorch, model.profile_name)
    sizes = [_scaled(profile.input_size, scale) for scale in scales]
    if not sizes:
        raise EngineError("multi-scale evaluation needs a scale: the official ones are 1, 1.2, 1.4")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = network.to(device)

    def log_probabilities(
        rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        # Convolutions in TF32, the default on CUDA, are no float32.
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            rgb_there, depth_there = (
                torch.from_numpy(image)[None].to(device) for image in (rgb, depth_m)
            )
            inputs = normalise(rgb_there, depth_there, profile)
            total = sum_of_logits(network, *inputs, sizes, flip)
            mean = total[0] / (len(sizes) * (1 + flip))
            return np.asarray(mean.log_softmax(dim=0).cpu().numpy(), np.float32)

    name = "torch x" + "+".join(f"{scale:g}" for scale in scales) + (" flipped" if flip else "")
    return HostEngine(name, "fp32", profile, log_probabilities)


def sum_of_logits(
    network: AsymFormer, rgb: Tensor, depth: Tensor, sizes: Sequence[tuple[int, int]], flip: bool
) -> Tensor:
    """Logits added up over sizes (height, width), and over the mirrored frames too if `flip`.

    rgb: [B, 3, H, W], depth: [B, 1, H, W], both normalised; returns [B, num_classes, H, W].
    """
    height, width = rgb.shape[2:]
    total = rgb.new_zeros(rgb.shape[0], network.config.num_classes, height, width)
    for size in sizes:
        # Both resizers of the official script measure from the pixels' centres.
        scaled = (
            F.interpolate(rgb, size=size, mode="bilinear", align_corners=False),
            F.interpolate(depth, size=size, mode="nearest-exact"),
        )
        logits = network(*scaled)
        if flip:
            mirrored = network(*(image.flip(3) for image in scaled))
            logits = logits + mirrored.flip(3)
        total += F.interpolate(logits, size=(height, width), mode="bilinear", align_corners=True)
    return total


def _scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    exact = scale * np.array(size) / _STRIDE
    steps = np.rint(exact)
    if not (0 < scale < math.inf and np.allclose(steps, exact, rtol=0, atol=1e-6)):
        raise EngineError(
            f"scale {scale:g} of {size[1]}x{size[0]} gives no sides that are multiples of "
            f"{_STRIDE}: choose multiples of {_STRIDE / math.gcd(*size):g}"
        )
    return int(steps[0]) * _STRIDE, int(steps[1]) * _STRIDE
