"""NYUv2 and SUN RGB-D in the layouts that are in use, with their official splits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from asymformer_ros.evaluation.datasets.layouts import LAYOUTS_BY_NAME, SPLITS, require_layout
from asymformer_ros.evaluation.labelled_frames import DatasetError, LabelledFrames
from asymformer_ros.perception.depth_unit import DEPTH_UNITS, DepthUnit
from asymformer_ros.perception.labels import did_you_mean

__all__ = ["LAYOUTS", "SPLITS", "open_dataset"]

#: What each layout is, in a line.
LAYOUTS: Mapping[str, str] = {name: one.description for name, one in LAYOUTS_BY_NAME.items()}


def open_dataset(
    path: Path, layout: str, split: str, unit: DepthUnit | None = None
) -> LabelledFrames:
    """The frames of one split of a data set on disk; raises DatasetError.

    path: its folder. layout: of `LAYOUTS`. split: "train" or "test". unit: of its depth, by default
    the layout's own.
    """
    if layout not in LAYOUTS:
        raise DatasetError(f"layout {layout!r} is unknown; {did_you_mean(layout, list(LAYOUTS))}")
    if split not in SPLITS:
        raise DatasetError(f"split {split!r} is unknown: give {' or '.join(SPLITS)}")
    require_layout(path, layout, split)
    declared = unit or _unit(layout)
    frames = LAYOUTS_BY_NAME[layout].open(path, split, declared)
    settings = {"layout": layout, "split": split, "depth unit": declared.name}
    return replace(frames, settings=settings | dict(frames.settings))


def _unit(layout: str) -> DepthUnit:
    name = LAYOUTS_BY_NAME[layout].unit
    if name is None:
        raise DatasetError(
            f"layout {layout} needs --depth-unit: its published depth images are stretched from "
            "the nearest to the farthest point of each and hold no distances; with true depth in "
            f"place of them declare its unit, one of {', '.join(DEPTH_UNITS)} or the metres of one "
            "step"
        )
    return DEPTH_UNITS[name]
