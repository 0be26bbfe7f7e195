"""Everything that is measured over DDS, in turn."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import rclpy

from asymformer_ros.benchmark.load import OtherLoad
from asymformer_ros.benchmark.machine import this_machine
from asymformer_ros.benchmark.ros.figures import (
    Case,
    OutputCost,
    PathRun,
    Receiving,
    size_text,
)
from asymformer_ros.benchmark.ros.participant import ParticipantError
from asymformer_ros.benchmark.ros.report import RosReport
from asymformer_ros.benchmark.ros.runs import (
    OUTPUT_SETS,
    Plan,
    run_outputs,
    run_path,
    run_receiving,
)
from asymformer_ros.benchmark.ros.straightforward_node import parts
from asymformer_ros.resources import resource
from asymformer_ros.ros.trial import isolate

_Result = TypeVar("_Result", Receiving, OutputCost, PathRun)
_Run = tuple[str, Callable[[Path], _Result]]


def measure(plan: Plan, command: str, tell: Callable[[str], None]) -> RosReport:
    """Measure all of a plan in a DDS domain of its own.

    tell: takes a few words on what happens now. What fails is kept with its reason; Ctrl-C ends the
    measurement early, not the call.
    """
    receiving: list[Receiving] = []
    outputs: list[OutputCost] = []
    paths: list[PathRun] = []
    failures: list[tuple[str, str]] = []
    load = OtherLoad()
    isolate(resource("config/fastdds.xml"))
    transport = rclpy.get_rmw_implementation_identifier()
    is_complete = True
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _run_all(_receiving_runs(plan), folder, receiving, failures, tell)
            _run_all(_output_runs(plan), folder, outputs, failures, tell)
            _run_all(_path_runs(plan), folder, paths, failures, tell)
    except KeyboardInterrupt:
        is_complete = False
    finally:
        rclpy.try_shutdown()
    return RosReport(
        command,
        this_machine(),
        {**parts(), "transport": transport},
        tuple(receiving),
        tuple(outputs),
        tuple(paths),
        tuple(failures),
        load.cores(),
        is_complete,
    )


def _run_all(
    runs: Sequence[_Run[_Result]],
    folder: Path,
    results: list[_Result],
    failures: list[tuple[str, str]],
    tell: Callable[[str], None],
) -> None:
    for number, (what, run) in enumerate(runs, 1):
        tell(f"{what} ({number} of {len(runs)})")
        try:
            results.append(run(folder))
        except ParticipantError as error:
            failures.append((what, str(error)))


def _receiving_runs(plan: Plan) -> list[_Run[Receiving]]:
    return [
        (f"receiving {size_text(size)}", partial(run_receiving, size, plan.rounds, plan.seconds))
        for size in plan.sizes
    ]


def _output_runs(plan: Plan) -> list[_Run[OutputCost]]:
    return [
        (
            f"{', '.join(outputs)} {size_text(size)}",
            partial(run_outputs, size, outputs, plan.seconds),
        )
        for size in plan.sizes
        for outputs in OUTPUT_SETS
    ]


def _path_runs(plan: Plan) -> list[_Run[PathRun]]:
    return [(_named(case), partial(run_path, case, plan.seconds)) for case in plan.cases()]


def _named(case: Case) -> str:
    return f"{case.node} {size_text(case.size)}, {case.rate_hz:g} Hz, {case.engine} engine"
