"""A soak of some seconds: every fault is played, and the node is watched all the while."""

import os
import signal
from collections import Counter

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

from asymformer_ros.benchmark.ros import soak as room
from asymformer_ros.benchmark.ros.participant import ParticipantError
from asymformer_ros.benchmark.ros.soak import SoakPlan, soak
from asymformer_ros.benchmark.ros.soak_camera import (
    SPOILERS,
    STRETCHES,
    SoakCameraSettings,
    fault_at,
)

CYCLE_S = 5.2
CAMERA = SoakCameraSettings(width=160, height=120, rate_hz=30.0, frames=2, cycle_s=CYCLE_S)


@pytest.fixture(autouse=True)
def environment():
    """What `isolate` sets is undone."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def plan(seconds, **parameters):
    return SoakPlan(seconds, parameters, CAMERA, sample_s=0.25, visit_s=1.0)


def test_all_faults_are_played_in_a_cycle_with_good_pairs_between():
    played = [fault_at(number, 1800) for number in range(1800)]
    counts = Counter(played)
    assert set(counts) == {"", *SPOILERS, *STRETCHES}
    assert all(counts[name] == 1 for name in SPOILERS)
    assert all(counts[name] >= 1800 // 30 for name in STRETCHES)
    faults = [now for before, now in zip(["", *played], played, strict=False) if now != before]
    assert "" in faults and faults[1::2] == [""] * (len(faults) // 2)
    assert [fault_at(number, 1800) for number in range(1800, 3600)] == played


def test_the_node_is_watched_through_a_cycle_of_faults(tmp_path):
    told = []
    record = soak(plan(1.2 * CYCLE_S), tmp_path, told.append)

    assert record.death == ""
    assert record.is_complete
    assert told == record.samples
    assert all(one.resident_mb > 20 and one.threads > 3 and one.handles > 3 for one in told)
    assert set(record.played) == {"good", *SPOILERS, *STRETCHES}
    assert record.visits >= 2
    assert int(record.report["segmented"]) > 0
    assert told[-1].segmented == int(record.report["segmented"])
    assert (tmp_path / "node.log").is_file()


def test_the_death_of_the_node_is_the_end_of_the_soak(tmp_path, monkeypatch):
    watched = []

    def kill_at_the_third(pid):
        watched.append(pid)
        if len(watched) == 3:
            os.kill(pid, signal.SIGKILL)
        return held_by(pid)

    held_by = room.held_by
    monkeypatch.setattr(room, "held_by", kill_at_the_third)
    record = soak(plan(60.0), tmp_path, lambda sample: None)

    assert "ended" in record.death
    assert not record.is_complete
    assert len(record.samples) in (2, 3)


def test_a_node_that_never_starts_is_told_with_its_reason(tmp_path):
    with pytest.raises(ParticipantError, match="neither bundled"):
        soak(plan(5.0, weights="none"), tmp_path, lambda sample: None)
