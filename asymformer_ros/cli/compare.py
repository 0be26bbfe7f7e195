"""`asymformer compare`: two evaluations side by side, with what changed."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    what = "result.json of an evaluation, or the folder that holds it"
    for name in ("A", "B"):
        parser.add_argument(name.lower(), metavar=name, type=Path, help=what)


def run(args: argparse.Namespace) -> int:
    """Compare and print; returns the exit code."""
    from asymformer_ros.evaluation.comparison import comparison_table
    from asymformer_ros.evaluation.results import read_result

    first, second = (
        read_result(path / "result.json" if path.is_dir() else path) for path in (args.a, args.b)
    )
    print(f"A  {args.a}\nB  {args.b}\n\n{comparison_table(first, second)}")
    return 0
