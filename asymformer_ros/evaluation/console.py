"""A result as text for the console."""

from __future__ import annotations

from collections.abc import Sequence

from asymformer_ros.evaluation.figures import aligned, drops, figures, percent, readable
from asymformer_ros.evaluation.results import ClassResult, Result

_WIDTH = 100


def result_table(result: Result) -> str:
    """What was evaluated, its figures, the IoU of each class, and last what is doubtful."""
    subject, frames = result.subject, result.frames
    mode = subject.mode.replace("_", " ")
    settings = "".join(f", {name} {value}" for name, value in subject.settings.items())
    lines = [
        readable(f"{subject.kind} {subject.path}, {mode}{settings}"),
        readable(f"  weights {subject.weights}, classes {subject.label_space}"),
        readable(f"  engine  {subject.engine}"),
        "",
    ]
    rows = [(figure.name, figure.text) for figure in figures(result) if figure.value is not None]
    for kind, dropped in (("colour", frames.dropped), ("depth", frames.dropped_depth)):
        rows += [(f"  {kind}: {cause}", str(number)) for cause, number in drops(dropped).items()]
    lines += [f"  {line}" for line in aligned(rows)]
    if result.latency_ms is not None:
        lines.append(readable(f"  latency is that of {result.latency_ms.of}"))
    if frames.segmented:
        lines += ["", *_classes(result.classes, with_truth=result.scores is not None)]
    if not result.complete:
        lines += ["", "PARTIAL: the evaluation did not reach its end"]
    lines += [readable(f"problem: {problem}") for problem in result.problems]
    return "\n".join(lines)


def _classes(classes: Sequence[ClassResult], with_truth: bool) -> list[str]:
    """IoU of every class, or without truth its share of the pixels, in columns of class order."""
    shown = [(one.name, percent(one.iou if with_truth else one.predicted_share)) for one in classes]
    cells = aligned(shown)
    width = max(map(len, cells)) + 4
    columns = max(1, min(_WIDTH // width, len(cells)))
    height = -(-len(cells) // columns)
    lines = ["".join(f"{cell:<{width}}" for cell in cells[row::height]) for row in range(height)]
    title = "IoU by class" if with_truth else "share of the predicted pixels by class"
    return [f"  {title}", *(f"    {line.rstrip()}" for line in lines)]
