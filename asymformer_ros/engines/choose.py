"""From the parameters `weights` and `engine` to a running engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

from asymformer_ros.engines.cache import EngineCache
from asymformer_ros.engines.candidates import candidates, labels_in_float32
from asymformer_ros.engines.failover import FailoverEngine, reasons
from asymformer_ros.engines.model import Model
from asymformer_ros.engines.self_check import CheckFrame, make_check_frame, percent


@dataclass(frozen=True)
class LoadedEngine:
    """An engine that has passed its self-check, and the classes of its labels."""

    engine: FailoverEngine

    @property
    def label_space(self) -> str:
        """Name of the classes."""
        return self.engine.profile.label_space

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return self.engine.profile.num_classes

    @property
    def chosen(self) -> str:
        """What runs, and how well it agrees with float32."""
        engine = self.engine
        height, width = engine.input_size
        return (
            f"{engine.name} {engine.precision}, {width}x{height}, self-check "
            f"{percent(engine.agreement)}"
        )

    @property
    def sentence(self) -> str:
        """What runs, how well it agrees with float32, and why not the engines before it."""
        if not self.engine.passed_over:
            return self.chosen
        return f"{self.chosen}; passed over: {reasons(self.engine.passed_over)}"


def load_engine(
    weights: str, engine: str = "auto", cache_dir: str = "", profile: str = ""
) -> LoadedEngine:
    """Open the best engine that works here and passes its self-check.

    weights: name of bundled weights or a path (.onnx, .safetensors, official .pth). engine: one of
    `ENGINES`, whose place no other takes, or ``auto`` for the first that works. cache_dir: where
    what is built for this machine is kept; empty is ~/.cache/asymformer_ros. profile: preprocessing
    of official weights. Raises EngineError or CheckpointError with one sentence.
    """
    return open_model(Model(weights, profile, EngineCache(cache_dir)), engine)


def open_model(model: Model, engine: str) -> LoadedEngine:
    """`load_engine` of a model."""
    return LoadedEngine(FailoverEngine(candidates(model, engine), check_frame_of(model)))


def check_frame_of(model: Model) -> Callable[[], CheckFrame]:
    """What gives the frame with which all engines of a model are checked; made when first needed.

    It raises EngineError where nothing computes float32.
    """

    def make() -> bytes:
        size = model.profile.input_size
        frame = make_check_frame(size, partial(labels_in_float32, model))
        model.require_unchanged()
        return frame.to_bytes()

    def read_or_make() -> CheckFrame:
        return CheckFrame.from_bytes(model.cache.get(f"{model.key}-check.npz", make))

    return cache(read_or_make)
