"""What the plots of the report are drawn from."""

import numpy as np
import pytest
from example_result import CONFUSION, NAMES, RESULT

from asymformer_ros.evaluation.report_plots import (
    MOST_CLASSES,
    histogram,
    mistakes,
    round_up,
    shown_confusion,
    ticks,
)


def test_the_matrix_shows_the_classes_of_the_truth_and_sums_up_the_rest():
    confusion = shown_confusion(CONFUSION, NAMES)
    assert confusion.rows == (0, 1, 2, 4)
    assert confusion.columns == ("wall", "floor", "chair", NAMES[4], "other classes", "no class")
    assert confusion.pixels[2] == (30, 50, 200, 0, 10, 10)
    assert confusion.left_out == 0


def test_the_rows_of_the_matrix_are_shares_of_one():
    for row in shown_confusion(CONFUSION, NAMES).shares:
        assert sum(row) == pytest.approx(1)


def test_without_predictions_outside_the_truth_the_matrix_is_square():
    assert shown_confusion(((8, 2, 0), (1, 9, 0)), ("a", "b")).columns == ("a", "b")


def test_of_very_many_classes_the_frequent_ones_are_shown_and_no_pixel_is_lost():
    count = 100
    counts = np.random.default_rng(0).integers(1, 9, (count, count + 1))
    counts[7:] *= 10
    confusion = shown_confusion(counts.tolist(), [str(k) for k in range(count)])
    assert len(confusion.rows) == MOST_CLASSES
    assert confusion.left_out == count - MOST_CLASSES
    assert not set(range(7)) & set(confusion.rows)
    for row, pixels in zip(confusion.rows, confusion.pixels, strict=True):
        assert sum(pixels) == counts[row].sum()


def test_mistakes_are_the_two_most_frequent_ones():
    found = mistakes(CONFUSION, NAMES)
    assert found[0] == [("floor", 100 / 850), ("chair", 50 / 850)]
    assert found[2] == [("floor", 50 / 300), ("wall", 30 / 300)]
    assert found[3] == []
    assert found[4] == [("floor", 1.0)]


def test_bars_are_as_high_as_their_frames_and_as_wide_as_their_bins():
    drawn = histogram(RESULT.latency_ms)
    left, top, right, bottom = drawn.box
    heights = [bar.height for bar in drawn.bars]
    assert heights == pytest.approx([(bottom - top) * count / 5 for count in (3, 5, 2)])
    assert all(bar.y + bar.height == pytest.approx(bottom) for bar in drawn.bars)
    third = (right - left) / 3
    assert [bar.x for bar in drawn.bars] == pytest.approx([left, left + third, left + 2 * third])
    assert drawn.y_title == "frames in each 5 ms"


def test_ticks_and_marks_stand_at_their_values():
    drawn = histogram(RESULT.latency_ms)
    left, top, right, bottom = drawn.box
    for tick in drawn.x_ticks:
        assert tick.at == pytest.approx(left + (float(tick.text) - 15) / 15 * (right - left))
    for tick in drawn.y_ticks:
        assert tick.at == pytest.approx(bottom - float(tick.text) / 5 * (bottom - top))
    assert [mark.text for mark in drawn.marks] == [
        "median 21.2 ms",
        "95% below 28.1 ms",
        "99% below 30.0 ms",
    ]
    assert drawn.marks[0].at == pytest.approx(left + 6.2 / 15 * (right - left))


def test_the_last_bar_says_that_it_holds_slower_frames_too():
    drawn = histogram(RESULT.latency_ms)
    assert drawn.has_overflow
    assert drawn.bars[-1].text == "25.0 to 44.4 ms: 2 frames"


@pytest.mark.parametrize(
    ("low", "high", "values"),
    [
        (0, 5, [0, 1, 2, 3, 4, 5]),
        (27.3, 48.9, [30, 35, 40, 45]),
        (0.12, 0.31, [0.15, 0.2, 0.25, 0.3]),
        (3, 3, [3]),
    ],
)
def test_ticks_are_round_values_inside(low, high, values):
    assert ticks(low, high) == pytest.approx(values)


@pytest.mark.parametrize(("share", "end"), [(0.0, 0.01), (0.31, 0.5), (0.6, 1.0), (1.0, 1.0)])
def test_scales_end_at_a_round_share(share, end):
    assert round_up(share) == end
