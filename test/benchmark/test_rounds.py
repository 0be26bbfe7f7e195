"""Interleaved rounds: whatever a contender does, the others are timed."""

import multiprocessing
from pathlib import Path

import pytest
from timed_doubles import FRAMES, HUNGER, double

from asymformer_ros.benchmark.contender_process import ContenderFailed, ContenderProcess
from asymformer_ros.benchmark.rounds import WARM_UP_ROUNDS, run_rounds

# Its first frame, the labels of all frames, and two frames for each turn of the warm-up.
BEFORE_ROUNDS = 1 + 2 * WARM_UP_ROUNDS


def rounds(contenders, number, report=lambda what: None):
    outcome = run_rounds(contenders, FRAMES, number, report)
    assert multiprocessing.active_children() == []
    return outcome, {result.contender.name: result for result in outcome.results}


def test_every_contender_is_timed_on_the_same_frame_once_a_round():
    outcome, results = rounds([double("a"), double("eager"), double("b")], 4)
    assert outcome.is_complete
    for result in results.values():
        assert [(sample.round, sample.frame) for sample in result.samples] == [
            (0, 0),
            (1, 1),
            (2, 2),
            (3, 0),
        ]
        assert all(sample.total_ms > 0 for sample in result.samples)
        assert result.failure == ""
        assert result.open_s > 0


def test_the_order_changes_from_round_to_round():
    turns = []
    rounds([double("a"), double("b"), double("c")], 6, turns.append)
    timed = [what.split(": ")[1] for what in turns if what.startswith("round ")]
    orders = {tuple(timed[start : start + 3]) for start in range(0, 18, 3)}
    assert len(orders) > 1
    assert all(sorted(order) == ["a", "b", "c"] for order in orders)


def test_labels_are_compared_with_those_of_the_plain_network():
    outcome, results = rounds([double("onnxruntime"), double("eager", wrong_pixels=256)], 1)
    assert outcome.float32 == "eager"
    assert results["eager"].samples[0].agreement == 1.0
    assert results["onnxruntime"].samples[0].agreement == 0.75


def test_without_the_plain_network_another_in_float32_takes_its_place():
    outcome, results = rounds([double("missing"), double("onnxruntime")], 1)
    assert outcome.float32 == "onnxruntime"
    assert results["onnxruntime"].samples[0].agreement == 1.0


def test_without_float32_no_labels_are_compared():
    outcome, results = rounds([double("a")], 1)
    assert outcome.float32 == ""
    assert results["a"].samples[0].agreement is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("exits", "its process ended with code 3"),
        ("killed", "its process ended by SIGKILL, as the kernel does when memory runs out"),
        ("raises", "wrong shape"),
    ],
)
def test_a_contender_that_fails_ends_alone(name, reason):
    faultless = BEFORE_ROUNDS + 2 * 2
    _, results = rounds([double(name, faultless), double("sound")], 4)
    assert results[name].failure == reason
    assert len(results[name].samples) == 2
    assert len(results["sound"].samples) == 4


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing", "not installed: pip install missing"),
        ("crashes", "its process ended by SIGKILL, as the kernel does when memory runs out"),
    ],
)
def test_a_contender_that_does_not_open_is_named_with_the_reason(name, reason):
    _, results = rounds([double(name), double("sound")], 1)
    assert results[name].failure == reason
    assert results[name].samples == []
    assert len(results["sound"].samples) == 1


def test_memory_is_the_most_that_a_contender_holds_once_it_is_open():
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError as error:
        pytest.skip(f"this kernel does not forget a peak of memory: {error}")
    hungry, opens_hungry = double("hungry", faultless=1), double("opens hungry")
    _, results = rounds([hungry, opens_hungry], 1)
    assert results["hungry"].memory_mb > HUNGER / 1e6
    assert results["opens hungry"].memory_mb < HUNGER / 1e6


def test_a_contender_that_hangs_is_ended():
    process = ContenderProcess(double("hangs", faultless=1), FRAMES, turn_limit_s=0.5)
    with pytest.raises(ContenderFailed, match=r"gave no answer within 0\.5 s"):
        process.turn(0)
    assert multiprocessing.active_children() == []
    process.close()


def test_an_interruption_keeps_the_rounds_so_far():
    def interrupt_in_round_3(what):
        if what == "round 3 of 9: a":
            raise KeyboardInterrupt

    outcome, results = rounds([double("a")], 9, interrupt_in_round_3)
    assert not outcome.is_complete
    assert len(results["a"].samples) == 2


def test_an_interruption_before_the_first_round_ends_the_call():
    def interrupt(what):
        if what == "opening b":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_rounds([double("a"), double("b")], FRAMES, 1, interrupt)
    assert multiprocessing.active_children() == []
