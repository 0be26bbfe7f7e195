"""What an evaluation found, as `asymformer compare`, the report and other programs read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

#: Changes when an entry changes its meaning.
SCHEMA = 1


class ResultError(RuntimeError):
    """A file holds no result of an evaluation; the message says which and why."""


@dataclass(frozen=True)
class Subject:
    """What was evaluated with what.

    kind: ``bag``, ``dataset`` or ``rooms``. mode: ``offline`` or ``through_ros``. path: as given.
    settings: what else decides the figures, by name: layout, split, topics, slop.
    engine: what ran, in words. label_space: name of the classes.
    """

    kind: str
    mode: str
    path: str
    settings: Mapping[str, str]
    weights: str
    engine: str
    label_space: str


@dataclass(frozen=True)
class FrameCounts:
    """What became of the frames.

    received_color = segmented + sum(dropped.values()). received_depth: depth images. scored: the
    segmented ones with truth. dropped: colour images by cause; dropped_depth: depth images.
    """

    received_color: int
    received_depth: int
    segmented: int
    scored: int
    dropped: Mapping[str, int]
    dropped_depth: Mapping[str, int]


@dataclass(frozen=True)
class OverallScores:
    """The paper's metric over all scored frames, shares of 1.

    mean_iou: over all classes, absent ones as 0. mean_iou_present: over those in the truth.
    mean_accuracy: mean recall of the classes in the truth.
    """

    mean_iou: float
    mean_iou_present: float
    pixel_accuracy: float
    mean_accuracy: float


@dataclass(frozen=True)
class ClassResult:
    """One class; iou and accuracy (recall) are None where undefined, color is #rrggbb.

    truth_share, predicted_share: of the labelled pixels of the truth, of all predicted pixels.
    """

    name: str
    color: str
    iou: float | None
    accuracy: float | None
    truth_share: float | None
    predicted_share: float


@dataclass(frozen=True)
class Latency:
    """Milliseconds; of: what they measure, in words. counts[i] frames lie in edges[i..i+1]."""

    of: str
    mean: float
    p50: float
    p95: float
    p99: float
    maximum: float
    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Result:
    """Everything that one evaluation found.

    complete: whether it reached its end. problems: sentences about what was lost or doubtful.
    scores: None without truth. scores_with_drops: every labelled colour image counts, a dropped one
    with the labels of the frame before it, as a robot has them then; None without drops or truth.
    confusion: pixels [true class][predicted class], one column more for predictions of no class;
    None without truth. flicker: share of the pixels with a steady depth whose label changes from
    one frame to the next, None where there was nothing to compare. engine_share: share of seconds
    that the engine ran. machine: CPU, cores and so on by name. version: of this package.
    """

    subject: Subject
    complete: bool
    problems: tuple[str, ...]
    frames: FrameCounts
    scores: OverallScores | None
    scores_with_drops: OverallScores | None
    classes: tuple[ClassResult, ...]
    confusion: tuple[tuple[int, ...], ...] | None
    latency_ms: Latency | None
    flicker: float | None
    seconds: float
    engine_share: float | None
    machine: Mapping[str, Any]
    version: str

    def to_json(self) -> str:
        """The content of result.json."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, indent=1, allow_nan=False)


def read_result(path: Path) -> Result:
    """Read what `Result.to_json` wrote; raises ResultError."""
    try:
        document = json.loads(path.read_bytes())
        if not isinstance(document, dict) or document.pop("schema", None) != SCHEMA:
            raise ResultError(f"{path} is no result of this version: evaluate again to make one")
        result: Result = _typed(document, Result, "the result")
        return result
    except OSError as error:
        raise ResultError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise ResultError(f"{path} is no result of `asymformer evaluate`: {error}") from error


def _typed(value: Any, kind: Any, name: str) -> Any:
    """A value of JSON as what an annotation of the classes above says; raises TypeError."""
    origin, inner = get_origin(kind), get_args(kind)
    if isinstance(kind, type) and is_dataclass(kind) and isinstance(value, dict):
        kinds = get_type_hints(kind)
        if value.keys() != kinds.keys():
            different = ", ".join(sorted(value.keys() ^ kinds.keys()))
            raise TypeError(f"{name} lacks or should not have {different}")
        return kind(**{key: _typed(value[key], kinds[key], key) for key in kinds})
    if origin is UnionType:
        return None if value is None else _typed(value, inner[0], name)
    if origin is tuple and isinstance(value, list):
        return tuple(_typed(one, inner[0], name) for one in value)
    if origin is Mapping and isinstance(value, dict):
        return {key: _typed(one, inner[1], name) for key, one in value.items()}
    if kind is Any or type(value) is kind or (kind is float and type(value) is int):
        return value
    raise TypeError(f"{name} is {str(value)[:50]!r}")
