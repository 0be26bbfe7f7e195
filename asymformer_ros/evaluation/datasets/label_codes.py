"""How data sets store classes: a table from the stored value to the class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.evaluation.labelled_frames import DatasetError
from asymformer_ros.perception.frames import UNLABELLED

#: int16 [65536]: class index, 255 = void, -1 = no valid value.
LabelTable = NDArray[np.int16]


def classes_from_one(count: int) -> LabelTable:
    """Values 1..count are the classes, 0 is void."""
    return label_table([UNLABELLED, *range(count)])


def classes_from_zero(count: int) -> LabelTable:
    """Values 0..count - 1 are the classes, 255 is void."""
    table = label_table(list(range(count)))
    table[UNLABELLED] = UNLABELLED
    return table


def label_table(classes: list[int]) -> LabelTable:
    """Value k means classes[k]; all others are invalid."""
    table = np.full(65536, -1, np.int16)
    table[: len(classes)] = classes
    return table


def decode_labels(raw: NDArray[Any], table: LabelTable, where: str) -> NDArray[np.uint8]:
    """The classes of stored values, uint8 [H, W], 255 = void.

    raw: whole numbers [H, W] of any type. where: the file, for messages. Raises DatasetError.
    """
    if raw.ndim != 2 or raw.dtype.kind not in "iuf":
        raise DatasetError(
            f"{where} is {raw.dtype} {raw.shape}: labels have one channel, whose values are classes"
        )
    values = raw
    if raw.dtype not in (np.uint8, np.uint16):
        with np.errstate(invalid="ignore"):  # NaN
            values = raw.astype(np.uint16)
        if (strange := values != raw).any():
            raise _outside(raw[strange][0], table, where)
    classes = table.take(values)
    if (strange := classes < 0).any():
        raise _outside(values[strange].max(), table, where)
    return classes.astype(np.uint8)


def _outside(value: Any, table: LabelTable, where: str) -> DatasetError:
    valid = np.flatnonzero(table >= 0)
    void = np.flatnonzero(table == UNLABELLED)[0]
    last = valid[valid != UNLABELLED][-1] if void == UNLABELLED else valid[-1]
    return DatasetError(
        f"{where} has the label {value}: this layout stores 0 to {last}, void is {void}; check "
        "that the files are those of the layout"
    )
