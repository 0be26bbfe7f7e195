"""A measurement over real DDS, small and short: what it holds, not how fast anything is."""

import json
import os

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

from asymformer_ros.benchmark.ros.measure import measure
from asymformer_ros.benchmark.ros.picture import picture
from asymformer_ros.benchmark.ros.runs import OUTPUT_SETS, Plan, drops
from asymformer_ros.benchmark.ros.table import table

SIZE = (320, 240)
PLAN = Plan(sizes=(SIZE,), rates_hz=(20.0,), usual_rate_hz=20.0, seconds=1.0, rounds=1)
SENT = 20


@pytest.fixture(scope="module")
def report():
    before = dict(os.environ)
    yield measure(PLAN, "asymformer bench --ros", lambda what: None)
    os.environ.clear()
    os.environ.update(before)


def test_everything_planned_was_measured(report):
    assert report.failures == ()
    assert report.is_complete
    assert [one.size for one in report.receiving] == [SIZE]
    assert [one.outputs for one in report.outputs] == list(OUTPUT_SETS)
    assert [run.case for run in report.paths] == PLAN.cases()


def test_receiving_costs_every_node_something(report):
    (one,) = report.receiving
    assert all(len(ms) == PLAN.rounds for ms in (one.bare_ms, one.lifecycle_ms, one.node_ms))
    assert min(*one.bare_ms, *one.lifecycle_ms, *one.node_ms) > 0
    assert one.lost >= 0


def test_every_set_of_outputs_was_published_after_the_engines_result(report):
    for cost in report.outputs:
        assert cost.missing == ()
        assert 0 < len(cost.ms) <= 5
        assert all(ms > 0 for ms in cost.ms)


def test_labels_carry_the_stamps_that_the_camera_sent(report):
    for run in report.paths:
        assert len(run.sent_ns) == SENT
        stamps = [one.stamp_ns for one in run.labels]
        assert stamps == sorted(set(stamps))
        assert set(stamps) <= set(run.sent_ns)
        assert all(one.stamp_ns < one.published_ns <= one.arrived_ns for one in run.labels)
        assert run.cpu_share > 0


def test_every_pair_is_labelled_or_dropped_for_a_cause(report):
    for run in report.paths:
        assert len(run.sent_ns) == len(run.labels) + sum(run.dropped.values())
        if run.case.node == "ours":
            assert "not_told" not in run.dropped
    slow = {run.case.node: run for run in report.paths if run.case.engine == "slow"}
    assert slow["ours"].dropped["replaced_by_newer"] > 0
    assert slow["straightforward"].behind.max() > slow["ours"].behind.max()


def test_targets_are_named_with_their_limits(report):
    assert [target.limit_ms for target in report.targets] == [0.3, 1.0, 4.0, 12.0, 210.0]
    assert all(target.measured_ms is not None for target in report.targets)


def test_json_holds_every_label_image(report):
    content = json.loads(report.to_json())
    for entry, run in zip(content["paths"], report.paths, strict=True):
        assert entry["node"] == run.case.node
        assert len(entry["samples_ms"]) == entry["labels"] == len(run.labels)
    assert content["parts"]["synchronizer"]


def test_the_table_has_a_row_for_each_run(report):
    lines = table(report).splitlines()
    assert sum(line.startswith(("  ours ", "  straightforward ")) for line in lines) == len(
        report.paths
    )
    assert sum(line.endswith(("  met", "  MISSED")) for line in lines) == len(report.targets)


def test_the_picture_shows_both_nodes(report):
    image = picture(report)
    assert image.dtype == np.uint8 and image.shape[1:] == (1800, 3)
    colors = {tuple(color) for color in np.unique(image.reshape(-1, 3), axis=0)}
    assert {(0, 114, 178), (230, 159, 0)} <= colors


def test_drops_are_what_was_counted_between_two_reports():
    before = {"received_color": "10", "segmented": "7", "dropped.late": "3", "engine": "stub"}
    after = {
        "received_color": "29",
        "segmented": "20",
        "dropped.late": "3",
        "dropped.replaced_by_newer": "6",
        "engine": "stub",
    }
    assert drops(20, before, after) == {"replaced_by_newer": 6, "lost_in_transport": 1}
