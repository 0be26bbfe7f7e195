"""Random colour and depth messages for synchronizers, and what must hold after each of them."""

from __future__ import annotations

from collections import Counter

from hypothesis import strategies as st

MS = 1_000_000
S = 1000 * MS

_FAR = (MS, 30 * MS, 99 * MS, 101 * MS, S, 1000 * S)
_JUMPS = st.sampled_from([*_FAR, *(-far for far in _FAR)])
#: Zero, equal, near, far and beyond what a ROS clock can hold.
_ODD_STAMPS = (
    st.just(0)
    | st.integers(0, 50)
    | st.integers(0, 400 * MS)
    | st.integers(0, 2**31 * S)
    | st.integers(-S, S)
)


@st.composite
def hectic_arrivals(draw, min_size, max_size):
    """(is colour, stamp) of messages whose clock stands, runs, jumps both ways and goes astray."""
    now = draw(st.integers(0, 10 * S))
    arrivals = []
    for _ in range(draw(st.integers(min_size, max_size))):
        step = draw(st.sampled_from(["run", "run", "run", "stand", "jump", "stray"]))
        stamp = now
        if step == "run":
            stamp = now = now + draw(st.integers(1, 70 * MS))
        elif step == "jump":
            stamp = now = max(0, now + draw(_JUMPS))
        elif step == "stray":
            stamp = draw(_ODD_STAMPS)
        arrivals.append((draw(st.booleans()), stamp))
    return arrivals


def play_checked(sync, arrivals, slop, queue_size):
    """Play (is colour, stamp), check the account after each message; the pairs as (colour, depth).

    The messages are their place in `arrivals`, and so are those of the pairs.
    """
    received, used, pairs = Counter(), set(), []
    for place, (is_color, stamp) in enumerate(arrivals):
        received[is_color] += 1
        for pair in (sync.add_color if is_color else sync.add_depth)(stamp, place):
            assert abs(pair.color_stamp_ns - pair.depth_stamp_ns) <= slop
            assert arrivals[pair.color] == (True, pair.color_stamp_ns)
            assert arrivals[pair.depth] == (False, pair.depth_stamp_ns)
            assert used.isdisjoint({pair.color, pair.depth}), "a message was used twice"
            used |= {pair.color, pair.depth}
            pairs.append((pair.color, pair.depth))
        counts = sync.counts()
        assert (counts.received_color, counts.received_depth) == (received[True], received[False])
        assert counts.paired == len(pairs)
        for received_one, dropped, waiting in (
            (counts.received_color, counts.dropped_color, counts.waiting_color),
            (counts.received_depth, counts.dropped_depth, counts.waiting_depth),
        ):
            assert all(count > 0 for count in dropped.values())
            assert received_one == counts.paired + sum(dropped.values()) + waiting
            assert waiting <= queue_size
    return pairs


@st.composite
def clean_arrivals(draw, frames, largest_offset):
    """Pairs of a camera that runs smoothly, depth a little off colour, from any time on.

    The time is given as it is, or, below a second, relative to the last stamp before.
    """
    period = draw(st.sampled_from([11 * MS, 33 * MS, 100 * MS, S]))
    offset = draw(st.integers(0, min(largest_offset, period // 3)))
    color_first = draw(st.booleans())
    start = draw(st.integers(0, 20 * S) | st.integers(-200 * MS, 200 * MS))

    def after(garbage):
        first = start if abs(start) > 200 * MS else max(0, start + garbage[-1][1])
        return [
            (is_color, first + k * period + (0 if is_color else offset))
            for k in range(frames)
            for is_color in (color_first, not color_first)
        ]

    return after
