"""What /diagnostics says: level, sentence and figures."""

from __future__ import annotations

import pytest

pytest.importorskip("diagnostic_msgs.msg", reason="needs the ROS message packages")

from diagnostic_msgs.msg import DiagnosticStatus

from asymformer_ros.ros.diagnostics import FrameTimes, HealthMonitor, Timing, diagnostic_status
from asymformer_ros.ros.pipeline import FrameAccount

MS = 1_000_000
OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR


def account(color=0, depth=0, paired=0, segmented=0, refused=0, apart_ms=None, last_drop=""):
    return FrameAccount(
        received_color=color,
        received_depth=depth,
        paired=paired,
        segmented=segmented,
        dropped_color={"bad_depth": refused} if refused else {},
        dropped_depth={},
        pending=0,
        waiting_depth=0,
        refused=refused,
        last_drop=last_drop,
        stamps_apart_ns=None if apart_ms is None else int(apart_ms * MS),
    )


def judge_last(*accounts):
    """Level and sentence after these accounts, one a second."""
    monitor = HealthMonitor("/rgb", "/depth", 50 * MS, account(), now_s=0.0)
    for second, each in enumerate(accounts, start=1):
        judgement = monitor.judge(each, rate_hz=30.0, now_s=float(second))
    return judgement.level, judgement.sentence


def test_all_is_well_while_frames_are_segmented():
    assert judge_last(account(30, 30, 30, 30)) == (OK, "segmenting 30.0 frames a second")


def test_a_silent_stream_is_named_after_three_seconds():
    growing = [account(color=30 * second) for second in (1, 2, 3)]

    assert judge_last(*growing[:2])[0] == OK
    assert judge_last(*growing) == (
        WARN,
        "nothing paired for 3 s: no depth image on /depth; "
        "check the driver, the topic names and the QoS",
    )


def test_both_streams_are_named_when_both_are_silent():
    level, sentence = judge_last(account(5, 5, 5, 5), *[account(5, 5, 5, 5)] * 3)

    assert level == WARN
    assert "no colour image on /rgb and no depth image on /depth" in sentence


def test_stamps_too_far_apart_are_told_with_the_slop():
    accounts = [account(30 * n, 30 * n, apart_ms=120) for n in (1, 2, 3, 4)]

    assert judge_last(*accounts) == (
        WARN,
        "nothing paired for 4 s: colour and depth stamps are 120.0 ms apart, sync.slop is 50.0 ms",
    )


def test_some_refused_frames_are_a_warning_with_the_reason():
    refusal = account(30, 30, 30, 29, refused=1, last_drop="depth is truncated")

    assert judge_last(refusal) == (WARN, "frames are refused: depth is truncated")
    after = account(60, 60, 60, 59, refused=1, last_drop="depth is truncated")
    assert judge_last(refusal, after)[0] == OK


def test_nothing_but_refused_frames_is_an_error_with_the_reason():
    accounts = [account(n, n, n, 0, refused=n, last_drop="wrong size") for n in (30, 60, 90)]

    assert judge_last(*accounts) == (ERROR, "no frame segmented for 3 s: wrong size")


def test_an_engine_that_does_not_come_back_is_a_warning():
    accounts = [account(n, n, n, 0) for n in (30, 60, 90)]

    assert judge_last(*accounts) == (
        WARN,
        "no frame segmented for 3 s: the engine is busy with one frame",
    )


def test_what_was_counted_before_it_was_activated_is_not_news():
    before = account(30, 30, 30, 25, refused=5, last_drop="old")
    monitor = HealthMonitor("/rgb", "/depth", 50 * MS, before, now_s=100.0)

    assert monitor.judge(before, rate_hz=0.0, now_s=101.0).level == OK
    assert monitor.judge(before, rate_hz=0.0, now_s=103.0).sentence.startswith("nothing paired")


def test_timing_covers_the_last_ten_seconds():
    times = FrameTimes()
    times.add(now_s=0.0, latency_ms=5000.0, inference_ms=5000.0)
    for k in range(101):
        times.add(now_s=5.0 + k / 20, latency_ms=float(k), inference_ms=7.0)

    timing = times.timing(now_s=10.5)

    assert timing.latency_ms == (50.0, 95.0, 99.0)
    assert timing.inference_ms == 7.0
    assert timing.rate_hz == pytest.approx(101 / 5.5)
    assert times.timing(now_s=30.0) == Timing(0.0, None, None)


def test_the_status_carries_every_figure():
    monitor = HealthMonitor("/rgb", "/depth", 50 * MS, account(), now_s=0.0)
    now = account(30, 31, 29, 27, refused=2, last_drop="depth is truncated")

    status = diagnostic_status(
        "robot/segmentation_node",
        "onnxruntime fp32",
        monitor.judge(now, 29.7, 1.0),
        now,
        Timing(29.7, (10.0, 20.04, 30.0), 8.26),
    )

    assert status.name == "robot/segmentation_node"
    assert status.message == "frames are refused: depth is truncated"
    assert {value.key: value.value for value in status.values} == {
        "engine": "onnxruntime fp32",
        "received_color": "30",
        "received_depth": "31",
        "paired": "29",
        "segmented": "27",
        "pending": "0",
        "waiting_depth": "0",
        "dropped.bad_depth": "2",
        "rate_hz": "29.70",
        "latency_ms.p50": "10.0",
        "latency_ms.p95": "20.0",
        "latency_ms.p99": "30.0",
        "inference_ms.median": "8.3",
    }
