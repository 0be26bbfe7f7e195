"""The real node for a long time: a camera that goes wrong, subscribers that come and go."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType

import rclpy

from asymformer_ros.benchmark.growth import Sample, held_by
from asymformer_ros.benchmark.ros import our_node, soak_camera
from asymformer_ros.benchmark.ros.consumer import Consumer
from asymformer_ros.benchmark.ros.participant import Participant, ParticipantError
from asymformer_ros.benchmark.ros.soak_camera import SoakCameraSettings
from asymformer_ros.resources import resource
from asymformer_ros.ros.trial import isolate

_LABELS = "semantic"
# What visitors subscribe to: everything that is computed for subscribers only.
_VISITED = (
    "semantic/confidence",
    "semantic/color",
    "semantic/overlay",
    "semantic/overlay/compressed",
    "semantic/mask",
    "semantic/points",
)
# Building an engine on a small Jetson takes a good part of it.
_OPEN_LIMIT_S = 3600.0


@dataclass(frozen=True)
class SoakPlan:
    """parameters: of the node. visit_s: for how long subscribers stay, and stay away."""

    seconds: float
    parameters: Mapping[str, object]
    camera: SoakCameraSettings = field(default_factory=SoakCameraSettings)
    sample_s: float = 2.0
    visit_s: float = 7.0


@dataclass
class SoakRecord:
    """What a soak saw so far. played: pairs by fault; report: the node's last diagnostics.

    death: why the soak ended early, empty if it did not.
    """

    samples: list[Sample] = field(default_factory=list)
    played: Mapping[str, int] = field(default_factory=dict)
    report: Mapping[str, str] = field(default_factory=dict)
    visits: int = 0
    death: str = ""
    is_complete: bool = False


def soak(plan: SoakPlan, folder: Path, tell: Callable[[Sample], None]) -> SoakRecord:
    """Run node and camera, in a DDS domain of their own; their logs go to the folder.

    tell: called with every sample. Ctrl-C ends the soak early, not the call. Raises
    ParticipantError if the node never starts.
    """
    isolate(resource("config/fastdds.xml"))
    record = SoakRecord()
    node = partial(our_node.serve_real, parameters=plan.parameters)
    camera = partial(soak_camera.serve, settings=plan.camera)
    try:
        with (
            suppress(KeyboardInterrupt),
            Consumer([_LABELS]) as consumer,
            Participant("node", node, folder) as the_node,
            Participant("camera", camera, folder) as the_camera,
        ):
            the_node.answer()
            the_camera.answer(the_node, limit_s=_OPEN_LIMIT_S)
            the_camera.tell("play")
            try:
                _watch(plan, record, consumer, (the_node, the_camera), tell)
                the_camera.tell("end")
                record.played = the_camera.answer()
                the_node.end()
            except (ParticipantError, OSError) as error:
                record.death = str(error)
    finally:
        rclpy.try_shutdown()
    return record


def _watch(
    plan: SoakPlan,
    record: SoakRecord,
    consumer: Consumer,
    participants: tuple[Participant, Participant],
    tell: Callable[[Sample], None],
) -> None:
    node, _ = participants
    started_s = time.monotonic()
    with _Visitors(plan.visit_s) as visitors:
        while (now_s := time.monotonic() - started_s) < plan.seconds:
            for participant in participants:
                participant.check()
            visitors.move(now_s)
            record.visits = visitors.visits
            record.report = consumer.report
            held = held_by(node.pid)
            dropped = [int(n) for key, n in record.report.items() if key.startswith("dropped.")]
            segmented = int(record.report.get("segmented", 0))
            sample = Sample(
                now_s, held.resident_mb, held.threads, held.handles, segmented, sum(dropped)
            )
            record.samples.append(sample)
            tell(sample)
            time.sleep(min(plan.sample_s, plan.seconds - now_s))
    record.is_complete = True


class _Visitors:
    """Subscribers that stay for a while and stay away for a while."""

    def __init__(self, visit_s: float) -> None:
        self.visits = 0
        self._visit_s = visit_s
        self._present: Consumer | None = None

    def __enter__(self) -> _Visitors:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leave()

    def move(self, now_s: float) -> None:
        """Come or go if it is time."""
        if int(now_s / self._visit_s) % 2 == 0:
            self._leave()
        elif self._present is None:
            self._present = Consumer(_VISITED, "visitor").__enter__()
            self.visits += 1

    def _leave(self) -> None:
        if self._present is not None:
            self._present.__exit__(None, None, None)
            self._present = None
