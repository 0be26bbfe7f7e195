"""The frames of a data set, as an evaluation takes them."""

from __future__ import annotations

from asymformer_ros.evaluation.frames import EvaluatedFrame, Frames, Intake
from asymformer_ros.evaluation.labelled_frames import LabelledFrames
from asymformer_ros.perception.frames import RgbdFrame


class LabelledSource:
    """A `FrameSource` of labelled frames, one after the other; none of them is ever lost."""

    def __init__(self, labelled: LabelledFrames) -> None:
        self.total = len(labelled.names)
        self.intake = Intake()
        self._labelled = labelled

    def frames(self) -> Frames:
        """See `FrameSource.frames`; raises DatasetError."""
        for index in range(self.total):
            one = self._labelled.read(index)
            self.intake.received_color += 1
            self.intake.received_depth += 1
            yield EvaluatedFrame(one.name, RgbdFrame(one.rgb, one.depth_m), one.labels)
