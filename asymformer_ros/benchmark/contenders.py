"""Who takes part: every engine of the package, and the plain network as the baseline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.engines.cache import EngineCache
from asymformer_ros.engines.candidates import candidates
from asymformer_ros.engines.engine import StageTimes
from asymformer_ros.engines.model import Model
from asymformer_ros.engines.nvidia import require_gpu
from asymformer_ros.engines.packages import require_packages


class Timed(Protocol):
    """What of an engine is timed; `Engine` without what a baseline does not have."""

    @property
    def precision(self) -> str:
        """See `Engine.precision`."""

    @property
    def stages(self) -> StageTimes:
        """See `Engine.stages`."""

    def infer(
        self, rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], ...]:
        """Labels, uint8 [H, W], and perhaps more; see `Engine.infer`."""

    def close(self) -> None:
        """See `Engine.close`."""


@dataclass(frozen=True)
class Contender:
    """One that is timed: its name and its device, ``cpu`` or ``gpu``.

    open: runs in a process of its own, so it must survive pickling; raises EngineError with the
    reason why the contender does not work here.
    """

    name: str
    device: str
    is_baseline: bool
    open: Callable[[], Timed]


@dataclass(frozen=True)
class ModelSource:
    """What `Model` is made of, so that another process can make the same one."""

    weights: str
    profile_name: str
    cache_dir: str

    def model(self) -> Model:
        """The model; raises CheckpointError."""
        return Model(self.weights, self.profile_name, EngineCache(self.cache_dir))


def contenders(source: ModelSource) -> list[Contender]:
    """All engines in the order of preference, then the baselines; raises CheckpointError."""
    engines = [
        Contender(
            candidate.name,
            "gpu" if candidate.on_gpu else "cpu",
            False,
            partial(_open_engine, source, candidate.name),
        )
        for candidate in candidates(source.model(), "auto")
    ]
    return [
        *engines,
        Contender("eager cuda", "gpu", True, partial(_open_eager, source, "cuda", "fp32")),
        Contender("eager cuda half", "gpu", True, partial(_open_eager, source, "cuda", "fp16")),
        Contender("eager", "cpu", True, partial(_open_eager, source, "cpu", "fp32")),
    ]


def _open_engine(source: ModelSource, name: str) -> Timed:
    return {c.name: c for c in candidates(source.model(), "auto")}[name].open()


def _open_eager(source: ModelSource, device: str, precision: str) -> Timed:
    model = source.model()
    if device == "cuda":
        require_gpu()
    weights = model.pytorch
    require_packages(model.cache, "torch", "safetensors")
    from asymformer_ros.benchmark.eager import EagerNetwork

    return EagerNetwork(weights, model.profile_name, device, precision)
