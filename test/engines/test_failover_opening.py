"""Engines that do not open or fail their self-check: the next is taken, with every reason told."""

import threading
from concurrent.futures import Future

import numpy as np
import pytest
from scripted_engines import DEPTH, FAULTS, PATIENCE_S, RGB, SIZE, Chain, Scripted, raising

from asymformer_ros.engines import failover
from asymformer_ros.engines.engine import EngineError, GpuLost
from asymformer_ros.engines.engine_thread import EngineThread, abandoned
from asymformer_ros.network.profile import CheckpointError


def test_a_gpu_that_is_lost_at_the_start_is_not_tried_again():
    chain = Chain(gpu_first=[], gpu_second=[], cpu=[], spare=[])
    chain.self_check_faults = {"gpu_first": raising(GpuLost("an illegal access"))}
    now_s = [0.0]
    engine = chain.engine(clock=lambda: now_s[0])
    assert engine.passed_over == (
        ("gpu_first", "an illegal access"),
        ("gpu_second", "an illegal access"),
    )
    now_s[0] = 60.0
    chain.opened[-1].faults = [FAULTS["exception"]] * 2
    engine.infer(RGB, DEPTH)
    assert [opened.name for opened in chain.opened] == ["gpu_first", "cpu", "spare"]


def test_an_engine_that_hangs_in_its_self_check_is_passed_over(monkeypatch):
    monkeypatch.setattr(failover, "_FIRST_FRAME_LIMIT_S", 0.2)
    release = threading.Event()
    chain = Chain(first=[], second=[])
    chain.self_check_faults = {"first": release.wait}
    engine = chain.engine()
    assert engine.passed_over == (("first", "no answer within 0 s"),)
    release.set()
    assert chain.opened[0].closed.wait(PATIENCE_S)


def test_whoever_gives_up_waiting_leaves_no_open_engine_behind(monkeypatch):
    opening, release = threading.Event(), threading.Event()
    engine = Scripted("slow", [])
    given_up = []

    def open_slowly():
        event = abandoned()
        opening.set()
        release.wait()
        given_up.append(event.is_set())
        return engine

    def interrupted(future, timeout=None):
        opening.wait()
        raise KeyboardInterrupt

    monkeypatch.setattr(Future, "result", interrupted)
    with pytest.raises(KeyboardInterrupt):
        EngineThread(open_slowly)
    release.set()
    assert engine.closed.wait(PATIENCE_S)
    assert given_up == [True]


def test_what_does_not_open_or_fails_its_self_check_is_passed_over():
    chain = Chain(first=ImportError("no driver"), broken=SystemExit(1), second=[], third=[])
    everything_wrong = np.full(SIZE, 9, np.uint8), np.zeros(SIZE, np.uint8)
    chain.self_check_faults = {"second": lambda: everything_wrong}
    engine = chain.engine()
    assert engine.name == "third"
    assert engine.agreement == 1.0
    assert engine.passed_over == (
        ("first", "no driver"),
        ("broken", "SystemExit: 1"),
        ("second", "self-check 0.00% < 99% of the labels equal to float32"),
    )
    assert chain.opened[0].closed.is_set()


def test_no_engine_at_all_says_every_reason():
    missing = EngineError("not installed")
    chain = Chain(first=EngineError("no driver"), second=missing, third=missing)
    said = r"first \(no driver\); second, third \(not installed\)"
    with pytest.raises(EngineError, match=said):
        chain.engine()


def test_errors_of_the_weights_are_nobody_s_to_pass_over():
    with pytest.raises(CheckpointError):
        Chain(first=CheckpointError("a key is missing"), second=[]).engine()
