"""segmentation_node as a process of its own, with an engine that needs no model.

Labels are the red channel, confidence is green. A frame whose first pixel is FAILING or HANGING
makes the engine fail or hang. The weights name says how loading goes: "missing" fails, "slow" takes
a minute, "with spare" has another engine behind the first.
"""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass, field

import numpy as np

from asymformer_ros.engines.engine import Engine, EngineError
from asymformer_ros.engines.failover import Candidate, FailoverEngine
from asymformer_ros.engines.self_check import CheckFrame
from asymformer_ros.ros.node import main

FAILING = (13, 13, 13)
HANGING = (14, 14, 14)


class RedChannelEngine:
    name = "red_channel"
    precision = "fp32"
    input_size = (48, 64)

    def infer(self, rgb, depth_m):
        if tuple(rgb[0, 0]) == FAILING:
            raise EngineError("the engine fails on purpose")
        if tuple(rgb[0, 0]) == HANGING:
            threading.Event().wait()
        return np.ascontiguousarray(rgb[..., 0]), np.ascontiguousarray(rgb[..., 1])

    def close(self):
        print("engine closed", flush=True)


class SpareEngine(RedChannelEngine):
    name = "spare"

    def infer(self, rgb, depth_m):
        return np.ascontiguousarray(rgb[..., 0]), np.ascontiguousarray(rgb[..., 1])


def with_spare():
    size = RedChannelEngine.input_size
    black = CheckFrame(
        np.zeros((*size, 3), np.uint8), np.ones(size, np.float32), np.zeros(size, np.uint8)
    )
    chain = [Candidate(kind.name, kind) for kind in (RedChannelEngine, SpareEngine)]
    return FailoverEngine(chain, lambda: black, hang_limit_s=1.0)


@dataclass
class Loaded:
    engine: Engine = field(default_factory=RedChannelEngine)
    label_space: str = "nyu40"
    num_classes: int = 40
    sentence: str = "red_channel"


def load_engine(weights, engine, cache_dir, profile):
    print("loading", flush=True)
    if weights == "missing":
        raise EngineError(f"{weights} is no file:\n give the path of a weights file")
    if weights == "slow":
        time.sleep(60)
    return Loaded(with_spare()) if weights == "with spare" else Loaded()


if __name__ == "__main__":
    code = main(load_engine=load_engine)
    alive = [thread.name for thread in threading.enumerate() if not thread.daemon]
    print(f"threads: {alive}", flush=True)
    sys.exit(code)
