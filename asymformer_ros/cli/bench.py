"""`asymformer bench`: time every engine here against the plain network; with --ros, the node."""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from asymformer_ros.cli.arguments import add_weights, positive_integer, positive_number

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROOMS = 5
# What chooses the engines and their frames.
_OF_ENGINES = ("weights", "profile", "cache_dir", "untrained", "rounds", "nyuv2")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    add_weights(parser)
    parser.add_argument(
        "--untrained",
        metavar="NETWORK",
        default="",
        help="random weights in place of --weights: asymformer-t (full size) or asymformer-nano",
    )
    parser.add_argument(
        "--rounds", type=positive_integer, default=20, help="timed frames of each (default 20)"
    )
    parser.add_argument(
        "--nyuv2", type=Path, help="frames from this data set in layout nyuv2-small"
    )
    parser.add_argument(
        "--ros", action="store_true", help="time the node over DDS instead, with engines that wait"
    )
    parser.add_argument(
        "--seconds",
        type=positive_number,
        default=10.0,
        help="with --ros: how long each of about 60 runs plays a camera (default 10)",
    )
    parser.add_argument("--json", type=Path, help="write every sample into this file")
    parser.add_argument("--picture", type=Path, help="draw the figures into this PNG")
    parser.set_defaults(parser=parser)


def run(args: argparse.Namespace) -> int:
    """Measure and print; returns the exit code."""
    return _run_ros(args) if args.ros else _run_engines(args)


def _run_engines(args: argparse.Namespace) -> int:
    from asymformer_ros.benchmark.contenders import ModelSource, contenders
    from asymformer_ros.benchmark.frames import nyuv2_frames, simulated_frames
    from asymformer_ros.benchmark.load import OtherLoad
    from asymformer_ros.benchmark.machine import this_machine
    from asymformer_ros.benchmark.picture import picture
    from asymformer_ros.benchmark.report import Report, Subject
    from asymformer_ros.benchmark.rounds import run_rounds
    from asymformer_ros.benchmark.table import table

    with ExitStack() as stack:
        weights = args.weights
        if args.untrained:
            from asymformer_ros.benchmark.untrained import write_untrained

            folder = stack.enter_context(tempfile.TemporaryDirectory())
            weights = str(write_untrained(args.untrained, Path(folder)))
        source = ModelSource(weights, args.profile, args.cache_dir)
        # Converted here, once: in a contender's process it would count as its time and memory.
        profile = source.model().profile
        if args.nyuv2 is None:
            frames = simulated_frames(min(args.rounds, _ROOMS), profile.input_size)
        else:
            frames = nyuv2_frames(args.nyuv2, args.rounds, profile.input_size)
        load = OtherLoad()
        outcome = run_rounds(contenders(source), frames, args.rounds, _progress)
    _progress("")
    subject = Subject(
        weights="random" if args.untrained else args.weights,
        network=profile.network,
        size=profile.input_size,
        frames=f"{len(frames)} {'simulated rooms' if args.nyuv2 is None else 'frames of NYUv2'}",
        is_trained=not args.untrained,
    )
    report = Report(_command(args), subject, this_machine(), outcome, load.cores())
    print(table(report))
    _write(args, report.to_json(), partial(picture, report) if report.figures else None)
    if not outcome.is_complete:
        return 130
    return 0 if report.figures else 1


def _run_ros(args: argparse.Namespace) -> int:
    for name in _OF_ENGINES:
        if getattr(args, name) != args.parser.get_default(name):
            option = name.replace("_", "-")
            args.parser.error(f"--{option} has no meaning with --ros, whose engines only wait")
    from asymformer_ros.benchmark.ros.measure import measure
    from asymformer_ros.benchmark.ros.picture import picture
    from asymformer_ros.benchmark.ros.runs import Plan
    from asymformer_ros.benchmark.ros.table import table

    command = f"asymformer bench --ros --seconds {args.seconds:g}"
    report = measure(Plan(seconds=args.seconds), command, _progress)
    _progress("")
    print(table(report))
    _write(args, report.to_json(), partial(picture, report) if report.paths else None)
    if not report.is_complete:
        return 130
    return 0 if report.paths and not report.failures else 1


def _progress(what: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{what}", end="", file=sys.stderr, flush=True)


def _command(args: argparse.Namespace) -> str:
    options = {
        "weights": "" if args.untrained else args.weights,
        "untrained": args.untrained,
        "profile": args.profile,
        "rounds": args.rounds,
        "nyuv2": args.nyuv2,
    }
    words = [word for name, value in options.items() if value for word in (f"--{name}", str(value))]
    return shlex.join(["asymformer", "bench", *words])


def _write(
    args: argparse.Namespace, content: str, draw: Callable[[], NDArray[np.uint8]] | None
) -> None:
    from asymformer_ros.files import write_atomically

    if args.json is not None:
        write_atomically(args.json, content.encode())
        print(f"wrote {args.json}")
    if args.picture is not None and draw is not None:
        from asymformer_ros.cli.pictures import write_png

        write_png(args.picture, draw())
        print(f"wrote {args.picture}")
