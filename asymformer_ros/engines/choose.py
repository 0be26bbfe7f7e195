"""From the parameters `weights` and `engine` to a running engine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from asymformer_ros import __version__
from asymformer_ros.engines.engine import Engine, EngineError
from asymformer_ros.engines.host_engine import HostEngine
from asymformer_ros.engines.onnx_engines import open_onnxruntime, open_openvino
from asymformer_ros.network.profile import CheckpointError
from asymformer_ros.resources import resource

#: Fastest first on a CPU.
ENGINES = ("openvino", "onnxruntime", "torch")
_ONNX: dict[str, Callable[[Path], HostEngine]] = {
    "openvino": open_openvino,
    "onnxruntime": open_onnxruntime,
}
_BUNDLED = resource("weights")
_PYTORCH_SUFFIXES = (".pth", ".pt", ".safetensors")


@dataclass(frozen=True)
class LoadedEngine:
    """A warm engine, its classes, and why engines before it were passed over."""

    engine: Engine
    label_space: str
    num_classes: int
    passed_over: tuple[str, ...] = ()


def load_engine(
    weights: str, engine: str = "auto", cache_dir: str = "", profile: str = ""
) -> LoadedEngine:
    """Make an engine and run it once, so that the first frame is as fast as the others.

    weights: name of bundled weights or a path (.onnx deploy graph, .safetensors, official .pth).
    engine: one of `ENGINES`, or ``auto`` for the first that works, PyTorch first where it has CUDA.
    cache_dir: where PyTorch weights are kept as ONNX; empty
    is ~/.cache/asymformer_ros. profile: preprocessing of official weights. Raises EngineError or
    CheckpointError with one sentence.
    """
    if engine != "auto" and engine not in ENGINES:
        raise EngineError(f"unknown engine {engine!r}: choose auto, {', '.join(ENGINES)}")
    path = _find(weights)
    if profile and path.suffix != ".pth" and path.suffix != ".pt":
        raise CheckpointError(
            f"{path} carries its own profile: leave the parameter 'profile' empty"
        )
    cache = Path(cache_dir).expanduser() if cache_dir else Path.home() / ".cache/asymformer_ros"
    passed_over: list[str] = []
    for name in _order() if engine == "auto" else (engine,):
        try:
            made = _make(name, path, cache, profile)
            height, width = made.input_size
            made.infer(np.zeros((height, width, 3), np.uint8), np.ones((height, width), np.float32))
            return LoadedEngine(
                made, made.profile.label_space, made.profile.num_classes, tuple(passed_over)
            )
        except EngineError as error:
            if engine != "auto":
                raise
            passed_over.append(f"{name}: {error}")
    raise EngineError("no engine works here: " + "; ".join(passed_over))


def _find(weights: str) -> Path:
    """The weights file of a bundled name or a path."""
    bundled = _BUNDLED / f"{weights}.onnx"
    if bundled.is_file():
        return bundled
    path = Path(weights).expanduser()
    if not path.is_file():
        names = ", ".join(sorted(file.stem for file in _BUNDLED.glob("*.onnx")))
        raise CheckpointError(
            f"weights {weights!r} are neither bundled ({names}) nor a file: "
            "check the parameter 'weights'"
        )
    if path.suffix != ".onnx" and path.suffix not in _PYTORCH_SUFFIXES:
        raise CheckpointError(
            f"weights {path} have an unknown ending: give .onnx or {', '.join(_PYTORCH_SUFFIXES)}"
        )
    return path


def _order() -> tuple[str, ...]:
    """The engines that `auto` tries: a GPU beats every CPU engine."""
    if find_spec("torch") is not None:
        import torch

        if torch.cuda.is_available():
            return ("torch", *(name for name in ENGINES if name != "torch"))
    return ENGINES


def _make(name: str, path: Path, cache: Path, profile: str) -> HostEngine:
    if name == "torch":
        if path.suffix == ".onnx":
            path = path.with_suffix(".safetensors")
            if not path.is_file():
                raise EngineError("torch cannot run .onnx weights: give the .pth or .safetensors")
        _require_torch(path)
        from asymformer_ros.engines.torch_engine import open_torch

        return open_torch(path, profile)
    if find_spec(name) is None:
        raise EngineError(f"{name} is not installed: pip install {name}")
    if path.suffix != ".onnx":
        path = _exported(path, cache, profile)
    return _ONNX[name](path)


def _require_torch(path: Path) -> None:
    missing = [name for name in ("torch", "safetensors") if find_spec(name) is None]
    if missing:
        raise EngineError(
            f"reading {path.name} needs {' and '.join(missing)}: pip install {' '.join(missing)}, "
            "or export the weights to .onnx elsewhere"
        )


def _exported(path: Path, cache: Path, profile: str) -> Path:
    """The deploy graph of a PyTorch weights file, exported once into the cache."""
    key = hashlib.sha256(path.read_bytes() + f"{profile}/{__version__}".encode()).hexdigest()
    exported = cache / f"{path.stem}-{key[:16]}.onnx"
    if exported.is_file():
        return exported
    _require_torch(path)
    if find_spec("onnx") is None:
        raise EngineError("exporting weights needs the package onnx: pip install onnx")
    from asymformer_ros.engines.onnx_export import export_onnx
    from asymformer_ros.network.checkpoint import load

    network, found = load(path, profile)
    try:
        export_onnx(network, found, exported)
    except OSError as error:
        raise EngineError(
            f"cache_dir {cache} cannot be written to ({error.strerror}): "
            "choose a folder that this user may write to"
        ) from error
    return exported
