"""Label spaces: which class an index means, its colour, and groups that map many classes to few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from asymformer_ros.perception.frames import UNLABELLED
from asymformer_ros.resources import resource

_IDENTITY = np.arange(256, dtype=np.uint8)
_SINGULAR = {"classes": "class", "groups": "group"}


class LabelSpaceError(RuntimeError):
    """A label space cannot be used; the message names the file, the entry and the remedy."""


@dataclass(frozen=True, eq=False)
class LabelSpace:
    """Classes and their colours.

    classes: class k is the name of label k. palette: uint8 [256, 3], R, G, B order, black for 255
    (unlabelled) and for every index beyond the classes.
    """

    name: str
    classes: tuple[str, ...]
    palette: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Labelling:
    """What is published of a network's labels.

    space: the published classes. table: uint8 [256], the published label of each network label;
    255 stays 255.
    """

    space: LabelSpace
    table: NDArray[np.uint8]

    @property
    def is_identity(self) -> bool:
        """Whether the network's labels are published as they are."""
        return bool(np.array_equal(self.table, _IDENTITY))


@dataclass(frozen=True, eq=False)
class LabelFile:
    """A label space file as it was read, before it is known which network it is for.

    path: for messages. space: its classes or its groups. groups: the network's classes in each
    group, None for a file of classes. rest: the group of every class that is in none.
    """

    path: Path
    space: LabelSpace
    groups: tuple[tuple[str, ...], ...] | None = None
    rest: str | None = None


def load_label_space(name_or_path: str) -> LabelSpace:
    """The classes of a network: a bundled label space by name or a YAML file by path.

    Raises LabelSpaceError, also for a file of groups.
    """
    file = read_label_file(name_or_path)
    if file.groups is not None:
        raise LabelSpaceError(
            f"{file.path} holds groups, which need the classes of a network: name a label space "
            "with `classes` here"
        )
    return file.space


def load_labelling(name_or_path: str, network: LabelSpace) -> Labelling:
    """How the labels of a network are published, by a bundled name or the path of a YAML file.

    "": as they are. A file with `classes` renames the network's, a file with `groups` maps them.
    Raises LabelSpaceError.
    """
    if not name_or_path:
        return Labelling(network, _IDENTITY)
    file = read_label_file(name_or_path)
    if file.groups is not None:
        return Labelling(file.space, _group_table(file, file.groups, network))
    if len(file.space.classes) != len(network.classes):
        raise LabelSpaceError(
            f"label_space {file.space.name} has {len(file.space.classes)} classes, "
            f"the weights {len(network.classes)}: leave it empty or name one that fits"
        )
    return Labelling(file.space, _IDENTITY)


def read_label_file(name_or_path: str) -> LabelFile:
    """Read and check a bundled label space by its name or one of your own by its file's path.

    The file holds `name` and either `classes`, a list of `{name: text, color: [red, green, blue]}`
    in the order of the network's outputs, or `groups`, a list of the same with `classes: [names of
    the network's classes]` in each, and if wanted `rest: name of the group of all other classes`
    (without it these are unlabelled). Raises LabelSpaceError.
    """
    path = _find(name_or_path)
    document = _read(path)
    kind = "groups" if "groups" in document else "classes"
    names: list[str] = []
    palette = np.zeros((256, 3), dtype=np.uint8)
    for index, entry in enumerate(document[kind]):
        name, palette[index] = _entry(entry, f"{path}: {_SINGULAR[kind]} {index}")
        if name in names:
            raise LabelSpaceError(
                f"{path}: {kind} {names.index(name)} and {index} are both named {name!r}; "
                f"give each {_SINGULAR[kind]} a name of its own"
            )
        names.append(name)
    space = LabelSpace(document["name"], tuple(names), palette)
    if kind == "classes":
        return LabelFile(path, space)
    return LabelFile(path, space, _groups(document, path), _rest(document, names, path))


def bundled_label_spaces() -> dict[str, Path]:
    """Name and file of every label space that comes with the package."""
    return {path.stem: path for path in sorted(resource("config/label_spaces").glob("*.yaml"))}


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """The advice at the end of a message about an unknown name."""
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"


def _group_table(
    file: LabelFile, groups: tuple[tuple[str, ...], ...], network: LabelSpace
) -> NDArray[np.uint8]:
    table = np.full(256, UNLABELLED, dtype=np.uint8)
    if file.rest is not None:
        table[: len(network.classes)] = file.space.classes.index(file.rest)
    unknown: list[str] = []
    for label, members in enumerate(groups):
        for name in members:
            if name in network.classes:
                table[network.classes.index(name)] = label
            else:
                unknown.append(name)
    # Other networks' names for the same things are welcome: one file serves several networks.
    bundled = _bundled_classes() if unknown else set()
    for name in unknown:
        if name not in bundled:
            raise LabelSpaceError(
                f"{file.path}: {name!r} is no class of {network.name}; "
                f"{did_you_mean(name, network.classes)}"
            )
    if len(unknown) == sum(map(len, groups)):
        raise LabelSpaceError(
            f"{file.path}: no group has a class of {network.name}; group "
            f"{', '.join(network.classes)}"
        )
    return table


def _bundled_classes() -> set[str]:
    files = map(read_label_file, bundled_label_spaces())
    return {name for file in files if file.groups is None for name in file.space.classes}


def _find(name_or_path: str) -> Path:
    bundled = bundled_label_spaces()
    try:
        path = bundled.get(name_or_path) or Path(name_or_path).expanduser()
        is_file = path.is_file()
    except (OSError, RuntimeError):  # a name too long, a home of nobody
        is_file = False
    if not is_file:
        raise LabelSpaceError(
            f"label space {name_or_path!r} is no file and no bundled name; "
            f"give the path of a YAML file or one of {', '.join(bundled)}"
        )
    return path


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise LabelSpaceError(f"{path} is not YAML, correct it: {reason}") from error
    except OSError as error:
        raise LabelSpaceError(
            f"{path} cannot be read, check its permissions: {error.strerror}"
        ) from error
    if not isinstance(document, dict) or not isinstance(document.get("name"), str):
        raise LabelSpaceError(f"{path}: the entry `name` is missing or not text; add it")
    if "classes" in document and "groups" in document:
        raise LabelSpaceError(
            f"{path}: has both `classes` and `groups`; keep `classes` to name a network's outputs "
            "or `groups` to map them"
        )
    kind = "groups" if "groups" in document else "classes"
    entries = document.get(kind)
    if not isinstance(entries, list) or not 0 < len(entries) <= UNLABELLED:
        found = f"{len(entries)} {kind}" if isinstance(entries, list) else "none"
        raise LabelSpaceError(
            f"{path}: `{kind}` must list 1 to {UNLABELLED} {kind} "
            f"({UNLABELLED} itself means unlabelled), found {found}; correct the list"
        )
    return document


def _groups(document: dict[str, Any], path: Path) -> tuple[tuple[str, ...], ...]:
    group_of: dict[str, str] = {}
    groups = []
    for entry in document["groups"]:
        group, members = entry["name"], entry.get("classes")
        if not isinstance(members, list) or not members:
            raise LabelSpaceError(
                f"{path}: group {group!r} lists no `classes`; name those of the network that "
                "belong to it or remove the group"
            )
        for name in members:
            if not isinstance(name, str):
                raise LabelSpaceError(
                    f"{path}: group {group!r} lists {name!r}; put the name of the class in quotes"
                )
            if name in group_of:
                raise LabelSpaceError(
                    f"{path}: class {name!r} is listed in group {group_of[name]!r} and in "
                    f"{group!r}; keep one"
                )
            group_of[name] = group
        groups.append(tuple(members))
    return tuple(groups)


def _rest(document: dict[str, Any], names: list[str], path: Path) -> str | None:
    if "rest" not in document:
        return None
    rest = document["rest"]
    if rest not in names:
        raise LabelSpaceError(
            f"{path}: `rest` is {rest!r}, which is no group; {did_you_mean(str(rest), names)}"
        )
    return str(rest)


def _entry(entry: Any, where: str) -> tuple[str, list[int]]:
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
