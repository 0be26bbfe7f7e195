"""Runs one after the other: start the processes, play the camera, collect what was seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from asymformer_ros.benchmark.ros import bare_receiver, camera, our_node, straightforward_node
from asymformer_ros.benchmark.ros.camera import CameraSettings
from asymformer_ros.benchmark.ros.consumer import Consumer
from asymformer_ros.benchmark.ros.figures import (
    Case,
    OutputCost,
    Passage,
    PathRun,
    Receiving,
    last_published_after,
)
from asymformer_ros.benchmark.ros.participant import PATIENCE_S, Participant
from asymformer_ros.benchmark.ros.stub_engine import NEVER_S

Serve = Callable[[Connection], None]

LABELS = "semantic"
OVERLAY = "semantic/overlay"
#: The sets of outputs whose cost is measured.
OUTPUT_SETS = (
    (LABELS,),
    (LABELS, "semantic/confidence", OVERLAY),
    (LABELS, "semantic/points"),
)
_WARM_UP_S = 1.0
_QUIET_S = 0.5
# At 30 Hz receiving is measured; outputs so slowly that one frame is done before the next comes.
_RECEIVING_HZ = 30.0
_OUTPUTS_HZ = 5.0
_OUTPUTS_INFERENCE_S = 0.005


@dataclass(frozen=True)
class Plan:
    """What is measured. Sizes: width and height. seconds: how long each run plays the camera.

    The first size runs at all rates with all engines, the others at `usual_rate_hz` with the first
    engine. engines_ms: name and time of an inference. rounds: of measuring what receiving costs.
    """

    sizes: tuple[tuple[int, int], ...] = ((640, 480), (1280, 720), (1920, 1080))
    rates_hz: tuple[float, ...] = (15.0, 30.0, 60.0, 90.0)
    usual_rate_hz: float = 30.0
    engines_ms: Mapping[str, float] = field(default_factory=lambda: {"fast": 5.0, "slow": 150.0})
    seconds: float = 10.0
    rounds: int = 3

    def cases(self) -> list[Case]:
        """The runs of the whole path, each for our node and for the straightforward one."""
        engines = list(self.engines_ms.items())
        settings = [
            (self.sizes[0], rate, *engine) for engine, rate in product(engines, self.rates_hz)
        ]
        settings += [(size, self.usual_rate_hz, *engines[0]) for size in self.sizes[1:]]
        return [Case(node, *setting) for setting in settings for node in NODES]


NODES = ("ours", "straightforward")


def run_path(case: Case, seconds: float, folder: Path) -> PathRun:
    """The whole path, with subscribers of labels and overlay; raises ParticipantError."""
    inference_s = case.inference_ms / 1e3
    serve = {
        "ours": partial(our_node.serve, inference_s=inference_s, on_one_core=False),
        "straightforward": partial(straightforward_node.serve, inference_s=inference_s),
    }[case.node]
    with _scene(serve, case.size, case.rate_hz, (LABELS, OVERLAY), folder) as scene:
        scene.play(_WARM_UP_S)
        scene.consumer.wait_until_quiet(_QUIET_S + 3 * inference_s)
        before = scene.consumer.wait_for_report() if case.node == "ours" else {}
        scene.consumer.forget()
        cpu_s, started_s = scene.node.cpu_s(), time.monotonic()
        sent = scene.play(seconds)
        share = (scene.node.cpu_s() - cpu_s) / (time.monotonic() - started_s)
        scene.consumer.wait_until_quiet(_QUIET_S + 3 * inference_s)
        after = scene.consumer.wait_for_report() if case.node == "ours" else {}
        labels = tuple(scene.consumer.passages[LABELS])
        scene.end()
    dropped = drops(len(sent), before, after) if after else _told_by_nobody(sent, labels)
    return PathRun(case, tuple(sent), labels, dropped, share)


def _told_by_nobody(sent: Sequence[int], labels: Sequence[Passage]) -> dict[str, int]:
    missing = len(sent) - len(labels)
    return {"not_told": missing} if missing else {}


def drops(sent: int, before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, int]:
    """Pairs dropped by cause between two diagnostics; transport is what the node never received."""
    grown = {
        name: int(value) - int(before.get(name, 0))
        for name, value in after.items()
        if value.isdecimal()
    }
    dropped = {
        name.removeprefix("dropped."): count
        for name, count in grown.items()
        if name.startswith("dropped.")
    }
    dropped["lost_in_transport"] = sent - grown["received_color"]
    return {cause: count for cause, count in dropped.items() if count}


def run_receiving(size: tuple[int, int], rounds: int, seconds: float, folder: Path) -> Receiving:
    """What receiving a pair costs rclpy alone and our node up to its worker.

    The worker hangs in the engine with the first pair, so that it does nothing. Raises
    ParticipantError.
    """
    kinds: dict[str, Serve] = {
        "bare": partial(bare_receiver.serve, in_lifecycle_node=False),
        "lifecycle": partial(bare_receiver.serve, in_lifecycle_node=True),
        "node": partial(our_node.serve, inference_s=NEVER_S, on_one_core=False),
    }
    samples: dict[str, list[float]] = {name: [] for name in kinds}
    lost = 0
    for _, (name, serve) in product(range(rounds), kinds.items()):
        with _scene(serve, size, _RECEIVING_HZ, (), folder) as scene:
            sent = len(scene.play(_WARM_UP_S))
            time.sleep(_QUIET_S)
            cpu_s = scene.node.cpu_s()
            measured = len(scene.play(seconds))
            time.sleep(_QUIET_S)
            samples[name].append((scene.node.cpu_s() - cpu_s) * 1e3 / measured)
            report = scene.consumer.wait_for_report() if name == "node" else {}
            received = scene.end()
        if report:
            received = int(report["received_color"]) + int(report["received_depth"])
        lost += 2 * (sent + measured) - received
    bare, lifecycle, node = map(tuple, samples.values())
    return Receiving(size, bare, lifecycle, node, lost)


def run_outputs(
    size: tuple[int, int], outputs: tuple[str, ...], seconds: float, folder: Path
) -> OutputCost:
    """What outputs cost our node on one core; raises ParticipantError."""
    serve = partial(our_node.serve, inference_s=_OUTPUTS_INFERENCE_S, on_one_core=True)
    with _scene(serve, size, _OUTPUTS_HZ, outputs, folder) as scene:
        scene.play(_WARM_UP_S)
        scene.consumer.wait_until_quiet(_QUIET_S)
        scene.consumer.forget()
        scene.play(seconds)
        scene.consumer.wait_until_quiet(_QUIET_S)
        returned_ns = scene.end()
    passages = scene.consumer.passages
    missing = tuple(topic for topic in outputs if not passages[topic])
    ms = last_published_after(returned_ns, [passages[topic] for topic in outputs])
    return OutputCost(size, outputs, tuple(ms), missing)


@dataclass(frozen=True)
class _Scene:
    """The processes of a run and this one's consumer."""

    consumer: Consumer
    node: Participant
    camera: Participant

    def play(self, seconds: float) -> list[int]:
        """Play the camera; returns the stamps that it sent."""
        self.camera.tell(seconds)
        sent: list[int] = self.camera.answer(self.node, limit_s=seconds + PATIENCE_S)
        return sent

    def end(self) -> Any:
        """End both in good order; returns the node's last answer."""
        self.camera.end()
        return self.node.end()


@contextmanager
def _scene(
    serve: Serve,
    size: tuple[int, int],
    rate_hz: float,
    outputs: Sequence[str],
    folder: Path,
) -> Iterator[_Scene]:
    settings = CameraSettings(*size, rate_hz)
    with (
        Consumer(outputs) as consumer,
        Participant("node", serve, folder) as node,
        Participant("camera", partial(camera.serve, settings=settings), folder) as a_camera,
    ):
        node.answer()
        a_camera.answer(node)
        if outputs:
            consumer.wait_for_publisher()
        yield _Scene(consumer, node, a_camera)
