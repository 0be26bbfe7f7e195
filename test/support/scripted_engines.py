"""Engines that do as they are told, and chains of them."""

import threading

import numpy as np

from asymformer_ros.engines.engine import StageTimes
from asymformer_ros.engines.failover import Candidate, FailoverEngine
from asymformer_ros.engines.self_check import CheckFrame
from asymformer_ros.network.profile import Profile

SIZE = (32, 64)
PATIENCE_S = 20.0
RGB = np.zeros((*SIZE, 3), np.uint8)
DEPTH = np.ones(SIZE, np.float32)


class Scripted:
    """An engine that labels everything 0, but for the frames for which it has a fault."""

    precision = "fp32"
    profile = Profile("asymformer-nano", "nyu40", 40, SIZE)
    input_size = SIZE
    stages = StageTimes(0, 0, 0, 0)

    def __init__(self, name, faults):
        self.name = name
        self.faults = faults
        self.threads = {threading.get_ident()}
        self.closed = threading.Event()

    def infer(self, rgb, depth_m):
        self.threads.add(threading.get_ident())
        if self.faults and (fault := self.faults.pop(0)) is not None:
            answer = fault()
            if answer is not None:
                return answer
        return np.zeros(SIZE, np.uint8), np.full(SIZE, 200, np.uint8)

    def close(self):
        self.threads.add(threading.get_ident())
        self.closed.set()


class Chain:
    """Candidates `first`, `second`, ... of scripted engines; remembers all that were opened."""

    def __init__(self, **scripts):
        self.opened = []
        self.scripts = scripts
        self.self_check_faults = {}

    def candidates(self):
        return [
            Candidate(name, lambda name=name: self.open(name), on_gpu=name.startswith("gpu"))
            for name in self.scripts
        ]

    def open(self, name):
        script = self.scripts[name]
        if isinstance(script, BaseException):
            raise script
        self.scripts[name] = []  # opened again, it works
        self.opened.append(Scripted(name, [self.self_check_faults.get(name), *script]))
        return self.opened[-1]

    def engine(self, **options):
        check = CheckFrame(RGB, DEPTH, np.zeros(SIZE, np.uint8))
        return FailoverEngine(self.candidates(), lambda: check, **options)


def raising(error):
    def fault():
        raise error

    return fault


FAULTS = {
    "exception": raising(RuntimeError("illegal memory access")),
    "out of memory": raising(MemoryError("out of device memory")),
    "wrong shape": lambda: (np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8)),
    "wrong type": lambda: (np.zeros(SIZE, np.int64), np.zeros(SIZE, np.uint8)),
    "no arrays": lambda: (None, None),
    "panic": raising(SystemExit("the runtime panics")),  # as PyO3's PanicException no Exception
}
