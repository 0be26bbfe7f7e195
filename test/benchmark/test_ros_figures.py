"""From what a run saw to its figures."""

import numpy as np
import pytest

from asymformer_ros.benchmark.ros.figures import (
    Case,
    Passage,
    PathRun,
    Receiving,
    Target,
    last_published_after,
    percentiles,
)

MS = 1_000_000


def run(latencies_ms, *, rate_hz=100.0, inference_ms=40.0, pairs=None):
    """A camera of that rate; the k-th label image comes that long after the k-th pair."""
    period = round(1e9 / rate_hz)
    sent = tuple(period * k for k in range(pairs or len(latencies_ms)))
    labels = tuple(
        Passage(stamp, stamp + round(ms * MS), stamp + round(ms * MS) + MS)
        for stamp, ms in zip(sent, latencies_ms, strict=False)
    )
    return PathRun(Case("ours", (640, 480), rate_hz, "slow", inference_ms), sent, labels, {}, 0.5)


def test_latency_ends_with_the_publishing_and_age_with_the_arrival():
    one = run([5.0, 7.0, 6.0])
    assert one.latency_ms.tolist() == [5.0, 7.0, 6.0]
    assert one.age_ms.tolist() == [6.0, 8.0, 7.0]


def test_the_cameras_rate_is_that_of_its_stamps():
    assert run([1.0] * 11, rate_hz=50.0).camera_hz == pytest.approx(50.0)
    assert run([1.0]).camera_hz == 0.0


def test_a_node_that_keeps_up_is_never_behind():
    assert run([9.0] * 20).behind.tolist() == [0] * 20


def test_a_growing_backlog_shows_as_ever_more_pairs_behind():
    # A camera of 10 ms and an engine of 15 ms: each label image is 5 ms later than the one before.
    growing = run([15.0 + 5.0 * k for k in range(10)], pairs=40)
    assert growing.behind.tolist() == [1, 2, 2, 3, 3, 4, 4, 5, 5, 6]
    assert np.all(np.diff(growing.latency_ms) == 5.0)


def test_what_is_worked_off_after_the_cameras_end_does_not_count():
    one = run([5.0, 5.0, 5.0, 500.0])
    assert len(one.labels) == 4
    assert one.latency_ms.tolist() == [5.0, 5.0, 5.0]
    assert one.labels_hz == pytest.approx(75.0)


def test_the_limit_is_a_period_an_inference_and_ten_milliseconds():
    assert run([1.0], rate_hz=50.0, inference_ms=150.0).limit_ms == pytest.approx(180.0)


def test_percentiles_of_nothing_are_none():
    assert percentiles([]) is None
    assert percentiles(list(range(101))) == (50.0, 95.0, 99.0)


def test_the_cost_of_outputs_is_from_the_engines_result_to_the_last_of_them():
    returned = [0, 10 * MS, 20 * MS]
    labels = [Passage(1, 11 * MS, 0), Passage(2, 21 * MS, 0)]
    overlay = [Passage(1, 13 * MS, 0), Passage(2, 24 * MS, 0)]
    assert last_published_after(returned, [labels]) == [1.0, 1.0]
    assert last_published_after(returned, [labels, overlay]) == [3.0, 4.0]


def test_a_frame_that_lacks_an_output_has_no_cost():
    labels = [Passage(1, 11 * MS, 0), Passage(2, 21 * MS, 0)]
    overlay = [Passage(2, 24 * MS, 0)]
    assert last_published_after([0, 10 * MS, 20 * MS], [labels, overlay]) == [4.0]


def test_what_the_node_adds_is_the_difference_of_the_medians():
    one = Receiving((640, 480), (1.0, 1.5, 3.0), (1.0, 2.0, 9.0), (2.3, 2.2, 7.0), 0)
    assert one.added_ms == pytest.approx(0.3)


@pytest.mark.parametrize(("measured", "is_met"), [(0.9, True), (1.0, True), (1.1, False)])
def test_a_target_is_met_up_to_its_limit(measured, is_met):
    assert Target("labels", measured, 1.0).is_met is is_met


def test_what_was_not_measured_is_not_met():
    assert not Target("labels", None, 1.0).is_met
