"""`asymformer soak`: the real node for a long time on a camera that goes wrong."""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, astuple, fields
from pathlib import Path
from typing import TYPE_CHECKING

from asymformer_ros.cli.arguments import positive_number

if TYPE_CHECKING:
    from asymformer_ros.benchmark.growth import Growth, Sample
    from asymformer_ros.benchmark.ros.soak import SoakRecord

_FEWEST_SAMPLES = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument(
        "--minutes", type=positive_number, default=60.0, help="how long (default 60)"
    )
    parser.add_argument("--weights", default="asymformer-nano", help="bundled name or a file")
    parser.add_argument("--engine", default="auto", help="engine of the node (default auto)")
    parser.add_argument("--output", type=Path, default=Path("soak"), help="folder (default soak)")


def run(args: argparse.Namespace) -> int:
    """Soak and judge; returns the exit code, 1 if the node ended or grew."""
    from asymformer_ros.benchmark.ros.soak import SoakPlan, soak

    args.output.mkdir(parents=True, exist_ok=True)
    parameters = {"weights": args.weights, "engine": args.engine, "exit_with_parent": True}
    print("Rendering a room, loading the network; the soak begins in some seconds ...", flush=True)
    record = soak(SoakPlan(60 * args.minutes, parameters), args.output, _progress)
    print("\r\033[K" if sys.stdout.isatty() else "", end="")
    return conclude(record, args.output)


def conclude(record: SoakRecord, folder: Path) -> int:
    """Print the verdict and write the files; returns the exit code."""
    from asymformer_ros.benchmark.growth import growth

    grown = growth(record.samples) if len(record.samples) >= _FEWEST_SAMPLES else None
    complaints = [f"the soak ended early: {record.death}"] if record.death else []
    complaints += grown.complaints if grown is not None else []
    lines = [*_described(record, grown), *(f"FAILED: {complaint}" for complaint in complaints)]
    if grown is None:
        lines.append("too short for a verdict on growth")
    elif not complaints:
        lines.append("passed: the node lives and does not grow")
    print("\n".join(lines))
    _write(folder, record, grown, complaints)
    if complaints:
        return 1
    return 0 if record.is_complete else 130


def _progress(sample: Sample) -> None:
    if not sys.stdout.isatty():
        return
    print(
        f"\r\033[K  {sample.seconds / 60:.1f} min  {sample.resident_mb:.0f} MB  "
        f"{sample.threads} threads  {sample.handles} handles  {sample.segmented} segmented  "
        f"{sample.dropped} dropped",
        end="",
        flush=True,
    )


def _trend(grown: Growth) -> str:
    return f"{grown.mb_per_hour:+.1f} MB an hour (95 %: {grown.low:+.1f} to {grown.high:+.1f})"


def _described(record: SoakRecord, grown: Growth | None) -> list[str]:
    lines = []
    if grown is not None:
        last = record.samples[-1]
        lines += [
            f"memory   {_trend(grown)}",
            f"         {last.resident_mb:.0f} MB after {last.seconds / 60:.1f} minutes, "
            f"{grown.warm_up_s / 60:.1f} of them warm-up",
            f"threads  {grown.threads:+.1f} to {last.threads}",
            f"handles  {grown.handles:+.1f} to {last.handles} open files",
        ]
    played = (f"{count} {fault}" for fault, count in sorted(record.played.items()))
    drops = (
        f"{count} {key.removeprefix('dropped.')}"
        for key, count in record.report.items()
        if key.startswith("dropped.")
    )
    return [
        *lines,
        f"engine   {record.report.get('engine', 'never reported')}",
        f"frames   {record.report.get('segmented', 0)} segmented; dropped: {', '.join(drops)}",
        f"camera   {', '.join(played)}",
        f"visits   subscribers of all outputs came and went {record.visits} times",
    ]


def _write(
    folder: Path, record: SoakRecord, grown: Growth | None, complaints: Sequence[str]
) -> None:
    from asymformer_ros.benchmark.growth import LIMITS, Sample
    from asymformer_ros.benchmark.machine import this_machine
    from asymformer_ros.files import write_atomically

    rows = io.StringIO()
    writer = csv.writer(rows)
    writer.writerow(field.name for field in fields(Sample))
    writer.writerows(astuple(sample) for sample in record.samples)
    write_atomically(folder / "soak.csv", rows.getvalue().encode())
    content = {
        "growth": grown and asdict(grown),
        "limits": LIMITS,
        "complaints": complaints,
        "is_complete": record.is_complete,
        "played": dict(record.played),
        "visits": record.visits,
        "last_report": dict(record.report),
        "machine": asdict(this_machine()),
    }
    write_atomically(folder / "soak.json", json.dumps(content, indent=1).encode())
    wrote = f"{folder}/soak.csv and {folder}/soak.json"
    if grown is not None:
        _draw(folder / "soak.png", record, grown)
        wrote = f"{folder}/soak.csv, soak.json and soak.png"
    print(f"wrote {wrote}")


def _draw(path: Path, record: SoakRecord, grown: Growth) -> None:
    from asymformer_ros.benchmark.growth_picture import growth_picture
    from asymformer_ros.cli.pictures import write_png

    title = f"The node over {record.samples[-1].seconds / 60:.0f} minutes of faults"
    subtitle = f"{record.report.get('engine', '')}; memory {_trend(grown)}"
    write_png(path, growth_picture(record.samples, grown, title, subtitle))
