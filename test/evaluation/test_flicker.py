"""Flicker: what counts as steady, and what as a change."""

import numpy as np
import pytest

from asymformer_ros.evaluation.flicker import LONGEST_GAP_NS, Flicker

MS = 1_000_000


def depth(*metres):
    return np.array([metres], np.float32)


def labels(*classes):
    return np.array([classes], np.uint8)


def flicker(first, second, gap_ns=33 * MS):
    """The share that two frames (depth, labels) of that distance give."""
    judge = Flicker()
    assert judge.add(MS, *first) is None
    return judge.add(MS + gap_ns, *second)


def test_the_share_is_of_the_pixels_whose_depth_stays():
    before = depth(1.0, 1.0, 1.0, 1.0), labels(3, 3, 3, 3)
    after = depth(1.0, 1.02, 0.99, 1.5), labels(3, 4, 3, 4)

    assert flicker(before, after) == pytest.approx(1 / 3)


@pytest.mark.parametrize("one", [0, 1])
def test_pixels_without_depth_or_label_in_either_frame_do_not_count(one):
    frames = [(depth(1.0, 1.0, 1.0), labels(0, 0, 0)), (depth(1.0, 1.0, 1.0), labels(0, 1, 1))]
    frames[one] = depth(1.0, np.nan, 1.0), labels(0, 1, 255)

    assert flicker(*frames) == 0.0


@pytest.mark.parametrize("gap_ns", [0, -33 * MS, LONGEST_GAP_NS + 1])
def test_frames_that_do_not_follow_each_other_are_not_compared(gap_ns):
    frame = depth(1.0), labels(1)

    assert flicker(frame, frame, gap_ns) is None


def test_frames_of_another_size_are_not_compared():
    assert flicker((depth(1.0), labels(1)), (depth(1.0, 1.0), labels(1, 1))) is None


def test_nothing_steady_gives_no_share():
    assert flicker((depth(1.0), labels(1)), (depth(3.0), labels(1))) is None


def test_the_total_weighs_every_pixel_alike():
    judge = Flicker()
    assert judge.share is None
    judge.add(0, depth(1.0, 1.0, 1.0), labels(0, 0, 0))
    judge.add(MS, depth(1.0, 9.0, 9.0), labels(1, 0, 0))
    judge.add(2 * MS, depth(1.0, 9.0, 9.0), labels(1, 0, 0))

    assert judge.share == pytest.approx(1 / 4)
