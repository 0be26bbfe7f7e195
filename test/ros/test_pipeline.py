"""The pipeline: newest pair to the worker, and an account of every message."""

from __future__ import annotations

import threading

import pytest

from asymformer_ros.perception.frame_drops import FrameDropped, sentence_of, stage
from asymformer_ros.perception.frames import FrameError
from asymformer_ros.perception.synchronizer import NO_PARTNER, RgbdSynchronizer
from asymformer_ros.ros.pipeline import REPLACED_BY_NEWER, STOPPED, FramePipeline

PATIENCE_S = 10.0


class Worker:
    """A `process` whose frames end when the test lets them."""

    def __init__(self):
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Semaphore(0)
        self.processed = []
        self.errors = {}

    def __call__(self, pair, waited_s):
        assert waited_s >= 0
        self.begun.release()
        assert self.may_end.acquire(timeout=PATIENCE_S)
        self.processed.append(pair.color)
        if pair.color in self.errors:
            raise self.errors[pair.color]


@pytest.fixture
def worker():
    return Worker()


@pytest.fixture
def drops():
    return []


@pytest.fixture
def refusals():
    """For each pair to come why it is not admitted; nothing more: admitted."""
    return []


@pytest.fixture
def pipeline(worker, drops, refusals):
    pipeline = FramePipeline(
        RgbdSynchronizer(slop_ns=0, queue_size=3),
        lambda: refusals.pop(0) if refusals else None,
        worker,
        drops.append,
    )
    pipeline.start()
    yield pipeline
    worker.may_end.release(100)
    assert pipeline.stop(PATIENCE_S)


def add_pair(pipeline, stamp):
    pipeline.add_color(stamp, stamp)
    pipeline.add_depth(stamp, stamp)


def assert_adds_up(account):
    assert account.received_color == (
        account.segmented + sum(account.dropped_color.values()) + account.pending
    )
    assert account.received_depth == (
        account.paired + sum(account.dropped_depth.values()) + account.waiting_depth
    )


def test_while_the_worker_is_busy_only_the_newest_pair_waits(pipeline, worker):
    add_pair(pipeline, 0)
    assert worker.begun.acquire(timeout=PATIENCE_S)
    for stamp in (1, 2, 3):
        add_pair(pipeline, stamp)

    account = pipeline.account()
    assert (account.pending, account.dropped_color) == (2, {REPLACED_BY_NEWER: 2})
    assert_adds_up(account)

    worker.may_end.release(2)
    assert worker.begun.acquire(timeout=PATIENCE_S)
    assert pipeline.stop(PATIENCE_S)
    assert worker.processed == [0, 3]
    assert pipeline.account().segmented == 2
    assert pipeline.account().pending == 0


def test_a_pair_that_is_not_admitted_is_counted_and_never_reaches_the_worker(
    pipeline, worker, refusals
):
    refusals += ["disabled", None]
    worker.may_end.release(2)
    add_pair(pipeline, 0)
    add_pair(pipeline, 1)
    assert worker.begun.acquire(timeout=PATIENCE_S)
    assert pipeline.stop(PATIENCE_S)

    assert worker.processed == [1]
    assert pipeline.account().dropped_color == {"disabled": 1}
    assert pipeline.account().refused == 0
    assert_adds_up(pipeline.account())


@pytest.mark.parametrize(
    ("error", "cause", "sentence"),
    [
        (FrameDropped("bad_depth", "no depth"), "bad_depth", "no depth"),
        (ZeroDivisionError("by zero"), "internal_error", "ZeroDivisionError: by zero"),
    ],
)
def test_an_error_ends_with_its_frame(pipeline, worker, drops, error, cause, sentence):
    worker.errors[0] = error
    worker.may_end.release(2)
    add_pair(pipeline, 0)
    assert worker.begun.acquire(timeout=PATIENCE_S)
    add_pair(pipeline, 1)
    assert worker.begun.acquire(timeout=PATIENCE_S)
    assert pipeline.stop(PATIENCE_S)

    account = pipeline.account()
    assert worker.processed == [0, 1]
    assert account.dropped_color == {cause: 1}
    assert (account.segmented, account.refused, account.last_drop) == (1, 1, sentence)
    assert [(drop.cause, str(drop)) for drop in drops] == [(cause, sentence)]
    assert_adds_up(account)


def test_stopping_accounts_for_everything_that_waited(pipeline, worker):
    add_pair(pipeline, 0)
    assert worker.begun.acquire(timeout=PATIENCE_S)
    add_pair(pipeline, 1)  # waits for the worker
    pipeline.add_color(3, 3)  # waits for its depth
    pipeline.add_depth(2, 2)
    assert not pipeline.stop(0.0)
    worker.may_end.release()
    assert pipeline.stop(PATIENCE_S)

    account = pipeline.account()
    assert account.pending == account.waiting_depth == 0
    assert worker.processed == [0]
    assert account.dropped_color == {STOPPED: 2}
    assert account.dropped_depth == {NO_PARTNER: 1}
    assert_adds_up(account)


def test_it_can_be_started_again_and_counts_on(pipeline, worker):
    worker.may_end.release(2)
    add_pair(pipeline, 0)
    assert worker.begun.acquire(timeout=PATIENCE_S)
    assert pipeline.stop(PATIENCE_S)

    pipeline.start()
    add_pair(pipeline, 0)
    assert worker.begun.acquire(timeout=PATIENCE_S)
    assert pipeline.stop(PATIENCE_S)

    assert worker.processed == [0, 0]
    assert pipeline.account().segmented == 2


def test_a_worker_that_does_not_come_back_is_reported_and_not_waited_for(pipeline, worker):
    add_pair(pipeline, 0)
    assert worker.begun.acquire(timeout=PATIENCE_S)

    assert pipeline.stop(0.01) is False
    assert pipeline.is_working
    assert_adds_up(pipeline.account())


def test_a_stage_names_the_cause_and_an_inner_stage_goes_first():
    with pytest.raises(FrameDropped, match="cannot be read") as dropped, stage("outer"):  # noqa: SIM117
        with stage("inner"):
            raise FrameError("cannot be read")

    assert dropped.value.cause == "inner"


def test_an_error_of_ours_is_its_sentence_and_another_names_its_type():
    assert sentence_of(FrameError("two\n  lines")) == "two lines"
    assert sentence_of(KeyError("key")) == "KeyError: 'key'"
