"""Two results side by side: what changed, and whether they can be compared at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from asymformer_ros.evaluation.figures import (
    Figure,
    aligned,
    drops,
    figures,
    machine_settings,
    percent,
    readable,
)
from asymformer_ros.evaluation.results import ClassResult, Result

# Settings that say which frames are evaluated, not how.
_WHICH_DATA = ("layout", "split", "frames", "rooms", "size", "color", "labels")


def comparison_table(first: Result, second: Result) -> str:
    """Warnings, settings that differ, figures with their difference, classes by their change."""
    lines = [f"WARNING: {readable(warning)}" for warning in warnings(first, second)]
    lines += [""] if lines else []
    different = different_settings(first, second)
    if different:
        lines += ["What differs", *_indented([("", "A", "B"), *different], left=3), ""]
    else:
        lines += ["No setting differs", ""]
    lines += ["Figures", *_indented([("", "A", "B", "B - A"), *_figure_rows(first, second)])]
    if classes := _class_rows(first, second):
        changed = [row for row in classes if row[-1] != _points(0.0)]
        lines += ["", "IoU by class, the largest change first"]
        lines += _indented([("", "A", "B", "B - A"), *changed]) if changed else []
        lines += [f"  {len(classes) - len(changed)} of {len(classes)} classes have not changed"]
    for name, result in (("A", first), ("B", second)):
        lines += [readable(f"problem in {name}: {problem}") for problem in result.problems]
    return "\n".join(lines)


def warnings(first: Result, second: Result) -> list[str]:
    """Why the figures of the two cannot be held against each other, as sentences."""
    told = []
    for name, result in (("A", first), ("B", second)):
        if not result.complete:
            told.append(f"{name} is partial: its evaluation did not reach its end")
    if first.subject.label_space != second.subject.label_space:
        told.append(
            f"A has the classes {first.subject.label_space}, B {second.subject.label_space}: "
            "only classes of the same name are compared, and no mean over classes is comparable"
        )
    if (first.scores is None) != (second.scores is None):
        told.append(f"{'A' if first.scores is None else 'B'} had no truth, so it has no scores")
    if first.frames.scored != second.frames.scored:
        told.append(f"A scored {first.frames.scored} frames, B {second.frames.scored}")
    elif first.frames.received_color != second.frames.received_color:
        counts = first.frames.received_color, second.frames.received_color
        told.append("A received {} colour images, B {}".format(*counts))
    truths = _truth_pixels(first), _truth_pixels(second)
    if None not in truths and truths[0] == truths[1]:
        return told
    if _data(first) != _data(second):
        told.append(f"other data: A is {', '.join(_data(first))}; B is {', '.join(_data(second))}")
    elif None not in truths and first.frames.scored == second.frames.scored:
        told.append("the truth of A and of B has other pixels: other frames or other labels")
    return told


def different_settings(first: Result, second: Result) -> list[tuple[str, str, str]]:
    """(name, value in A, value in B) of everything that differs in how the two were made."""
    a, b = _settings(first), _settings(second)
    names = dict.fromkeys([*a, *b])
    return [
        (name, a.get(name, "-"), b.get(name, "-")) for name in names if a.get(name) != b.get(name)
    ]


def _settings(result: Result) -> dict[str, str]:
    subject = result.subject
    named = {"kind": subject.kind, "mode": subject.mode, "path": subject.path}
    named |= {name: str(value) for name, value in subject.settings.items()}
    named |= {"weights": subject.weights, "engine": subject.engine, "classes": subject.label_space}
    named |= machine_settings(result.machine)
    latency = result.latency_ms
    return named | {"latency of": latency.of if latency else "-", "version": result.version}


def _data(result: Result) -> tuple[str, ...]:
    subject = result.subject
    which = (subject.settings[name] for name in _WHICH_DATA if name in subject.settings)
    path = subject.path and os.path.normpath(subject.path)
    return (f"{subject.kind} {path}".rstrip(), *which)


def _truth_pixels(result: Result) -> tuple[int, ...] | None:
    """Pixels of the truth in each class: equal ones are, but for a miracle, the same truth."""
    return None if result.confusion is None else tuple(map(sum, result.confusion))


def _figure_rows(first: Result, second: Result) -> Iterator[tuple[str, str, str, str]]:
    for a, b in zip(figures(first), figures(second), strict=True):
        if a.value is not None or b.value is not None:
            yield a.name, a.text, b.text, _difference(a, b)
    for kind in ("dropped", "dropped_depth"):
        counts = [drops(getattr(result.frames, kind)) for result in (first, second)]
        what = "depth" if kind == "dropped_depth" else "colour"
        yield from _drop_rows(what, *counts)


def _drop_rows(
    what: str, first: Mapping[str, int], second: Mapping[str, int]
) -> Iterator[tuple[str, str, str, str]]:
    for cause in dict.fromkeys([*first, *second]):
        a, b = first.get(cause, 0), second.get(cause, 0)
        yield f"{what} images dropped: {cause}", str(a), str(b), _signed(b - a, 0)


def _difference(a: Figure, b: Figure) -> str:
    if a.value is None or b.value is None:
        return ""
    if a.unit == "share":
        return _points(b.value - a.value)
    if a.unit == "frames":
        return _signed(b.value - a.value, 0)
    ratio = f" ({b.value / a.value - 1:+.1%})" if a.value and b.value != a.value else ""
    return f"{_signed(b.value - a.value, 1)} {a.unit}{ratio}"


def _points(difference: float) -> str:
    return f"{_signed(difference * 100, 2)} points"


def _signed(difference: float, digits: int) -> str:
    text = f"{difference:+.{digits}f}"
    return text[1:] if float(text) == 0 else text


def _class_rows(first: Result, second: Result) -> list[tuple[str, str, str, str]]:
    """Classes that both have; those undefined in both are left out, in one of them come last."""
    others = {one.name: one for one in second.classes}
    pairs = [(one, others[one.name]) for one in first.classes if one.name in others]
    defined = [pair for pair in pairs if pair[0].iou is not None or pair[1].iou is not None]
    return [_class_row(*pair) for pair in sorted(defined, key=_size_of_change, reverse=True)]


def _size_of_change(pair: tuple[ClassResult, ClassResult]) -> float:
    a, b = pair
    return -1.0 if a.iou is None or b.iou is None else abs(b.iou - a.iou)


def _class_row(a: ClassResult, b: ClassResult) -> tuple[str, str, str, str]:
    change = "" if a.iou is None or b.iou is None else _points(b.iou - a.iou)
    return a.name, percent(a.iou), percent(b.iou), change


def _indented(rows: list[tuple[str, ...]], left: int = 1) -> list[str]:
    return [f"  {line}" for line in aligned(rows, left)]
