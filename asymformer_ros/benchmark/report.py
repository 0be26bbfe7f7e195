"""The figures of a benchmark, and all of it as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from asymformer_ros.benchmark.machine import Machine
from asymformer_ros.benchmark.rounds import ORDER_SEED, WARM_UP_ROUNDS, Outcome, Result
from asymformer_ros.engines.engine import StageTimes


@dataclass(frozen=True)
class Subject:
    """What was timed. size: height and width. is_trained: whether its labels mean anything."""

    weights: str
    network: str
    size: tuple[int, int]
    frames: str
    is_trained: bool


@dataclass(frozen=True)
class Figures:
    """A contender in numbers; times in milliseconds.

    speedup: how many times as fast as the baseline in float32 on the same device, None without it.
    overhead: median share of a frame's time around the network in that of the network. agreement:
    share of all labels equal to float32, None where nothing gave labels in float32.
    """

    result: Result
    median: float
    p10: float
    p90: float
    stages: StageTimes
    overhead: float
    agreement: float | None
    speedup: float | None


@dataclass(frozen=True)
class Report:
    """A benchmark in whole. other_load: cores that other processes kept busy meanwhile."""

    command: str
    subject: Subject
    machine: Machine
    outcome: Outcome
    other_load: float

    @property
    def figures(self) -> list[Figures]:
        """Of every contender with samples: those on the GPU first, then the fastest."""
        with_samples = [result for result in self.outcome.results if result.samples]
        baselines = {
            result.contender.device: _median(result)
            for result in with_samples
            if result.contender.is_baseline and result.precision == "fp32"
        }
        figures = [_figures(r, baselines.get(r.contender.device)) for r in with_samples]
        return sorted(figures, key=lambda f: (f.result.contender.device != "gpu", f.median))

    @property
    def failures(self) -> list[tuple[str, str]]:
        """(name, reason) of every contender that gave nothing, or nothing more."""
        return [
            (
                result.contender.name,
                f"failed after {len(result.samples)} rounds: " * bool(result.samples)
                + result.failure,
            )
            for result in self.outcome.results
            if result.failure
        ]

    def to_json(self) -> str:
        """Everything, every sample included; times in ms, memory in MB, shares from 0 to 1."""
        figures = {figure.result.contender.name: figure for figure in self.figures}
        content = {
            "command": self.command,
            "subject": asdict(self.subject),
            "machine": asdict(self.machine),
            "other_load_cores": self.other_load,
            "warm_up_rounds": WARM_UP_ROUNDS,
            "order_seed": ORDER_SEED,
            "is_complete": self.outcome.is_complete,
            "float32": self.outcome.float32 or None,
            "contenders": [
                _entry(result, figures.get(result.contender.name))
                for result in self.outcome.results
            ],
        }
        return json.dumps(content, indent=1)


def _median(result: Result) -> float:
    return float(np.median([sample.total_ms for sample in result.samples]))


def _figures(result: Result, baseline: float | None) -> Figures:
    samples = result.samples
    p10, median, p90 = np.percentile([sample.total_ms for sample in samples], [10, 50, 90])
    overheads = [sample.total_ms / sample.stages.network - 1 for sample in samples]
    agreements = [sample.agreement for sample in samples if sample.agreement is not None]
    return Figures(
        result=result,
        median=float(median),
        p10=float(p10),
        p90=float(p90),
        stages=StageTimes(*np.median([sample.stages for sample in samples], axis=0).tolist()),
        overhead=float(np.median(overheads)),
        agreement=float(np.mean(agreements)) if agreements else None,
        speedup=None if baseline is None else baseline / float(median),
    )


def _entry(result: Result, figures: Figures | None) -> dict[str, Any]:
    return {
        "name": result.contender.name,
        "device": result.contender.device,
        "is_baseline": result.contender.is_baseline,
        "precision": result.precision or None,
        "failure": result.failure or None,
        "open_s": result.open_s,
        "memory_mb": result.memory_mb,
        "gpu_memory_mb": result.gpu_memory_mb,
        "figures": figures and _numbers(figures),
        "samples": [
            {
                "round": sample.round,
                "frame": sample.frame,
                "total_ms": sample.total_ms,
                "stages_ms": sample.stages._asdict(),
                "agreement": sample.agreement,
            }
            for sample in result.samples
        ],
    }


def _numbers(figures: Figures) -> dict[str, Any]:
    return {
        "median_ms": figures.median,
        "p10_ms": figures.p10,
        "p90_ms": figures.p90,
        "stages_ms": figures.stages._asdict(),
        "overhead": figures.overhead,
        "agreement": figures.agreement,
        "speedup": figures.speedup,
    }
