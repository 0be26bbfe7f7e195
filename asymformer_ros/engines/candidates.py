"""The engines in the order of preference, each with what it takes to open it here."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.engines.engine import Engine, EngineError, first_line
from asymformer_ros.engines.engine_thread import abandoned
from asymformer_ros.engines.failover import Candidate, reasons
from asymformer_ros.engines.model import Model
from asymformer_ros.engines.nvidia import TensorRtPlatform, require_gpu, require_tensorrt
from asymformer_ros.engines.packages import require_packages
from asymformer_ros.network.profile import CheckpointError

_log = logging.getLogger(__name__)


def _open_tensorrt(model: Model) -> Engine:
    platform = require_tensorrt()
    from asymformer_ros.engines.tensorrt_engine import PlanUnreadable, open_plan

    # It holds for these weights, one version of TensorRT and one kind of GPU.
    name = f"{model.key}-fp16-{platform.key}.plan"

    def build() -> bytes:
        return _build_plan(model, platform)

    plan = model.cache.get(name, build)
    try:
        return open_plan(plan, model.profile)
    except PlanUnreadable as error:
        _log.warning("%s cannot be used (%s): it is built again", name, first_line(error))
        model.cache.discard(name, plan)
    return open_plan(model.cache.get(name, build), model.profile)


def _build_plan(model: Model, platform: TensorRtPlatform) -> bytes:
    from asymformer_ros.engines.tensorrt_build import build_plan

    stop = abandoned()

    def progress(line: str) -> None:
        if stop.is_set():
            raise EngineError("nobody waits for the engine any more")
        _log.info(line)

    timings = f"{platform.key}.timing"
    return build_plan(
        model.graph,
        model.cache.read(timings) or b"",
        partial(model.cache.put, timings),
        progress,
    )


def _open_torch(device: str, model: Model) -> Engine:
    if device == "cuda":
        require_gpu()  # before PyTorch, which takes seconds and a lot of memory to import
    weights = model.pytorch
    require_packages(model.cache, "torch", "safetensors")
    from asymformer_ros.engines.torch_engine import open_torch

    return open_torch(weights, model.profile_name, device)


def _open_openvino(precision: str, model: Model) -> Engine:
    require_packages(model.cache, "openvino")
    from asymformer_ros.engines.openvino_engine import open_openvino

    return open_openvino(*model.graph_and_profile(), precision)


def _open_onnxruntime(provider: str, model: Model) -> Engine:
    if provider == "CUDAExecutionProvider":
        require_gpu()
    require_packages(model.cache, "onnxruntime")
    from asymformer_ros.engines.onnxruntime_engine import open_onnxruntime

    return open_onnxruntime(*model.graph_and_profile(), provider)


_open_onnxruntime_cpu = partial(_open_onnxruntime, "CPUExecutionProvider")
_GPU = ("tensorrt", "torch cuda", "onnxruntime cuda")
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
        Candidate(name, partial(open_engine, model), on_gpu=name in _GPU)
        for name, open_engine in _CHAIN
        if engine in ("auto", name.split()[0])
    ]


def labels_in_float32(
    model: Model, rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """What the model says of a frame when it is computed in float32 on the CPU.

    PyTorch's word is taken first: all others run a graph that was made from its network. Raises
    EngineError if no CPU engine works.
    """
    failed = []
    for name, open_engine in (
        ("torch", partial(_open_torch, "cpu")),
        ("onnxruntime", _open_onnxruntime_cpu),
        ("openvino", partial(_open_openvino, "fp32")),
    ):
        try:
            engine = open_engine(model)
            try:
                return engine.infer(rgb, depth_m)[0]
            finally:
                engine.close()
        except CheckpointError:
            raise
        except Exception as error:
            failed.append((name, first_line(error)))
    raise EngineError(
        "the self-check needs an engine in float32 on the CPU, for example "
        f"pip install onnxruntime: {reasons(failed)}"
    )
