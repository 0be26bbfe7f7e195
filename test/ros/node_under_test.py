"""segmentation_node as a process of its own, with an engine that needs no model.

Labels are the red channel, confidence is green. A frame whose first pixel is FAILING or HANGING
makes the engine fail or hang, and so for the others below. The weights name says how loading goes:
"missing" fails, "slow" takes a minute, "checked" watches over the engine as `load_engine` does,
"with spare" has another engine behind it, "cached" keeps a file in cache_dir.
"""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass, field

import numpy as np

from asymformer_ros.engines.cache import EngineCache
from asymformer_ros.engines.engine import Engine, EngineError, GpuLost
from asymformer_ros.engines.failover import Candidate, FailoverEngine
from asymformer_ros.engines.self_check import CheckFrame
from asymformer_ros.network.profile import Profile
from asymformer_ros.ros import reporter
from asymformer_ros.ros.node import main

# Tests wait for reports.
reporter.REPORT_PERIOD_S = 0.2

FAILING = (13, 13, 13)
HANGING = (14, 14, 14)
SLOW = (15, 15, 15)
PAUSING = (16, 16, 16)
PANICKING = (17, 17, 17)
GARBLING = (18, 18, 18)
LOSING = (19, 19, 19)


class RedChannelEngine:
    name = "red_channel"
    precision = "fp32"
    agreement = 1.0
    input_size = (48, 64)
    profile = Profile("asymformer-nano", "nyu40", 40)

    def __init__(self):
        # As heavy as weights, so that an engine that is not freed shows.
        self.ballast = np.ones(4 * 2**20, dtype=np.uint8)

    def infer(self, rgb, depth_m):
        if tuple(rgb[0, 0]) == FAILING:
            raise EngineError("the engine fails on purpose")
        if tuple(rgb[0, 0]) == HANGING:
            threading.Event().wait()
        if tuple(rgb[0, 0]) == SLOW:
            time.sleep(0.05)
        if tuple(rgb[0, 0]) == PAUSING:
            time.sleep(2)
        if tuple(rgb[0, 0]) == PANICKING:
            raise SystemExit("the engine panics")  # like PyO3's PanicException it is no Exception
        if tuple(rgb[0, 0]) == GARBLING:
            return rgb[..., 0].astype(np.float64), rgb[:1, :1, 1]
        if tuple(rgb[0, 0]) == LOSING:
            raise GpuLost("the GPU is lost on purpose: restart the node to use the GPU again")
        return np.ascontiguousarray(rgb[..., 0]), np.ascontiguousarray(rgb[..., 1])

    def close(self):
        print("engine closed", flush=True)


class SpareEngine(RedChannelEngine):
    name = "spare"

    def infer(self, rgb, depth_m):
        return np.ascontiguousarray(rgb[..., 0]), np.ascontiguousarray(rgb[..., 1])


def watched(*kinds):
    size = RedChannelEngine.input_size
    black = CheckFrame(
        np.zeros((*size, 3), np.uint8), np.ones(size, np.float32), np.zeros(size, np.uint8)
    )
    chain = [Candidate(kind.name, kind) for kind in kinds]
    return FailoverEngine(chain, lambda: black, hang_limit_s=1.0)


@dataclass
class Loaded:
    engine: Engine = field(default_factory=RedChannelEngine)
    label_space: str = "nyu40"
    num_classes: int = 40

    @property
    def sentence(self):
        return self.engine.name


def load_engine(weights, engine, cache_dir, profile):
    print("loading", flush=True)
    if weights == "missing":
        raise EngineError(f"{weights} is no file:\n give the path of a weights file")
    if weights == "slow":
        time.sleep(60)
    if weights == "cached":
        EngineCache(cache_dir).get("engine", lambda: bytes(2**16))
    if weights == "checked":
        return Loaded(watched(RedChannelEngine))
    return Loaded(watched(RedChannelEngine, SpareEngine)) if weights == "with spare" else Loaded()


if __name__ == "__main__":
    code = main(load_engine=load_engine)
    alive = [thread.name for thread in threading.enumerate() if not thread.daemon]
    print(f"threads: {alive}", flush=True)
    sys.exit(code)
