"""Weights files in and out: the official pickles and our safetensors."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from asymformer_ros.files import write_atomically
from asymformer_ros.network.asymformer import VARIANTS, AsymFormer, create
from asymformer_ros.network.profile import (
    METADATA_KEY,
    OFFICIAL,
    CheckpointError,
    Profile,
    official_profile,
)

_RELEASED_NAMES = ((r"\.SCC\.conv1\.", ".SCC.conv_bn.0."), (r"\.SCC\.bn\.", ".SCC.conv_bn.1."))


def load(path: str | Path, profile: str = "") -> tuple[AsymFormer, Profile]:
    """Read weights into a network in evaluation mode, with the profile they were trained under.

    ``.safetensors`` carry their profile; for an official ``.pth`` it is chosen by name (see
    `official_profile`; empty: ``nyu-bgr``, the official evaluation script's). Strict: raises
    CheckpointError with the first key that is missing, left over or of another shape.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"weights file {path} does not exist: check the parameter 'weights'")
    if path.suffix == ".safetensors":
        state, found = _read_safetensors(path)
        if profile:
            raise CheckpointError(
                f"{path} carries its own profile: leave the parameter 'profile' empty"
            )
    else:
        state = _official_names(_read_pickle(path))
        head = state.get("Decoder.linear_pred.weight")
        if head is None:
            raise CheckpointError(
                f"{path} is not an AsymFormer checkpoint: Decoder.linear_pred.weight is missing"
            )
        found = official_profile(profile or OFFICIAL[0], head.shape[0])
    network = create(found.network, found.num_classes)
    _check_keys(path, network.state_dict(), state)
    network.load_state_dict(state)
    return network.eval(), found


def save(path: str | Path, network: AsymFormer, profile: Profile) -> None:
    """Write a safetensors file with the profile in its metadata; complete or not at all."""
    from safetensors.torch import save as serialize

    tensors = {key: value.detach().contiguous() for key, value in network.state_dict().items()}
    write_atomically(path, serialize(tensors, metadata={METADATA_KEY: profile.to_json()}))


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], Profile]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no iterator)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a readable safetensors file: {error}") from error
    if METADATA_KEY not in metadata:
        raise CheckpointError(f"{path} has no profile in its metadata: write it with this package")
    profile = Profile.from_json(metadata[METADATA_KEY])
    if profile.network not in VARIANTS:
        raise CheckpointError(
            f"{path} is for network {profile.network!r}, this package has {', '.join(VARIANTS)}"
        )
    return state, profile


def _read_pickle(path: Path) -> dict[str, Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise CheckpointError(
            f"{path} cannot be read as weights only ({reason}): save its state dict alone"
        ) from error
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not all(isinstance(v, Tensor) for v in content.values()):
        raise CheckpointError(f"{path} holds no state dict: save one with torch.save")
    return dict(content)


def _official_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Bring the released key format to the current one: names, 1x1 kernels, ``module.`` prefix."""
    renamed = {}
    for key, value in state.items():
        key = key.removeprefix("module.")
        for old, new in _RELEASED_NAMES:
            key = re.sub(old, new, key)
        if re.fullmatch(r"Decoder\.linear_c[1-4]\.proj\.weight", key) and value.ndim == 2:
            value = value[:, :, None, None]
        renamed[key] = value
    return renamed


def _check_keys(path: Path, expected: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> None:
    for key, value in expected.items():
        if key not in state:
            raise CheckpointError(f"{path} does not fit the network: key {key} is missing")
        if state[key].shape != value.shape:
            raise CheckpointError(
                f"{path} does not fit the network: {key} has shape {list(state[key].shape)}, "
                f"expected {list(value.shape)}"
            )
    for key in state:
        if key not in expected:
            raise CheckpointError(f"{path} does not fit the network: key {key} is left over")
