"""The report of an evaluation: one HTML file that needs nothing else and asks nobody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from asymformer_ros.evaluation import report_plots
from asymformer_ros.evaluation.figures import drops, machine_settings, percent
from asymformer_ros.evaluation.frame_row import FrameRow, PicturedFrame
from asymformer_ros.evaluation.report_pictures import Depicted, depict, depth_colors
from asymformer_ros.evaluation.results import ClassResult, FrameCounts, Result
from asymformer_ros.files import write_atomically
from asymformer_ros.perception.labels import LabelSpace

#: More rows than this are thinned evenly: the file and its search stay quick.
MOST_ROWS = 20_000

_TEMPLATES = Path(__file__).parent / "templates"
_COLUMNS = ("no.", "frame", "mean IoU", "pixel accuracy", "confidence", "latency, ms", "flicker")
_WHY = {"best": "The best frames", "worst": "The worst frames", "random": "Random frames"}
_WHY_WITHOUT_TRUTH = {
    "best": "The most confident frames",
    "worst": "The least confident frames",
    "random": "Random frames",
}


def write_report(
    path: Path,
    result: Result,
    rows: Iterable[FrameRow],
    pictured: Sequence[PicturedFrame],
    space: LabelSpace,
) -> None:
    """Write the report of a result as one self-contained HTML file.

    rows: all segmented frames, in their order. space: the classes of the labels. Raises OSError.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent
    page = environment.get_template("report.html").render(_content(result, rows, pictured, space))
    # File names that are no text come as surrogates, which UTF-8 has no place for.
    write_atomically(path, page.encode("utf-8", errors="replace"))


def _content(
    result: Result,
    rows: Iterable[FrameRow],
    pictured: Sequence[PicturedFrame],
    space: LabelSpace,
) -> dict[str, Any]:
    names = [one.name for one in result.classes]
    listed = [_cells(row) for row in _thinned(rows, result.frames.segmented)]
    confusion = mistakes = None
    if result.confusion is not None and any(map(any, result.confusion)):
        confusion = report_plots.shown_confusion(result.confusion, names)
        mistakes = report_plots.mistakes(result.confusion, names)
    shares = [share for one in result.classes for share in (one.truth_share, one.predicted_share)]
    return {
        "result": result,
        "names": names,
        "order": _order(result),
        "mistakes": mistakes,
        "share_end": report_plots.round_up(max([share or 0.0 for share in shares], default=0.0)),
        "confusion": confusion,
        "histogram": result.latency_ms and report_plots.histogram(result.latency_ms),
        "fates": _fates(result.frames),
        "groups": _groups(pictured, space, result.scores is not None),
        "depth_colors": depth_colors(),
        "total_rows": result.frames.segmented,
        "machine": machine_settings(result.machine),
        "columns": _columns(listed),
        "script_data": {
            "frames": listed,
            "confusion": confusion and {"columns": confusion.columns, "pixels": confusion.pixels},
            "colors": _names_of_colors(result.classes),
        },
    }


def _order(result: Result) -> list[int]:
    """Classes by IoU, or without truth by their share of the prediction; undefined ones last."""
    key = "iou" if result.scores is not None else "predicted_share"
    values = [getattr(one, key) for one in result.classes]
    return sorted(range(len(values)), key=lambda k: -1.0 if values[k] is None else values[k])[::-1]


def _fates(frames: FrameCounts) -> list[tuple[str, int]]:
    """Rows of the table that tells what became of the images."""
    return [
        ("colour images received", frames.received_color),
        ("of these segmented", frames.segmented),
        ("of these scored against truth", frames.scored),
        *((f"colour dropped: {cause}", count) for cause, count in drops(frames.dropped).items()),
        ("depth images received", frames.received_depth),
        *(
            (f"depth dropped: {cause}", count)
            for cause, count in drops(frames.dropped_depth).items()
        ),
    ]


def _groups(
    pictured: Sequence[PicturedFrame], space: LabelSpace, with_truth: bool
) -> list[tuple[str, list[Depicted]]]:
    """The frames under the heading of why they are shown."""
    groups = []
    for why, title in (_WHY if with_truth else _WHY_WITHOUT_TRUTH).items():
        members = [depict(frame, space) for frame in pictured if frame.why == why]
        groups += [(title, members)] if members else []
    return groups


def _thinned(rows: Iterable[FrameRow], total: int) -> Iterator[FrameRow]:
    """At most MOST_ROWS of all rows, evenly, the first and the last among them."""
    if total <= MOST_ROWS:
        return iter(rows)
    kept = {number * (total - 1) // (MOST_ROWS - 1) for number in range(MOST_ROWS)}
    return (row for number, row in enumerate(rows) if number in kept)


def _cells(row: FrameRow) -> list[Any]:
    """In the order of the table's columns, as exact as they are shown."""
    shares = (row.mean_iou, row.pixel_accuracy, row.confidence, row.flicker)
    miou, accuracy, confidence, flicker = (one if one is None else round(one, 5) for one in shares)
    return [row.number, row.name, miou, accuracy, confidence, round(row.latency_ms, 2), flicker]


def _columns(cells: Sequence[Sequence[Any]]) -> list[tuple[int, str]]:
    """Index and title of the columns that have a value in any frame."""
    with_value = [any(row[index] is not None for row in cells) for index in range(len(_COLUMNS))]
    return [
        (index, title) for index, title in enumerate(_COLUMNS) if with_value[index] or not cells
    ]


def _names_of_colors(classes: Sequence[ClassResult]) -> dict[str, str]:
    """What a colour in a picture of labels means; classes may share one."""
    names: dict[str, list[str]] = {}
    for one in classes:
        names.setdefault(one.color.lower(), []).append(one.name)
    return {color: " or ".join(members) for color, members in names.items()}
