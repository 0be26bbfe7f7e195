"""Runs over bags of every kind: all frames are scored, however the bag is written and packed."""

import threading

import numpy as np
import pytest
from bags import COMPRESSED_KINDS, KINDS, MS, Bag

from asymformer_ros.evaluation.conclusion import conclude
from asymformer_ros.evaluation.recorded_frames import RecordedFrames, truths_of
from asymformer_ros.evaluation.recordings import open_recording
from asymformer_ros.evaluation.results import Subject
from asymformer_ros.evaluation.run import EngineAnswers, run
from asymformer_ros.perception.frames import Segmentation
from asymformer_ros.perception.labels import load_label_space

FRAMES = 5
SPACE = load_label_space("nyu40")
SUBJECT = Subject("bag", "offline", "somewhere", {}, "weights", "engine", "nyu40")


def write(folder, kind):
    """Frames of one colour each, whose class is that colour."""
    with Bag(folder, kind) as bag:
        for number in range(FRAMES):
            time_ns = 10**18 + 33 * MS * number
            labels = np.full((6, 8), number, np.uint8)
            bag.image("/depth", time_ns, np.full((6, 8), 1500, np.uint16), "16UC1")
            bag.image("/color", time_ns, np.dstack([labels] * 3), "rgb8")
            bag.image("/labels", time_ns, labels, "mono8")
    return bag.path


def says_its_color(frame):
    labels = np.ascontiguousarray(frame.rgb[..., 0])
    return Segmentation(labels, np.full_like(labels, 255))


@pytest.mark.parametrize("kind", [*KINDS, *COMPRESSED_KINDS])
def test_all_frames_of_a_bag_are_scored_against_its_label_topic(tmp_path, kind):
    recording = open_recording(write(tmp_path, kind), {"labels": "/labels"})
    source = RecordedFrames(recording, truths_of(recording, None), 20 * MS, 10)
    answers = EngineAnswers(says_its_color, lambda: 1.0)

    rows = []
    done = run(source, answers, 40, rows.append, lambda: None, threading.Event())
    result = conclude(done, SUBJECT, SPACE, "a frame", answers.engine_s, {})

    assert result.problems == ()
    assert result.complete
    assert (result.frames.segmented, result.frames.scored) == (FRAMES, FRAMES)
    assert result.scores.pixel_accuracy == 1.0
    assert [row.stamp_ns for row in rows] == [10**18 + 33 * MS * n for n in range(FRAMES)]
