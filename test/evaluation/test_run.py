"""A run: what it counts, what it survives, and how it ends."""

import threading
from collections import Counter

import numpy as np
import pytest

from asymformer_ros.engines.engine import EngineError
from asymformer_ros.evaluation.conclusion import conclude
from asymformer_ros.evaluation.frames import EvaluatedFrame, Intake, LostFrame
from asymformer_ros.evaluation.recordings import RecordingError
from asymformer_ros.evaluation.results import Result, Subject
from asymformer_ros.evaluation.run import BROKEN_OFF, EngineAnswers, run
from asymformer_ros.perception.frames import RgbdFrame, Segmentation
from asymformer_ros.perception.labels import load_label_space

HEIGHT, WIDTH = 4, 6
PERIOD_NS = 33_000_000
SPACE = load_label_space("nyu40")
SUBJECT = Subject("bag", "offline", "somewhere", {}, "weights", "engine", "nyu40")


def plane(label):
    return np.full((HEIGHT, WIDTH), label, np.uint8)


def frame(number, truth=None):
    """A frame whose colour is its number: the engine below calls all of it class `number`."""
    rgb = np.full((HEIGHT, WIDTH, 3), number, np.uint8)
    depth_m = np.ones((HEIGHT, WIDTH), np.float32)
    rgbd = RgbdFrame(rgb, depth_m, number * PERIOD_NS)
    return EvaluatedFrame(f"frame {number}", rgbd, None if truth is None else plane(truth))


class Source:
    """Gives what it is told to; an exception is raised in its place."""

    def __init__(self, *items):
        self.items, self.total, self.intake = items, len(items), Intake()
        self.closed = False

    def frames(self):
        try:
            for item in self.items:
                self.intake.received_color += 1
                if isinstance(item, Exception):
                    raise item
                if isinstance(item, LostFrame):
                    self.intake.dropped["no_partner"] += 1
                yield item
        finally:
            self.closed = True


def says_its_number(rgbd):
    return Segmentation(plane(rgbd.rgb[0, 0, 0]), plane(255))


class Evaluation:
    """A run over the items, and its result."""

    def __init__(self, *items, segment=says_its_number, stop_after=None):
        self.source, self.rows, self.steps = Source(*items), [], 0
        stop = threading.Event()

        def progress():
            self.steps += 1
            if self.steps == stop_after:
                stop.set()

        answers = EngineAnswers(segment, lambda: 1.0)
        self.run = run(self.source, answers, 40, self.rows.append, progress, stop)
        self.result: Result = conclude(self.run, SUBJECT, SPACE, "a frame", answers.engine_s, {})

    @property
    def problems(self):
        return "\n".join(self.result.problems)


def test_every_frame_is_segmented_scored_and_noted_in_order():
    done = Evaluation(frame(0, truth=0), frame(1, truth=2), frame(2))

    frames = done.result.frames
    assert (frames.received_color, frames.segmented, frames.scored) == (3, 3, 2)
    assert [row.name for row in done.rows] == ["frame 0", "frame 1", "frame 2"]
    assert [row.pixel_accuracy for row in done.rows] == [1.0, 0.0, None]
    assert [row.number for row in done.rows] == [0, 1, 2]
    assert done.result.scores.pixel_accuracy == 0.5
    assert done.result.complete and not done.result.problems
    assert done.result.scores_with_drops is None
    assert done.result.flicker == 1.0
    assert sum(done.result.latency_ms.counts) == 3


def test_a_lost_frame_counts_with_the_labels_before_it():
    lost = LostFrame(plane(0))
    done = Evaluation(lost, frame(0, truth=0), lost, frame(1, truth=1), lost)

    # Nothing was known at the first, the second is right by luck, the third is wrong.
    assert done.result.scores.pixel_accuracy == 1.0
    assert done.result.scores_with_drops.pixel_accuracy == pytest.approx(3 / 5)
    assert done.result.frames.dropped == {"no_partner": 3}
    assert done.result.frames.scored == 2


def test_a_failing_engine_costs_its_frames_alone():
    def segment(rgbd):
        if rgbd.rgb[0, 0, 0] == 1:
            raise EngineError("out of memory")
        return says_its_number(rgbd)

    done = Evaluation(frame(0, truth=0), frame(1, truth=0), frame(2, truth=2), segment=segment)

    assert done.result.frames.dropped == {"engine_error": 1}
    assert done.result.frames.segmented == 2
    assert "frames were dropped as engine_error: out of memory" in done.problems
    assert done.result.scores_with_drops.pixel_accuracy == 1.0


@pytest.mark.parametrize(
    ("truth", "sentence"),
    [
        (plane(77), "truth has class 77, the set has 40: classes are 0 to 39, 255 is void"),
        (plane(0)[:2], "truth is 6x2, its frame 6x4"),
    ],
)
def test_truth_that_cannot_be_right_is_left_out_and_told(truth, sentence):
    bad = EvaluatedFrame("bad", frame(1).frame, truth)
    done = Evaluation(frame(0, truth=0), bad, LostFrame(truth), frame(2, truth=2))

    assert done.result.problems == (f"truth was left out: {sentence} (2 times)",)
    assert done.result.frames.segmented == 3
    assert done.result.frames.scored == 2
    assert done.result.scores.pixel_accuracy == 1.0
    assert done.result.scores_with_drops is None


def test_a_fault_of_the_program_is_kept_beside_the_figures_until_then():
    fault = KeyError("unforeseen")
    done = Evaluation(frame(0, truth=0), fault, frame(2, truth=2))

    assert done.run.fault is fault
    assert done.result.frames.segmented == 1
    assert not done.result.complete


def test_a_second_interruption_is_no_fault_of_the_engine():
    def segment(rgbd):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Evaluation(frame(0), segment=segment)


def test_a_signal_during_the_last_frame_changes_nothing():
    assert Evaluation(frame(0), frame(1), stop_after=2).result.complete


def test_an_error_of_the_source_ends_it_with_the_figures_until_then():
    done = Evaluation(frame(0, truth=0), RecordingError("the bag is damaged"), frame(2, truth=2))

    assert not done.result.complete
    assert done.result.frames.segmented == 1
    assert done.result.scores.pixel_accuracy == 1.0
    assert done.result.problems == ("the bag is damaged",)


def test_stopped_early_it_keeps_what_it_has_and_closes_the_source():
    done = Evaluation(*(frame(number, truth=number) for number in range(30)), stop_after=3)

    frames = done.result.frames
    assert frames.segmented == frames.scored == 3
    assert not done.result.complete
    assert done.source.closed
    # Some more had been read ahead.
    assert frames.dropped == {BROKEN_OFF: frames.received_color - 3}


def test_nothing_at_all_is_a_result_too():
    done = Evaluation()

    assert done.result.frames.segmented == 0
    assert done.result.scores is done.result.latency_ms is done.result.flicker is None
    assert done.result.complete


def test_the_account_adds_up():
    items = [frame(0), LostFrame(None), frame(1), LostFrame(plane(0)), frame(2)]

    def segment(rgbd):
        if rgbd.rgb[0, 0, 0] == 1:
            raise ValueError("unexpected")
        return says_its_number(rgbd)

    frames = Evaluation(*items, segment=segment).result.frames
    assert frames.received_color == frames.segmented + Counter(frames.dropped).total() == 5
