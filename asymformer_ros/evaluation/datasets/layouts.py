"""The layouts by name, and how a folder shows which one it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from asymformer_ros.evaluation.datasets import nyuv2_mat, sunrgbd
from asymformer_ros.evaluation.datasets.folders import FolderLayout
from asymformer_ros.evaluation.datasets.label_codes import classes_from_one, classes_from_zero
from asymformer_ros.evaluation.labelled_frames import DatasetError, LabelledFrames
from asymformer_ros.perception.depth_unit import DepthUnit

#: Of all layouts.
SPLITS = ("train", "test")


@dataclass(frozen=True)
class Layout:
    """One arrangement of a data set on disk.

    parts: files and folders that it has, with {split}. unit: name of its depth unit, None where it
    must be declared. open: from root, split and unit to the frames.
    """

    description: str
    parts: tuple[str, ...]
    unit: str | None
    open: Callable[[Path, str, DepthUnit], LabelledFrames]

    def missing(self, root: Path, split: str) -> list[str]:
        """The parts that a folder lacks."""
        parts = (part.format(split=split) for part in self.parts)
        return [part for part in parts if not (root / part).exists()]


def _of_folders(description: str, unit: str | None, folders: FolderLayout) -> Layout:
    return Layout(description, folders.folders, unit, folders.open)


#: By the name that a user gives.
LAYOUTS_BY_NAME: Mapping[str, Layout] = {
    "nyuv2-mat": Layout(
        f"NYUv2: the official {nyuv2_mat.FILE} or its folder",
        (nyuv2_mat.FILE,),
        "m",
        nyuv2_mat.open_nyuv2_mat,
    ),
    "asymformer": _of_folders(
        "NYUv2: AsymFormer's images/ depths/ labels/ of PNG, train.txt, test.txt",
        "mm",
        FolderLayout(
            "nyu40",
            "images/{name}.png",
            "depths/{name}.png",
            "labels/{name}.png",
            classes_from_one(40),
        ),
    ),
    "acnet": _of_folders(
        "NYUv2: ACNet's images/ depths/ labels40/ of .npy, train.txt, test.txt",
        "m",
        FolderLayout(
            "nyu40",
            "images/{name}.npy",
            "depths/{name}.npy",
            "labels40/{name}.npy",
            classes_from_one(40),
        ),
    ),
    "nyuv2-small": _of_folders(
        "NYUv2: train/ and test/ with color/ (WebP), depth/ (8 bit), label/ at 320x240",
        "nyuv2-small",
        FolderLayout(
            "nyu40",
            "{split}/color/{name}.webp",
            "{split}/depth/{name}.png",
            "{split}/label/{name}.png",
            classes_from_zero(40),
        ),
    ),
    "dformer": _of_folders(
        "NYUv2: DFormer's and CMX's RGB/ (JPEG) Depth/ Label/, train.txt, test.txt",
        None,
        FolderLayout(
            "nyu40",
            "RGB/{name}.jpg",
            "Depth/{name}.png",
            "Label/{name}.png",
            classes_from_one(40),
        ),
    ),
    "sunrgbd": Layout(
        "SUN RGB-D: the official SUNRGBD/ and SUNRGBDtoolbox/ in one folder",
        ("SUNRGBD", "SUNRGBDtoolbox"),
        "sunrgbd",
        sunrgbd.open_sunrgbd,
    ),
    "asymformer-sun": _of_folders(
        "SUN RGB-D: AsymFormer's test_image/ (.npy) test_depth/ test_label/, test.txt; train alike",
        "sunrgbd",
        FolderLayout(
            "sunrgbd37",
            "{split}_image/{name}.npy",
            "{split}_depth/{name}.png",
            "{split}_label/{name}.png",
            classes_from_one(37),
            is_sun=True,
        ),
    ),
}


def require_layout(path: Path, name: str, split: str) -> None:
    """Raise DatasetError unless the parts of the layout are there; it tells where they would be."""
    if not path.exists():
        raise DatasetError(f"{path} does not exist: give the folder of the data set")
    layout = LAYOUTS_BY_NAME[name]
    if name == "nyuv2-mat" and path.is_file():
        return
    if missing := layout.missing(path, split):
        raise DatasetError(
            f"{path} has no {' and no '.join(missing)}; layout {name} is {layout.description}"
            f"{_looks_like(path)}"
        )


def _looks_like(path: Path) -> str:
    for folder in (path, path.absolute().parent):
        for name, layout in LAYOUTS_BY_NAME.items():
            if any(not layout.missing(folder, split) for split in SPLITS):
                what = "this looks" if folder == path else f"its parent {folder} looks"
                return f"; {what} like layout {name}"
    return "; known layouts: " + ", ".join(LAYOUTS_BY_NAME)
