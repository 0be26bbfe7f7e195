"""Contenders for the benchmark that need no runtime; importable in the processes it starts."""

import os
import signal
import time
from functools import partial

import numpy as np

from asymformer_ros.benchmark.contenders import Contender
from asymformer_ros.engines.engine import EngineError, StageTimes

#: Frames of the smallest size, told apart by their red channel.
FRAMES = [
    (np.full((32, 32, 3), number, np.uint8), np.ones((32, 32), np.float32)) for number in range(3)
]

#: Bytes that a hungry double takes and gives back.
HUNGER = 400_000_000


class Double:
    """Says of every pixel the red it sees; calls `fault` once it has segmented `faultless`."""

    precision = "fp32"
    stages = StageTimes(0.001, 0.002, 0.003, 0.004)

    def __init__(self, fault, faultless, wrong_pixels=0):
        self.fault, self.left, self.wrong_pixels = fault, faultless, wrong_pixels

    def infer(self, rgb, depth_m):
        if self.left == 0:
            self.fault()
        self.left -= 1
        labels = rgb[:, :, 0].copy()
        labels.flat[: self.wrong_pixels] += 1
        return labels, labels

    def close(self):
        pass


def _exit():
    os._exit(3)


def _kill():
    os.kill(os.getpid(), signal.SIGKILL)


def _raise():
    raise ValueError("wrong shape\nwith details")


def _hang():
    time.sleep(3600)


def _take_memory():
    np.ones(HUNGER // 8)


_FAULTS = {
    "hungry": _take_memory,
    "exits": _exit,
    "killed": _kill,
    "raises": _raise,
    "hangs": _hang,
}


def _open(name, faultless, wrong_pixels):
    if name == "opens hungry":
        _take_memory()
    if name == "missing":
        raise EngineError("not installed: pip install missing")
    if name == "crashes":
        _kill()
    return Double(_FAULTS.get(name), faultless, wrong_pixels)


def double(name, faultless=-1, wrong_pixels=0):
    """A contender by what is wrong with it, after that many frames; any other name is sound."""
    return Contender(name, "cpu", name == "eager", partial(_open, name, faultless, wrong_pixels))
