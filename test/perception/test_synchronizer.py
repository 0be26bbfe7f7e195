"""Pairing by stamps: the rule, what is dropped and why, and the account of every message."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from message_streams import MS, clean_arrivals, hectic_arrivals, play_checked

from asymformer_ros.perception.synchronizer import (
    DUPLICATE_STAMP,
    LATE,
    NO_PARTNER,
    QUEUE_FULL,
    TIME_RESET,
    RgbdSynchronizer,
)


class Player:
    """Plays messages, named by stream and stamp in milliseconds, and notes the pairs."""

    def __init__(self, slop_ms=50, queue_size=10):
        self.sync = RgbdSynchronizer(slop_ms * MS, queue_size)
        self.pairs = []

    def play(self, *messages):
        """Feed 'c33' (colour, 33 ms) and 'd20' (depth); returns the pairs that this gave."""
        given_now = []
        for message in messages:
            add = self.sync.add_color if message[0] == "c" else self.sync.add_depth
            given_now += [(p.color, p.depth) for p in add(round(float(message[1:]) * MS), message)]
        self.pairs += given_now
        return given_now

    @property
    def counts(self):
        return self.sync.counts()


def regular(name, count, period_ms=33, start_ms=0):
    return [f"{name}{start_ms + k * period_ms}" for k in range(count)]


def alternate(colors, depths):
    return [message for both in zip(colors, depths, strict=True) for message in both]


def test_equal_stamps_are_paired_at_once_whichever_comes_first():
    player = Player()

    assert player.play("c0", "d0") == [("c0", "d0")]
    assert player.play("d33", "c33") == [("c33", "d33")]


def test_zero_slop_pairs_equal_stamps_only():
    player = Player(slop_ms=0)

    assert player.play("c0", "d1", "c33", "d33", "c66", "d66") == [("c33", "d33"), ("c66", "d66")]
    assert player.counts.dropped_color == {NO_PARTNER: 1}
    assert player.counts.dropped_depth == {NO_PARTNER: 1}


def test_stamps_further_apart_than_the_slop_are_never_paired():
    player = Player(slop_ms=10)

    player.play(*alternate(regular("c", 20), regular("d", 20, start_ms=12)))

    assert player.pairs == []
    assert player.counts.dropped_color[NO_PARTNER] >= 18


def test_a_depth_image_exactly_the_slop_away_is_paired():
    player = Player(slop_ms=10)

    player.play(*alternate(regular("c", 5, period_ms=100), regular("d", 5, 100, start_ms=10)))

    assert ("c0", "d10") in player.pairs


def test_a_pair_waits_while_a_nearer_partner_can_still_come():
    player = Player()

    assert player.play("d0", "c20") == []
    assert player.play("d33") == []  # nearer to c20, but c53 could be nearer to it
    assert player.play("c53") == [("c20", "d33")]


def test_a_lost_depth_image_does_not_shift_the_following_pairs():
    """Nearest to c0 is d33, within the slop, but d33 belongs to c33."""
    player = Player()

    player.play("c0", "d33", "c33", "d66", "c66", "d99", "c99")

    assert player.pairs == [("c33", "d33"), ("c66", "d66"), ("c99", "d99")]
    assert player.counts.dropped_color == {NO_PARTNER: 1}


def test_nor_does_it_once_the_period_is_known():
    player = Player()
    steady = alternate(regular("d", 20, start_ms=88), regular("c", 20, start_ms=100))
    player.play(*steady)

    # Without its d748, c760 has d781 within the slop, but c793 is nearer to that.
    player.play("c760", "d781", "c793", "d814", "c826")

    assert player.pairs[-2:] == [("c793", "d781"), ("c826", "d814")]


@pytest.mark.parametrize("offset_ms", [-14, -5, 1, 5, 14])
def test_in_a_steady_stream_a_pair_leaves_with_the_arrival_of_its_second_message(offset_ms):
    player = Player()
    arrivals = sorted(
        regular("c", 60, start_ms=100) + regular("d", 60, start_ms=100 + offset_ms),
        key=lambda message: int(message[1:]),
    )

    player.play(*arrivals[:40])
    at_once = [player.play(message) for message in arrivals[40:]]

    for (pair,) in at_once[1::2]:
        assert int(pair[1][1:]) - int(pair[0][1:]) == offset_ms


def test_stamps_twenty_milliseconds_apart_are_paired_with_the_nearest():
    player = Player()

    player.play(*alternate(regular("c", 30), regular("d", 30, start_ms=20)))

    assert len(player.pairs) >= 28
    assert {int(c[1:]) - int(d[1:]) for c, d in player.pairs} == {13}  # not 20


@pytest.mark.parametrize(("color_ms", "depth_ms"), [(16, 32), (32, 16), (32, 96)])
def test_streams_of_unequal_rates_pair_at_the_slower_rate(color_ms, depth_ms):
    player = Player()
    arrivals = sorted(
        regular("c", 960 // color_ms, color_ms) + regular("d", 960 // depth_ms, depth_ms),
        key=lambda message: int(message[1:]),
    )

    player.play(*arrivals)

    assert len(player.pairs) == 960 // max(color_ms, depth_ms)
    assert all(color[1:] == depth[1:] for color, depth in player.pairs)


def test_depth_that_comes_late_is_paired_with_the_colour_that_waited():
    player = Player()

    assert player.play(*regular("c", 5)) == []
    assert player.play(*regular("d", 5)) == [(f"c{t}", f"d{t}") for t in (0, 33, 66, 99, 132)]


def test_a_stalled_stream_fills_no_more_than_the_queue_and_pairing_goes_on_after_it():
    player = Player(queue_size=4)

    player.play(*regular("c", 20))
    assert player.counts.waiting_color == 4
    assert player.counts.dropped_color == {QUEUE_FULL: 16}

    assert player.play("d660", "c660") == [("c660", "d660")]
    assert player.counts.waiting_color == 0


def test_a_bag_played_in_a_loop_loses_no_pair():
    player = Player()

    for _ in range(10):
        player.play(*alternate(regular("c", 30), regular("d", 30)))

    assert len(player.pairs) == 10 * 30


def test_the_last_depth_of_a_round_may_come_after_the_first_colour_of_the_next():
    player = Player()
    player.play(*alternate(regular("c", 29), regular("d", 29)))

    player.play("c957", "c0", "d957", "d0", "c33", "d33")

    assert ("c33", "d33") in player.pairs[29:]
    assert player.counts.dropped_color[TIME_RESET] == 1


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_a_loop_too_short_to_be_told_from_disorder_still_gives_pairs(frames):
    player = Player()

    for _ in range(30):
        player.play(*alternate(regular("c", frames), regular("d", frames)))

    assert len(player.pairs) >= 15 * frames


@pytest.mark.parametrize("restart_ms", [-50_000, -500, 500, 50_000])
def test_a_restarted_driver_with_other_stamps_is_paired_again(restart_ms):
    player = Player()
    player.play(*alternate(regular("c", 30, start_ms=10**6), regular("d", 30, start_ms=10**6)))
    start = 10**6 + 990 + restart_ms

    again = player.play(*alternate(regular("c", 30, start_ms=start), regular("d", 30, 33, start)))

    assert len(again) >= 29


def test_one_stream_that_restarts_alone_finds_the_other_again():
    player = Player()
    player.play(*alternate(regular("c", 30), regular("d", 30)))

    player.play(*alternate(regular("c", 30, start_ms=990), regular("d", 30, start_ms=10**6)))
    assert len(player.pairs) == 30

    player.play(*alternate(regular("c", 9, start_ms=1980), regular("d", 9, start_ms=1980)))
    assert len(player.pairs) >= 38


def test_drivers_that_leave_the_stamp_at_zero_are_paired_in_order_of_arrival():
    player = Player()

    player.play(*["c0", "d0"] * 20)

    assert len(player.pairs) == 20


def test_a_second_message_of_the_same_stamp_replaces_the_one_that_waits():
    sync = RgbdSynchronizer(50 * MS, 10)
    sync.add_color(0, "first")
    sync.add_color(0, "second")

    (pair,) = sync.add_depth(0, "depth")

    assert pair.color == "second"
    assert sync.counts().dropped_color == {DUPLICATE_STAMP: 1}


def test_messages_slightly_out_of_order_are_sorted_in():
    player = Player()

    player.play("c0", "c66", "c33", "c99", "d0", "d66", "d99")

    assert player.pairs == [("c0", "d0"), ("c66", "d66"), ("c99", "d99")]
    assert player.counts.dropped_color == {NO_PARTNER: 1}


def test_a_pair_never_overtakes_a_newer_one():
    player = Player()

    player.play("c0", "c33", "d33", "d0")

    assert player.pairs == [("c33", "d33")]
    assert player.counts.dropped_color == {NO_PARTNER: 1}
    assert player.counts.dropped_depth == {LATE: 1}


def test_clearing_drops_what_waits_under_the_given_cause():
    player = Player()
    player.play("c0", "c33", "c66")

    player.sync.clear("stopped")

    assert player.counts.dropped_color == {"stopped": 3}
    assert player.play("c99", "d99") == [("c99", "d99")]


def test_draining_pairs_what_waited_for_a_nearer_partner():
    player = Player()
    assert player.play("c0", "d20", "c33") == []

    assert [(p.color, p.depth) for p in player.sync.drain()] == [("c33", "d20")]
    assert player.counts.dropped_color == {NO_PARTNER: 1}
    assert player.counts.waiting_color == player.counts.waiting_depth == 0
    assert player.sync.drain() == []


def test_it_tells_how_far_the_stamps_are_apart():
    player = Player(slop_ms=5)
    assert player.sync.stamps_apart_ns() is None

    player.play(*alternate(regular("c", 20), regular("d", 20, start_ms=12)))

    assert player.sync.stamps_apart_ns() == 12 * MS


@pytest.mark.parametrize(("slop_ms", "queue_size"), [(-1, 10), (50, 0)])
def test_limits_that_cannot_work_are_refused(slop_ms, queue_size):
    with pytest.raises(ValueError, match="need slop"):
        RgbdSynchronizer(slop_ms * MS, queue_size)


def closest_first(colors, depths, slop):
    """The rule in its plainest form: go through all pairs, the nearest stamps first.

    A pair is taken unless one of the two is used or it crosses a pair taken before.
    """
    taken = []
    for apart, color, depth in sorted((abs(c - d), c, d) for c in colors for d in depths):
        free = all(color != c and depth != d for c, d in taken)
        crosses = any((color < c) != (depth < d) for c, d in taken)
        if apart <= slop and free and not crosses:
            taken.append((color, depth))
    return sorted(taken)


def interleave(draw, colors, depths):
    """The two streams, each in its order, in any order of arrival."""
    is_color = draw(st.permutations([True] * len(colors) + [False] * len(depths)))
    remaining = {True: iter(colors), False: iter(depths)}
    return [(color, next(remaining[color])) for color in is_color]


def play_to_the_end(arrivals, slop, queue_size):
    """The pairs of all arrivals; what still waits is drained."""
    sync = RgbdSynchronizer(slop, queue_size)
    pairs = []
    for is_color, stamp in arrivals:
        add = sync.add_color if is_color else sync.add_depth
        pairs += add(stamp, None)
    return [(p.color_stamp_ns, p.depth_stamp_ns) for p in pairs + sync.drain()]


# Fewer stamps than the synchronizer wants to have seen before it believes in a period.
few_stamps = st.lists(st.integers(0, 60), max_size=8, unique=True).map(sorted)


@st.composite
def few_messages(draw):
    colors, depths = draw(few_stamps), draw(few_stamps)
    return colors, depths, interleave(draw, colors, depths)


@settings(max_examples=400, deadline=None)
@given(few_messages(), st.integers(0, 25))
def test_the_pairs_are_closest_first_whatever_the_order_of_arrival(messages, slop):
    colors, depths, arrivals = messages

    assert play_to_the_end(arrivals, slop, queue_size=100) == closest_first(colors, depths, slop)


@st.composite
def steady_messages(draw):
    """Two streams of period 100 with jitter, an offset and lost messages."""
    jitter = st.integers(-2, 2)

    def stream(offset):
        kept = [k for k in range(30) if k % 3 or draw(st.booleans())]
        return [1000 + 100 * k + offset + draw(jitter) for k in kept]

    colors, depths = stream(0), stream(draw(st.integers(-50, 50)))
    return colors, depths, interleave(draw, colors, depths)


@settings(max_examples=100, deadline=None)
@given(steady_messages(), st.integers(0, 90))
def test_a_steady_stream_gives_the_same_pairs_without_waiting(messages, slop):
    colors, depths, arrivals = messages

    assert play_to_the_end(arrivals, slop, queue_size=100) == closest_first(colors, depths, slop)


SLOPS = st.sampled_from([0, MS, 20 * MS, 50 * MS]) | st.integers(0, 200 * MS)


@settings(max_examples=200)
@given(hectic_arrivals(min_size=60, max_size=80), SLOPS, st.integers(1, 10))
def test_in_twelve_thousand_random_messages_the_account_always_adds_up(arrivals, slop, queue_size):
    play_checked(RgbdSynchronizer(slop, queue_size), arrivals, slop, queue_size)


@settings(max_examples=100)
@given(hectic_arrivals(1, 40), st.data(), SLOPS, st.integers(2, 10))
def test_whatever_came_before_a_clean_stream_is_paired_from_its_fourth_frame_on(
    garbage, data, slop, queue_size
):
    clean = data.draw(clean_arrivals(frames=20, largest_offset=slop))(garbage)

    pairs = play_checked(RgbdSynchronizer(slop, queue_size), [*garbage, *clean], slop, queue_size)

    frames = [{len(garbage) + 2 * k, len(garbage) + 2 * k + 1} for k in range(20)]
    # The last frame may still wait for a nearer partner.
    assert all(frame in map(set, pairs) for frame in frames[3:-1])
