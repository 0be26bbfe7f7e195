"""What is official of NYU Depth v2: the split and the 40 classes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import yaml

from asymformer_ros.evaluation.datasets.label_codes import LabelTable, label_table
from asymformer_ros.perception.frames import UNLABELLED
from asymformer_ros.resources import resource


def official_split(split: str) -> tuple[int, ...]:
    """1-based numbers of the frames of `train` (795) or `test` (654), ascending."""
    test = set(_facts()["test"])
    every = range(1, frame_count() + 1)
    return tuple(number for number in every if (number in test) == (split == "test"))


def frame_count() -> int:
    """1449."""
    return int(_facts()["frames"])


def table_of_894() -> LabelTable:
    """From the labels of nyu_depth_v2_labeled.mat to the 40 classes."""
    return label_table([UNLABELLED, *(one - 1 for one in _facts()["class_40_of_894"])])


@lru_cache(maxsize=1)
def _facts() -> dict[str, Any]:
    facts = yaml.safe_load(resource("config/datasets/nyuv2.yaml").read_text(encoding="utf-8"))
    assert isinstance(facts, dict)
    return facts
