"""Label spaces: which class an index means and in which colour it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from asymformer_ros.perception.frames import UNLABELLED
from asymformer_ros.resources import resource


class LabelSpaceError(RuntimeError):
    """A label space cannot be used; the message names the file, the entry and the remedy."""


@dataclass(frozen=True, eq=False)
class LabelSpace:
    """The classes of a network's output and their colours.

    classes: class k is the name of label k. palette: uint8 [256, 3], R, G, B order, black for 255
    (unlabelled) and for every index beyond the classes.
    """

    name: str
    classes: tuple[str, ...]
    palette: NDArray[np.uint8]


def load_label_space(name_or_path: str) -> LabelSpace:
    """Read a bundled label space by its name or one of your own by the path of its YAML file.

    The file holds `name` and `classes`, a list of `{name: text, color: [red, green, blue]}` in the
    order of the network's outputs. Raises LabelSpaceError.
    """
    path = _find(name_or_path)
    document = _read(path)
    classes: list[str] = []
    palette = np.zeros((256, 3), dtype=np.uint8)
    for index, entry in enumerate(document["classes"]):
        name, palette[index] = _class(entry, f"{path}: class {index}")
        if name in classes:
            raise LabelSpaceError(
                f"{path}: classes {classes.index(name)} and {index} are both named {name!r}; "
                "give each class a name of its own"
            )
        classes.append(name)
    return LabelSpace(document["name"], tuple(classes), palette)


def bundled_label_spaces() -> dict[str, Path]:
    """Name and file of every label space that comes with the package."""
    return {path.stem: path for path in sorted(resource("config/label_spaces").glob("*.yaml"))}


def _find(name_or_path: str) -> Path:
    bundled = bundled_label_spaces()
    path = bundled.get(name_or_path) or Path(name_or_path).expanduser()
    if not path.is_file():
        raise LabelSpaceError(
            f"label space {name_or_path!r} is no file and no bundled name; "
            f"give the path of a YAML file or one of {', '.join(bundled)}"
        )
    return path


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise LabelSpaceError(f"{path} is not YAML, correct it: {reason}") from error
    except OSError as error:
        raise LabelSpaceError(
            f"{path} cannot be read, check its permissions: {error.strerror}"
        ) from error
    if not isinstance(document, dict) or not isinstance(document.get("name"), str):
        raise LabelSpaceError(f"{path}: the entry `name` is missing or not text; add it")
    classes = document.get("classes")
    if not isinstance(classes, list) or not 0 < len(classes) <= UNLABELLED:
        found = f"{len(classes)} classes" if isinstance(classes, list) else "none"
        raise LabelSpaceError(
            f"{path}: `classes` must list 1 to {UNLABELLED} classes "
            f"({UNLABELLED} itself means unlabelled), found {found}; correct the list"
        )
    return document


def _class(entry: Any, where: str) -> tuple[str, list[int]]:
    name = entry.get("name") if isinstance(entry, dict) else None
    if not isinstance(name, str) or not name.strip():
        raise LabelSpaceError(
            f"{where}: `name` must be text, found {name!r}; put the name in quotes"
        )
    color = entry.get("color")
    # type() and not isinstance(): YAML's true and false are ints to Python.
    valid = isinstance(color, list) and all(type(v) is int and 0 <= v <= 255 for v in color)
    if not valid or len(color) != 3:
        raise LabelSpaceError(
            f"{where} ({name}): `color` must be [red, green, blue] of integers 0 to 255, "
            f"found {color!r}; correct it"
        )
    return name, color
