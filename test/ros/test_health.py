"""The judgement of the node: level, sentence, and what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("diagnostic_msgs.msg", reason="needs the ROS message packages")

from diagnostic_msgs.msg import DiagnosticStatus

from asymformer_ros.perception.synchronizer import RgbdSynchronizer
from asymformer_ros.ros.health import HealthMonitor
from asymformer_ros.ros.input_watch import Finding
from asymformer_ros.ros.pipeline import FrameAccount

MS = 1_000_000
OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
OTHER_TYPE = Finding("depth", "/depth carries CompressedImage", prevents_pairs=True)
OTHER_FRAME = Finding("depth", "depth is in frame ir", prevents_pairs=False)


def account(
    color=0, depth=0, paired=0, segmented=0, refused=0, in_work=0, apart_ms=None, last_drop=""
):
    return FrameAccount(
        received_color=color,
        received_depth=depth,
        paired=paired,
        segmented=segmented,
        dropped_color={"bad_depth": refused} if refused else {},
        dropped_depth={},
        pending=in_work,
        in_work=in_work,
        waiting_depth=0,
        refused=refused,
        last_drop=last_drop,
        stamps_apart_ns=None if apart_ms is None else int(apart_ms * MS),
    )


def judge_last(*accounts, findings=(), enabled=True):
    """Level and sentence after these accounts, one a second."""
    monitor = HealthMonitor(50 * MS, account(), now_s=0.0)
    for second, each in enumerate(accounts, start=1):
        judgement = monitor.judge(each, findings, 30.0, enabled, float(second))
    return judgement.level, judgement.sentence


def test_all_is_well_while_frames_are_segmented():
    assert judge_last(account(30, 30, 30, 30)) == (OK, "segmenting 30.0 frames a second")


def test_a_silent_stream_is_named_after_three_seconds():
    growing = [account(color=30 * second) for second in (1, 2, 3)]

    assert judge_last(*growing[:2])[0] == OK
    assert judge_last(*growing) == (WARN, "nothing paired for 3 s: no depth image")


def test_both_streams_are_named_when_both_are_silent():
    sentence = "nothing paired for 3 s: no colour and no depth image"

    assert judge_last(account(5, 5, 5, 5), *[account(5, 5, 5, 5)] * 3) == (WARN, sentence)


def test_what_the_watch_found_goes_before_the_bare_fact():
    growing = [account(color=30 * second) for second in (1, 2, 3)]

    assert judge_last(*growing, findings=[OTHER_FRAME, OTHER_TYPE]) == (
        WARN,
        "nothing paired for 3 s: /depth carries CompressedImage; depth is in frame ir",
    )


def test_a_finding_shows_while_frames_are_segmented():
    assert judge_last(account(30, 30, 30, 30), findings=[OTHER_FRAME]) == (
        WARN,
        "segmenting 30.0 frames a second, but depth is in frame ir",
    )


@pytest.mark.parametrize(
    ("apart_ms", "sentence"),
    [
        (20.4, "within sync.slop (50.0 ms), but one stream comes too late: raise sync.queue_size"),
        (120.0, "sync.slop is 50.0 ms: set sync.slop to at least 0.121"),
        (5000.0, "5.0 s apart, which no sync.slop can mend"),
        (None, "the stamps keep going back"),
    ],
)
def test_stamps_that_do_not_fit_are_told_with_what_to_do(apart_ms, sentence):
    accounts = [account(30 * n, 30 * n, apart_ms=apart_ms) for n in (1, 2, 3, 4)]

    level, told = judge_last(*accounts)

    assert level == WARN
    assert told.startswith("nothing paired for 4 s: ")
    assert sentence in told


def test_some_refused_frames_are_a_warning_with_the_reason():
    refusal = account(30, 30, 30, 29, refused=1, last_drop="depth is truncated")

    assert judge_last(refusal) == (WARN, "frames are refused: depth is truncated")
    after = account(60, 60, 60, 59, refused=1, last_drop="depth is truncated")
    assert judge_last(refusal, after)[0] == OK


def test_nothing_but_refused_frames_is_an_error_with_the_reason():
    accounts = [account(n, n, n, 0, refused=n, last_drop="wrong size") for n in (30, 60, 90)]

    assert judge_last(*accounts) == (ERROR, "no frame segmented for 3 s: wrong size")


def test_an_engine_that_does_not_come_back_is_a_warning():
    accounts = [account(n, n, n, 0, in_work=1) for n in (30, 60, 90)]

    assert judge_last(*accounts) == (
        WARN,
        "no frame segmented for 3 s: the engine is busy with one frame",
    )


def test_pairs_that_are_not_admitted_are_no_fault_of_the_engine():
    assert judge_last(*[account(n, n, n, 0) for n in (30, 60, 90, 120)])[0] == OK


def test_a_disabled_node_is_well_whatever_comes():
    level, sentence = judge_last(*[account()] * 5, findings=[OTHER_TYPE], enabled=False)

    assert (level, sentence.split(":")[0]) == (OK, "disabled")


def test_after_it_is_enabled_again_the_time_before_does_not_count():
    monitor = HealthMonitor(50 * MS, account(), now_s=0.0)
    monitor.judge(account(), [], 0.0, False, 100.0)

    assert monitor.judge(account(), [], 0.0, True, 101.0).level == OK
    assert monitor.judge(account(), [], 0.0, True, 103.0).level == WARN


def test_what_was_counted_before_it_was_activated_is_not_news():
    before = account(30, 30, 30, 25, refused=5, last_drop="old")
    monitor = HealthMonitor(50 * MS, before, now_s=100.0)

    assert monitor.judge(before, [], 0.0, True, 101.0).level == OK
    assert monitor.judge(before, [], 0.0, True, 103.0).sentence.startswith("nothing paired")


def test_pairs_a_second_are_those_since_the_last_judgement():
    monitor = HealthMonitor(50 * MS, account(10, 10, 10, 10), now_s=0.0)

    monitor.judge(account(40, 40, 40, 40), [], 30.0, True, 2.0)

    assert monitor.pairs_hz == 15.0


def test_a_slow_first_frame_after_a_pause_is_no_fault():
    monitor = HealthMonitor(50 * MS, account(), now_s=0.0)
    before, waiting = account(30, 30, 30, 30), account(60, 60, 60, 30, in_work=1)

    paused = [monitor.judge(before, (), 30.0, True, float(second)) for second in range(1, 7)]
    assert paused[-1].sentence == "nothing paired for 5 s: no colour and no depth image"
    assert monitor.judge(waiting, (), 30.0, True, 7.0).level == OK


def test_the_slop_that_is_told_pairs_such_stamps():
    apart = 120 * MS + 1
    _, sentence = judge_last(*[account(n, n, apart_ms=apart / MS) for n in (30, 60, 90)])
    slop_s = float(sentence.rpartition(" ")[2])

    sync = RgbdSynchronizer(round(slop_s * 1e9), queue_size=10)
    for k in range(3):
        sync.add_color(k * 1000 * MS, None)
        sync.add_depth(k * 1000 * MS + apart, None)

    assert sync.counts().paired > 0


@pytest.mark.parametrize("late_by", [11, 15, 25])
def test_a_stream_that_comes_too_late_for_the_queue_is_told_so(late_by):
    """Its stamps are those of colour: no slop would pair them, a longer queue does."""
    synchronizer = RgbdSynchronizer(slop_ns=50 * MS, queue_size=10)
    monitor = HealthMonitor(50 * MS, account(), now_s=0.0)
    for frame in range(300):
        synchronizer.add_color(frame * 33 * MS, frame)
        if frame >= late_by:
            synchronizer.add_depth((frame - late_by) * 33 * MS, frame)
        if frame % 30 == 29:
            counts = synchronizer.counts()
            now = replace(
                account(counts.received_color, counts.received_depth, counts.paired),
                dropped_color=counts.dropped_color,
                stamps_apart_ns=synchronizer.stamps_apart_ns(),
            )
            judgement = monitor.judge(now, [], 0.0, True, frame / 30)

    assert judgement.level == WARN
    assert judgement.sentence.endswith("one stream comes late, raise sync.queue_size")


def test_a_finding_shows_beside_refused_frames():
    refusal = account(30, 30, 30, 29, refused=1, last_drop="depth is truncated")

    assert judge_last(refusal, findings=[OTHER_FRAME]) == (
        WARN,
        "frames are refused: depth is truncated, but depth is in frame ir",
    )
