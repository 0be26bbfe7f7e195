"""Weights for measuring without a checkpoint: random, and the same every time."""

from __future__ import annotations

from pathlib import Path

import torch

from asymformer_ros.network.asymformer import VARIANTS, create
from asymformer_ros.network.checkpoint import save
from asymformer_ros.network.profile import CheckpointError, Profile

# Fresh weights leave all classes nearly equal, and post-processing then takes five times as long as
# with trained ones. With this the log-probabilities spread as theirs do.
_HEAD_GAIN = 30.0


def write_untrained(network: str, folder: Path) -> Path:
    """Write weights of a network by its name; returns the file. Raises CheckpointError."""
    if network not in VARIANTS:
        raise CheckpointError(f"unknown network {network!r}: choose one of {', '.join(VARIANTS)}")
    torch.manual_seed(0)
    created = create(network)
    with torch.no_grad():
        created.Decoder.linear_pred.weight.mul_(_HEAD_GAIN)
    path = folder / f"{network}-untrained.safetensors"
    save(path, created, Profile(network=network, label_space="nyu40", num_classes=40))
    return path
