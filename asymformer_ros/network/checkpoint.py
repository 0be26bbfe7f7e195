"""Weights files in and out: the official pickles and our safetensors."""

from __future__ import annotations

import logging
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

_log = logging.getLogger(__name__)
# Where the official training keeps weights; the first that is there is taken.
_WRAPPERS, _AVERAGED = ("state_dict", "model"), "state_dict_ema"
# A zip archive, or the pickle that it was before PyTorch 1.6.
_PICKLES = (b"PK", b"\x80")
_RELEASED_NAMES = ((r"\.SCC\.conv1\.", ".SCC.conv_bn.0."), (r"\.SCC\.bn\.", ".SCC.conv_bn.1."))


def load(path: str | Path, profile: str = "") -> tuple[AsymFormer, Profile]:
    """Read weights into a network in evaluation mode, with the profile they were trained under.

    ``.safetensors`` of this package carry their profile; for an official state dict, pickled or
    not, it is chosen by name (see `official_profile`; empty: ``nyu-bgr``, the official evaluation
    script's). Strict: raises CheckpointError with the first key that is missing, left over or of
    another shape.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"weights file {path} does not exist: check the parameter 'weights'")
    own: Profile | None = None
    if path.suffix == ".safetensors":
        state, own = _read_safetensors(path)
    else:
        state = _read_pickle(path)
    if own is not None and profile:
        raise CheckpointError(
            f"{path} carries its own profile: leave the parameter 'profile' empty"
        )
    if own is None:
        state = _official_names(state)
        found = official_profile(profile or OFFICIAL[0], _num_classes(path, state))
    else:
        found = own
    network = create(found.network, found.num_classes)
    if own is None:
        state = _with_kernel_axes(state, network.state_dict())
    _check_keys(path, network.state_dict(), state)
    network.load_state_dict(state)
    return network.eval(), found


def save(path: str | Path, network: AsymFormer, profile: Profile) -> None:
    """Write a safetensors file with the profile in its metadata; complete or not at all."""
    from safetensors.torch import save as serialize

    tensors = {key: value.detach().contiguous() for key, value in network.state_dict().items()}
    write_atomically(path, serialize(tensors, metadata={METADATA_KEY: profile.to_json()}))


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], Profile | None]:
    """The state dict, with its profile if this package wrote it."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no iterator)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a readable safetensors file: {error}") from error
    if METADATA_KEY not in metadata:
        return state, None
    profile = Profile.from_json(metadata[METADATA_KEY])
    if profile.network not in VARIANTS:
        raise CheckpointError(
            f"{path} is for network {profile.network!r}, this package has {', '.join(VARIANTS)}"
        )
    return state, profile


def _read_pickle(path: Path) -> dict[str, Tensor]:
    with path.open("rb") as file:
        begin = file.read(16)
    if not begin.startswith(_PICKLES):
        raise CheckpointError(
            f"{path} cannot be read as weights: it is no file of PyTorch, it begins with {begin!r}"
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damage can raise any
        more = re.search(r"Unsupported (?:global|class|operand)\W+(?:GLOBAL )?([\w.]+)", str(error))
        if more is None:
            raise CheckpointError(
                f"{path} cannot be read as weights: it is damaged or was cut off"
            ) from error
        raise CheckpointError(
            f"{path} cannot be read as weights only, it holds {more[1]} as well: "
            "where you trust it, load it and save its state dict alone with torch.save"
        ) from error
    if isinstance(content, Mapping):
        names = [n for n in (*_WRAPPERS, _AVERAGED) if isinstance(content.get(n), Mapping)]
        if names and names[0] != _AVERAGED and _AVERAGED in names:
            _log.warning(
                "%s: the weights under %r are used, not those under %r; for these save them alone "
                "with torch.save",
                path,
                names[0],
                _AVERAGED,
            )
        content = content[names[0]] if names else content
        # What NVIDIA's Transformer Engine keeps beside weights.
        content = {k: v for k, v in content.items() if not str(k).endswith("_extra_state")}
    if not isinstance(content, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in content.items()
    ):
        raise CheckpointError(f"{path} holds no state dict: save one with torch.save")
    return content


def _num_classes(path: Path, state: Mapping[str, Tensor]) -> int:
    if any(re.search(r"\.rgb_layer\.\d+\.dwconv\.(?!weight|bias)", key) for key in state):
        raise CheckpointError(
            f"{path} is of AsymFormer v1.5, another network: give weights of AsymFormer-T"
        )
    head = state.get("Decoder.linear_pred.weight")
    if head is None or head.ndim == 0:
        raise CheckpointError(
            f"{path} is not an AsymFormer checkpoint: Decoder.linear_pred.weight is missing"
        )
    return head.shape[0]


def _official_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Bring the names of the released keys, and what wrappers put before them, to our own."""
    renamed = {}
    for key, value in state.items():
        key = key.removeprefix("module.").removeprefix("model.")
        for old, new in _RELEASED_NAMES:
            key = re.sub(old, new, key)
        renamed[key] = value
    return renamed


def _with_kernel_axes(
    state: Mapping[str, Tensor], expected: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The weights of linear layers as 1x1 convolutions and the reverse, where the network has it.

    The released decoder and the official training with Transformer Engine differ there.
    """
    fitted = dict(state)
    for key in state.keys() & expected.keys():
        value, shape = state[key], expected[key].shape
        if value.shape[:2] == shape[:2] and value.numel() == shape.numel():
            fitted[key] = value.reshape(shape)
    return fitted


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
