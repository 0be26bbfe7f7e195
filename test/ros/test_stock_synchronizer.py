"""Pairing by message_filters: its pairs, our account of them, and the choice between the two."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

from hypothesis import given, settings
from hypothesis import strategies as st
from message_streams import MS, S, clean_arrivals, hectic_arrivals, play_checked

from asymformer_ros.perception.synchronizer import TIME_RESET, RgbdSynchronizer
from asymformer_ros.ros.parameters import ConfigurationError
from asymformer_ros.ros.stock_synchronizer import UNPAIRED, StockSynchronizer, make_synchronizer

needs_message_filters = pytest.mark.skipif(
    find_spec("message_filters") is None,
    reason="message_filters is not on PyPI: needs a ROS 2 installation",
)


def regular(frames, start=0, offset=0, period=33 * MS):
    """(is colour, stamp) of pairs, colour first."""
    return [
        (is_color, start + k * period + (0 if is_color else offset))
        for k in range(frames)
        for is_color in (True, False)
    ]


def test_the_own_policy_needs_no_message_filters(monkeypatch):
    monkeypatch.setitem(sys.modules, "message_filters", None)

    assert isinstance(make_synchronizer("own", 50 * MS, 10), RgbdSynchronizer)


def test_where_message_filters_is_missing_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "message_filters", None)

    with pytest.raises(ConfigurationError, match=r"apt install .*set sync.policy to own"):
        make_synchronizer("message_filters", 50 * MS, 10)


@needs_message_filters
def test_stamps_nearer_than_the_slop_are_paired_with_their_messages():
    sync = make_synchronizer("message_filters", 50 * MS, 10)

    assert sync.add_color(S, "colour") == []
    (pair,) = sync.add_depth(S + 20 * MS, "depth")

    assert (pair.color_stamp_ns, pair.color) == (S, "colour")
    assert (pair.depth_stamp_ns, pair.depth) == (S + 20 * MS, "depth")
    assert sync.stamps_apart_ns() == 20 * MS


@needs_message_filters
@pytest.mark.parametrize(("apart", "pairs"), [(0, 1), (1, 0), (20 * MS, 0)])
def test_slop_zero_pairs_equal_stamps_alone(apart, pairs):
    arrivals = [(True, S), (False, S + apart)]

    assert len(play_checked(StockSynchronizer(0, 10), arrivals, 0, 10)) == pairs


@needs_message_filters
def test_what_message_filters_throws_away_is_counted():
    sync = StockSynchronizer(5 * MS, queue_size=4)

    play_checked(sync, regular(20, offset=12 * MS), 5 * MS, 4)

    counts = sync.counts()
    assert counts.dropped_color == counts.dropped_depth == {UNPAIRED: 16}
    assert counts.waiting_color == counts.waiting_depth == 4


@needs_message_filters
@pytest.mark.parametrize("slop", [0, 50 * MS])
@pytest.mark.parametrize("back", [S, 1000 * S])
def test_a_bag_played_in_a_loop_goes_on_pairing_with_unequal_rates(slop, back):
    """message_filters alone fills its queue with messages of the end and drops the new ones."""
    color_alone = [(True, back + 2 * S + k * MS) for k in range(5)]
    arrivals = [*regular(30, back + S), *color_alone, *regular(30, S)]
    sync = StockSynchronizer(slop, queue_size=5)

    assert len(play_checked(sync, arrivals, slop, queue_size=5)) == 60
    assert sync.counts().dropped_color == {TIME_RESET: 5}


@needs_message_filters
@pytest.mark.parametrize("slop", [0, 50 * MS])
def test_depth_that_waits_from_before_the_loop_is_not_paired_after_it(slop):
    """Its colour is lost in the first round, and its own stream is silent in the second."""
    first = [*regular(3, 5 * S), (False, 6 * S)]
    second = [(True, S), (True, 6 * S)]

    assert len(play_checked(StockSynchronizer(slop, 10), [*first, *second], slop, 10)) == 3


@needs_message_filters
def test_clearing_drops_what_waits_under_the_given_cause():
    sync = StockSynchronizer(0, 10)
    for stamp in (S, 2 * S, 3 * S):
        sync.add_color(stamp, None)

    sync.clear("stopped")

    assert sync.counts().dropped_color == {"stopped": 3}
    assert sync.counts().waiting_color == 0
    assert sync.add_depth(S, None) == []


@needs_message_filters
@pytest.mark.parametrize("slop", [0, 50 * MS])
@pytest.mark.parametrize("stamp", [-1, 2**31 * S])
def test_a_stamp_that_no_clock_can_hold_is_counted_and_pairing_goes_on(slop, stamp):
    sync = StockSynchronizer(slop, 10)

    assert sync.add_color(stamp, None) == []
    assert sync.counts().dropped_color == {UNPAIRED: 1}

    later = [sync.add_color(k * S, None) + sync.add_depth(k * S, None) for k in range(1, 4)]
    assert [len(pairs) for pairs in later[1:]] == [1, 1]


@needs_message_filters
def test_an_exception_inside_message_filters_does_not_leave_it_locked(monkeypatch):
    sync = StockSynchronizer(50 * MS, 10)
    with monkeypatch.context() as broken:
        broken.setattr("message_filters.Duration", None)
        with pytest.raises(TypeError):
            sync.add_color(S, None) + sync.add_depth(S, None)

    assert not sync._stock.lock.locked()  # or the next line would wait for ever
    assert len(sync.add_color(2 * S, None) + sync.add_depth(2 * S, None)) == 1


SLOPS = st.sampled_from([0, MS, 20 * MS, 50 * MS])


@needs_message_filters
@settings(max_examples=200)
@given(hectic_arrivals(min_size=60, max_size=80), SLOPS, st.integers(1, 10))
def test_in_twelve_thousand_random_messages_the_account_always_adds_up(arrivals, slop, queue_size):
    play_checked(StockSynchronizer(slop, queue_size), arrivals, slop, queue_size)


@needs_message_filters
@settings(max_examples=100)
@given(hectic_arrivals(1, 40), st.data(), SLOPS, st.integers(2, 10))
def test_whatever_came_before_a_clean_stream_is_paired_again(garbage, data, slop, queue_size):
    clean = data.draw(clean_arrivals(frames=20, largest_offset=slop // 2))(garbage)

    pairs = play_checked(StockSynchronizer(slop, queue_size), [*garbage, *clean], slop, queue_size)

    # A message of the garbage may take the first, and then each goes with the other's next.
    assert sum(color >= len(garbage) and depth >= len(garbage) for color, depth in pairs) >= 16
