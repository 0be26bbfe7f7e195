"""The engines in the order of preference, each with what it takes to open it here."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

from asymformer_ros.engines.engine import Engine, EngineError
from asymformer_ros.engines.failover import Candidate
from asymformer_ros.engines.model import Model
from asymformer_ros.engines.nvidia import TensorRtPlatform, require_gpu, require_tensorrt

_log = logging.getLogger(__name__)


def _open_tensorrt(model: Model) -> Engine:
    platform = require_tensorrt()
    from asymformer_ros.engines.tensorrt_engine import open_plan

    name = plan_name(model, platform)
    plan = model.cache.read(name)
    if plan is not None:
        try:
            return open_plan(plan, model.profile)
        except EngineError as error:
            _log.warning("cached engine %s does not load, building it again: %s", name, error)
            model.cache.remove(name)
    plan = model.cache.get(name, lambda: _build_plan(model, platform))
    return open_plan(plan, model.profile)


def plan_name(model: Model, platform: TensorRtPlatform) -> str:
    """Name of a TensorRT engine in the cache: it holds for one version on one kind of GPU."""
    return f"{model.key}-fp16-{platform.key}.plan"


def _build_plan(model: Model, platform: TensorRtPlatform) -> bytes:
    from asymformer_ros.engines.tensorrt_build import build_plan

    timings = f"{platform.key}.timing"
    _log.info("building a TensorRT engine for %s: minutes, once", platform.gpu)
    built = build_plan(model.graph, model.cache.read(timings) or b"", _log.info)
    model.cache.put(timings, built.timing_cache)
    return built.plan


def _open_torch(device: str, model: Model) -> Engine:
    if device == "cuda":
        require_gpu()  # before PyTorch, which takes seconds and a lot of memory to import
    weights = model.pytorch
    _require("torch", "safetensors")
    from asymformer_ros.engines.torch_engine import open_torch

    return open_torch(weights, model.profile_name, device)


def _open_openvino(precision: str, model: Model) -> Engine:
    _require("openvino")
    from asymformer_ros.engines.openvino_engine import open_openvino

    return open_openvino(model.graph, model.profile, precision)


def _open_onnxruntime(provider: str, model: Model) -> Engine:
    if provider == "CUDAExecutionProvider":
        require_gpu()
    _require("onnxruntime")
    from asymformer_ros.engines.onnxruntime_engine import open_onnxruntime

    return open_onnxruntime(model.graph, model.profile, provider)


def _require(*packages: str) -> None:
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise EngineError(f"not installed: pip install {' '.join(missing)}")


_open_onnxruntime_cpu = partial(_open_onnxruntime, "CPUExecutionProvider")
_CHAIN: tuple[tuple[str, Callable[[Model], Engine]], ...] = (
    ("tensorrt", _open_tensorrt),
    ("torch cuda", partial(_open_torch, "cuda")),
    ("onnxruntime cuda", partial(_open_onnxruntime, "CUDAExecutionProvider")),
    ("openvino bf16", partial(_open_openvino, "bf16")),
    ("openvino", partial(_open_openvino, "fp32")),
    ("onnxruntime", _open_onnxruntime_cpu),
    ("torch", partial(_open_torch, "cpu")),
)
#: What the parameter `engine` may name beside ``auto``; fastest first.
ENGINES = tuple(dict.fromkeys(name.split()[0] for name, _ in _CHAIN))


def candidates(model: Model, engine: str) -> list[Candidate]:
    """The candidates of one engine, or of all of them for ``auto``; raises EngineError."""
    if engine not in ("auto", *ENGINES):
        raise EngineError(f"unknown engine {engine!r}: choose auto, {', '.join(ENGINES)}")
    return [
        Candidate(name, partial(open_engine, model))
        for name, open_engine in _CHAIN
        if engine in ("auto", name.split()[0])
    ]


def open_float32(model: Model) -> Engine:
    """Any engine that computes in float32 on the CPU; raises EngineError."""
    reasons = []
    for open_engine in (
        _open_onnxruntime_cpu,
        partial(_open_openvino, "fp32"),
        partial(_open_torch, "cpu"),
    ):
        try:
            return open_engine(model)
        except EngineError as error:
            reasons.append(str(error))
    raise EngineError(
        "the self-check needs an engine in float32 on the CPU, for example "
        f"pip install onnxruntime ({'; '.join(reasons)})"
    )
