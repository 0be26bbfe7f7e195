"""The frames that a report shows."""

import numpy as np

from asymformer_ros.evaluation.frames import EvaluatedFrame
from asymformer_ros.evaluation.score_keeper import Answer, ScoreKeeper
from asymformer_ros.perception.frames import RgbdFrame

WIDTH = 100


def play(scores, with_truth=True, size=(1, WIDTH), period_ns=0):
    """A keeper that has seen frames with `scores` percent of their pixels right (or confidence)."""
    keeper = ScoreKeeper(2)
    for number, percent in enumerate(scores):
        right = np.arange(size[1]) < percent
        truth = np.zeros(size, np.uint8)
        labels = np.where(right, 0, 255).astype(np.uint8) * np.ones(size, np.uint8)
        confidence = np.full(size, percent * 2, np.uint8)
        rgbd = RgbdFrame(
            np.zeros((*size, 3), np.uint8), np.ones(size, np.float32), (number + 1) * period_ns
        )
        frame = EvaluatedFrame(f"frame {number}", rgbd, truth if with_truth else None)
        keeper.add(frame, Answer(labels, confidence, 1.0))
    return keeper


def names(keeper, why):
    return [one.row.name for one in keeper.pictured() if one.why == why]


def test_the_best_come_best_first_and_the_worst_worst_first():
    keeper = play([50, 90, 10, 80, 20, 70, 30, 60, 40, 95, 5, 99])

    assert names(keeper, "best") == ["frame 11", "frame 9", "frame 1", "frame 3"]
    assert names(keeper, "worst") == ["frame 10", "frame 2", "frame 4", "frame 6"]
    assert set(names(keeper, "random")) <= {"frame 0", "frame 5", "frame 7", "frame 8"}


def test_without_truth_confidence_decides():
    keeper = play([50, 90, 10, 80, 20, 70, 30, 60, 40], with_truth=False)

    assert names(keeper, "best")[0] == "frame 1"
    assert names(keeper, "worst")[0] == "frame 2"


def test_once_there_is_truth_frames_without_it_are_not_compared():
    keeper = play([90, 80], with_truth=False)
    for one in play([10, 20, 30]).pictured():
        frame = EvaluatedFrame(f"true {one.row.name}", one.frame, one.truth)
        keeper.add(frame, Answer(one.labels, None, 1.0))

    assert all(name.startswith("true") for name in names(keeper, "best") + names(keeper, "worst"))
    assert len(keeper.pictured()) == 5


def test_neighbours_in_a_video_are_shown_once():
    # Ten frames a second: 40 frames are four seconds, the best ones lie together.
    keeper = play([90, 95, 91, *[50] * 20, 60, 61, *[10] * 15], period_ns=100_000_000)

    assert names(keeper, "best")[:2] == ["frame 1", "frame 24"]
    stamps = [one.row.stamp_ns for one in keeper.pictured() if one.why == "best"]
    assert all(abs(a - b) >= 10**9 for a in stamps for b in stamps if a != b)


def test_of_equal_frames_the_first_are_shown():
    assert names(play([50] * 20), "best") == ["frame 0", "frame 1", "frame 2", "frame 3"]


def test_no_frame_is_shown_twice_and_few_frames_are_all_shown():
    pictured = play([10, 20, 30, 40, 50]).pictured()

    shown = [one.row.name for one in pictured]
    assert sorted(shown) == [f"frame {number}" for number in range(5)]


def test_the_choice_is_the_same_each_time():
    scores = [(7 * number) % 100 for number in range(60)]
    first, second = ([(one.why, one.row.name) for one in play(scores).pictured()] for _ in range(2))

    assert first == second
    assert len([why for why, _ in first if why == "random"]) >= 1


def test_pictures_of_large_frames_are_kept_small():
    (shown,) = play([50], size=(4, 1920)).pictured()

    assert shown.frame.rgb.shape == (2, 640, 3)
    assert shown.labels.shape == shown.truth.shape == shown.frame.depth_m.shape == (2, 640)
