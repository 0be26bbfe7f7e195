"""The lines of all frames as frames.csv, written while they come."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, fields
from pathlib import Path

from asymformer_ros.evaluation.frame_row import FrameRow

_COLUMNS = [field.name for field in fields(FrameRow)]


@contextmanager
def frame_table(path: Path) -> Iterator[Callable[[FrameRow], None]]:
    """What writes a line; the file is there under its name when this is left without an error.

    Raises OSError.
    """
    growing = path.with_name(f".{path.name}.part")
    try:
        # File names that are no text come as surrogates, which UTF-8 has no place for.
        with growing.open("w", 1, encoding="utf-8", errors="replace", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(_COLUMNS)
            yield lambda row: writer.writerow(astuple(row))
        growing.replace(path)
    finally:
        growing.unlink(missing_ok=True)


def read_frame_table(path: Path) -> Iterator[FrameRow]:
    """The lines that `frame_table` wrote, one by one."""
    with path.open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            yield _row(line)


def _row(line: dict[str, str]) -> FrameRow:
    def share(name: str) -> float | None:
        return float(line[name]) if line[name] else None

    return FrameRow(
        number=int(line["number"]),
        name=line["name"],
        stamp_ns=int(line["stamp_ns"]),
        latency_ms=float(line["latency_ms"]),
        confidence=share("confidence"),
        mean_iou=share("mean_iou"),
        pixel_accuracy=share("pixel_accuracy"),
        flicker=share("flicker"),
    )
