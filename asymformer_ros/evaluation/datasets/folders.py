"""Layouts of one file a picture: folders of colour, depth and labels, whose files share names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from asymformer_ros.evaluation.datasets.frame_files import (
    labelled_frame,
    read_color,
    read_depth,
    read_label_values,
    require_files,
)
from asymformer_ros.evaluation.datasets.label_codes import LabelTable, decode_labels
from asymformer_ros.evaluation.datasets.split_names import names_of_split
from asymformer_ros.evaluation.datasets.sun_size import RESIZE, resized
from asymformer_ros.evaluation.labelled_frames import LabelledFrame, LabelledFrames
from asymformer_ros.perception.depth_unit import DepthUnit


@dataclass(frozen=True, eq=False)
class FolderLayout:
    """Where the parts of a frame are: paths with {split} and {name}.

    table: from stored label to class. is_sun: whether it is evaluated at the size of SUN RGB-D.
    """

    label_space: str
    color: str
    depth: str
    labels: str
    table: LabelTable
    is_sun: bool = False

    @property
    def folders(self) -> tuple[str, ...]:
        """Of colour, depth and labels, with {split}."""
        return tuple(part.rpartition("/")[0] for part in (self.color, self.depth, self.labels))

    def open(self, root: Path, split: str, unit: DepthUnit) -> LabelledFrames:
        """The frames of a split, in the order of its list or of their numbers."""
        folders = [folder.format(split=split) for folder in self.folders]
        names, source = names_of_split(root, split, folders)
        files = [
            [
                root / part.format(split=split, name=name)
                for part in (self.color, self.depth, self.labels)
            ]
            for name in names
        ]
        require_files([path for paths in files for path in paths], f"{split} is {source}")

        def read(index: int) -> LabelledFrame:
            color, depth, labels = files[index]
            frame = labelled_frame(
                names[index],
                read_color(color),
                read_depth(depth, unit),
                decode_labels(read_label_values(labels), self.table, str(labels)),
            )
            return resized(frame) if self.is_sun else frame

        return LabelledFrames(
            label_space=self.label_space,
            settings={"frames": source} | ({"resize": RESIZE} if self.is_sun else {}),
            names=tuple(names),
            read=read,
        )
