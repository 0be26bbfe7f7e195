"""segmentation_node as a process of its own, with an engine that needs no model.

Labels are the red channel, confidence is green. A frame whose first pixel is FAILING makes the
engine fail. The weights name says how loading goes: "missing" fails, "slow" takes a minute.
"""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass, field

import numpy as np

from asymformer_ros.engines.engine import EngineError
from asymformer_ros.ros.node import main

FAILING = (13, 13, 13)


class RedChannelEngine:
    name = "red_channel"
    input_size = (48, 64)

    def infer(self, rgb, depth_m):
        if tuple(rgb[0, 0]) == FAILING:
            raise EngineError("the engine fails on purpose")
        return np.ascontiguousarray(rgb[..., 0]), np.ascontiguousarray(rgb[..., 1])

    def close(self):
        print("engine closed", flush=True)


@dataclass
class Loaded:
    engine: RedChannelEngine = field(default_factory=RedChannelEngine)
    label_space: str = "nyu40"
    num_classes: int = 40
    passed_over: tuple[str, ...] = ()


def load_engine(weights, engine, cache_dir, profile):
    print("loading", flush=True)
    if weights == "missing":
        raise EngineError(f"{weights} is no file:\n give the path of a weights file")
    if weights == "slow":
        time.sleep(60)
    return Loaded()


if __name__ == "__main__":
    code = main(load_engine=load_engine)
    alive = [thread.name for thread in threading.enumerate() if not thread.daemon]
    print(f"threads: {alive}", flush=True)
    sys.exit(code)
