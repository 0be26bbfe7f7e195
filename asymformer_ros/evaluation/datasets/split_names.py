"""Which frames of a folder belong to a split: by a list beside them, or by their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from asymformer_ros.evaluation.datasets.nyuv2 import frame_count, official_split
from asymformer_ros.evaluation.labelled_frames import DatasetError

_SUFFIXES = (".png", ".jpg", ".jpeg", ".npy")


def names_of_split(root: Path, split: str, folders: Sequence[str]) -> tuple[Sequence[str], str]:
    """Names of the frames in order, and in words where they are from; raises DatasetError.

    By {split}.txt of `root` if it is there. Otherwise the files are those of NYUv2, named by their
    1-based numbers. folders: where the files are; lines of a list may begin with them.
    """
    file = root / f"{split}.txt"
    if file.is_file():
        names = _listed(file, folders)
        return names, f"{len(names)}, by {file.name}"
    stems = sorted({path.stem for folder in folders for path in (root / folder).iterdir()})
    numbered = {int(stem): stem for stem in stems if stem.isdecimal()}
    official = official_split(split)
    # All of NYUv2 or a part of the split: another numbering than the official is neither.
    is_all = numbered.keys() == set(range(1, frame_count() + 1))
    if not numbered or not (is_all or numbered.keys() <= set(official)):
        raise DatasetError(
            f"{file} is missing, which lists the frames of the split, and the files in "
            f"{' '.join(folders)} of {root} are not named by the numbers of NYUv2, "
            f"1 to {frame_count()}: add the list"
        )
    names = [numbered[number] for number in official if number in numbered]
    return names, f"{len(names)} of the {len(official)} of the official split"


def _listed(file: Path, folders: Sequence[str]) -> list[str]:
    """The first word of each line, without one of the folders before it and a suffix after it."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise DatasetError(f"{file} cannot be read as text, replace it: {error}") from error
    names = []
    for line in filter(str.strip, lines):
        path = PurePosixPath(line.split()[0])
        if len(path.parts) > 1 and path.parts[0] in folders:
            path = path.relative_to(path.parts[0])
        names.append(str(path.with_suffix("") if path.suffix in _SUFFIXES else path))
    if not names:
        raise DatasetError(f"{file} is empty: it lists the frames of the split, one name a line")
    return names
