"""The frames of a data set, as an evaluation takes them."""

from __future__ import annotations

from asymformer_ros.evaluation.frames import EvaluatedFrame, Frames, Intake, LostFrame
from asymformer_ros.evaluation.labelled_frames import DatasetError, LabelledFrames
from asymformer_ros.perception.frames import RgbdFrame


class LabelledSource:
    """A `FrameSource` of labelled frames, one after the other.

    One that cannot be read is left out and told: whoever mends a data set wants to know them all.
    """

    def __init__(self, labelled: LabelledFrames) -> None:
        self.total = len(labelled.names)
        self.intake = Intake()
        self._labelled = labelled

    def frames(self) -> Frames:
        """See `FrameSource.frames`."""
        for index in range(self.total):
            self.intake.received_color += 1
            self.intake.received_depth += 1
            try:
                one = self._labelled.read(index)
            except DatasetError as error:
                self.intake.dropped["unreadable"] += 1
                self.intake.tell(str(error))
                yield LostFrame(None)
                continue
            yield EvaluatedFrame(one.name, RgbdFrame(one.rgb, one.depth_m), one.labels)
