"""Runs an evaluation with a progress bar and writes what it found."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from asymformer_ros.cli.interruption import stop_on_signal

if TYPE_CHECKING:
    from asymformer_ros.evaluation.frames import FrameSource
    from asymformer_ros.evaluation.results import Result, Subject
    from asymformer_ros.evaluation.run import Answerer
    from asymformer_ros.perception.labels import LabelSpace

_FILES = ("result.json", "frames.csv", "report.html")


def evaluate_source(
    source: FrameSource,
    answerer: Answerer,
    subject: Subject,
    space: LabelSpace,
    latency_of: str,
    engine_s: Callable[[], float | None],
    folder: Path,
    amend: Callable[[Result], Result] = lambda result: result,
) -> int:
    """Evaluate to the end or to a signal; returns the exit code, 0 if the result is whole.

    Prints the figures and writes result.json, frames.csv and report.html into the folder.
    latency_of, engine_s: see `conclude`. amend: puts in what the run cannot know. A fault of this
    program is raised when all is written.
    """
    from tqdm import tqdm

    from asymformer_ros.benchmark.machine import this_machine
    from asymformer_ros.evaluation.conclusion import conclude
    from asymformer_ros.evaluation.console import result_table
    from asymformer_ros.evaluation.frame_table import frame_table, read_frame_table
    from asymformer_ros.evaluation.report import write_report
    from asymformer_ros.evaluation.run import run
    from asymformer_ros.files import write_atomically

    for name in _FILES:  # of an earlier run: they would be taken for this one's
        (folder / name).unlink(missing_ok=True)
    with (
        stop_on_signal() as stop,
        frame_table(folder / "frames.csv") as note,
        tqdm(total=source.total, unit="frame", disable=None) as bar,
    ):
        done = run(source, answerer, len(space.classes), note, bar.update, stop)
    machine = asdict(this_machine())
    result = amend(conclude(done, subject, space, latency_of, engine_s(), machine))
    write_atomically(folder / "result.json", result.to_json().encode())
    print("\n" + result_table(result))
    rows = read_frame_table(folder / "frames.csv")
    write_report(folder / "report.html", result, rows, done.keeper.pictured(), space)
    print(f"\nwrote {folder}/report.html, result.json and frames.csv")
    if done.fault is not None:
        raise done.fault
    if stop.is_set():
        return 130
    return _exit_code(result)


def _exit_code(result: Result) -> int:
    if not result.frames.segmented:
        print("asymformer evaluate: no frame was segmented", file=sys.stderr)
        return 1
    return 0 if result.complete and not result.problems else 1
