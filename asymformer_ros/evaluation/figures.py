"""The figures of a result by name and unit, and how they are put into text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from asymformer_ros.evaluation.results import Latency, OverallScores, Result


@dataclass(frozen=True)
class Figure:
    """One figure by name; value is None where it is not known."""

    name: str
    value: float | None
    unit: Literal["share", "ms", "s", "frames"]

    @property
    def text(self) -> str:
        """The value with its unit, "-" where it is not known."""
        if self.value is None:
            return "-"
        if self.unit == "share":
            return percent(self.value)
        return f"{self.value:.0f}" if self.unit == "frames" else f"{self.value:.1f} {self.unit}"


def percent(share: float | None, digits: int = 2) -> str:
    """A share of 1 in per cent, "-" for None; what is less than all does not read like all."""
    if share is None:
        return "-"
    text = f"{share:.{digits}%}"
    return f"{100 - 10**-digits:.{digits}f}%" if share < 1 and float(text[:-1]) == 100 else text


def figures(result: Result) -> tuple[Figure, ...]:
    """Scores, flicker, latency and counts, the same for every result."""
    scores, with_drops = result.scores, result.scores_with_drops
    latency, frames = result.latency_ms, result.frames
    return (
        Figure("mean IoU", _of(scores, "mean_iou"), "share"),
        Figure("mean IoU, classes in the truth", _of(scores, "mean_iou_present"), "share"),
        Figure("pixel accuracy", _of(scores, "pixel_accuracy"), "share"),
        Figure("mean accuracy", _of(scores, "mean_accuracy"), "share"),
        Figure("mean IoU, dropped frames counted", _of(with_drops, "mean_iou"), "share"),
        Figure("label flicker", result.flicker, "share"),
        Figure("latency, median", _of(latency, "p50"), "ms"),
        Figure("latency, 95 % below", _of(latency, "p95"), "ms"),
        Figure("latency, 99 % below", _of(latency, "p99"), "ms"),
        Figure("latency, longest", _of(latency, "maximum"), "ms"),
        Figure("colour images received", frames.received_color, "frames"),
        Figure("depth images received", frames.received_depth, "frames"),
        Figure("frames segmented", frames.segmented, "frames"),
        Figure("frames scored", frames.scored, "frames"),
        Figure("colour images dropped", sum(frames.dropped.values()), "frames"),
        Figure("depth images dropped", sum(frames.dropped_depth.values()), "frames"),
        Figure("engine's share of the time", result.engine_share, "share"),
        Figure("time taken", result.seconds, "s"),
    )


def drops(dropped: Mapping[str, int]) -> dict[str, int]:
    """Images by cause, the most frequent first; causes without any are left out."""
    most_first = sorted(dropped.items(), key=lambda item: (-item[1], item[0]))
    return {cause: number for cause, number in most_first if number}


def machine_settings(machine: Mapping[str, Any]) -> dict[str, str]:
    """A machine as text by name, groups such as its runtimes taken apart, without what it lacks."""
    settings: dict[str, str] = {}
    for name, value in machine.items():
        if isinstance(value, Mapping):
            settings |= machine_settings(value)
        elif value not in (None, "", [], ()):
            listed = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            settings[name.replace("_", " ")] = listed
    return settings


def aligned(rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Lines of columns as wide as their widest cell; the first `left` of them start at the left.

    What a terminal would obey or cannot show is replaced.
    """
    rows = [[readable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(_padded(row, widths, left)).rstrip() for row in rows]


def readable(text: str) -> str:
    """One line of the text without what a terminal would obey or cannot show."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _of(part: OverallScores | Latency | None, name: str) -> float | None:
    return None if part is None else float(getattr(part, name))


def _padded(row: Sequence[str], widths: Sequence[int], left: int) -> list[str]:
    signs = ["<"] * left + [">"] * (len(widths) - left)
    return [f"{cell:{sign}{width}}" for cell, sign, width in zip(row, signs, widths, strict=True)]
