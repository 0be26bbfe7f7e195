"""What the stamps of a stream tell of the images that did not arrive."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asymformer_ros.ros.arrival_rate import arrival_rate

S = 10**9
MS = 10**6
PERIOD = 33_333_333

# Periods between the 640x480 images that came through Fast DDS's default shared memory, each run
# 8 s of a camera at 30 Hz: best effort on both sides (rgb8, 16UC1), then a reliable publisher.
LOST_OVER_SHARED_MEMORY = {
    "colour_best_effort": (
        "1 3 16 1 1 1 1 5 12 1 2 36 1 1 1 24 1 4 3 5 5 2 17 1 1 1 1 1 1 4 1 1 1 1 1 1 1 1 1 7 1 1"
        " 12 2 1 1 1 1"
    ),
    "depth_best_effort": (
        "19 2 1 1 5 12 1 2 36 1 1 1 25 7 5 5 2 17 2 2 1 1 4 1 1 1 1 1 1 1 1 1 7 1 2 11 2 1 1 1 1"
    ),
    "colour_reliable_publisher": (
        "1 4 1 1 23 2 1 15 25 1 1 25 1 1 1 4 1 16 18 12 1 1 5 2 2 2 2 7 5 1 1 1 1 1 1 1 1 1 1 3 8"
        " 1 1 1 1 1 1 4 2 1 1 1 1 1 1 1 1 1 5 1 1 1 1 1 1 1 1"
    ),
    "depth_reliable_publisher": (
        "1 4 2 23 2 1 15 25 2 27 1 4 1 16 18 12 1 1 5 2 2 2 2 7 10 1 1 1 1 4 8 1 1 1 1 1 1 14 1 13"
    ),
}


def stamps_of(gaps):
    """Stamps with these gaps between them, in nanoseconds."""
    return [S + int(stamp) for stamp in itertools.accumulate(gaps, initial=0)]


@pytest.mark.parametrize("periods", LOST_OVER_SHARED_MEMORY.values(), ids=LOST_OVER_SHARED_MEMORY)
def test_the_losses_of_a_small_shared_memory_are_seen(periods):
    stamps = stamps_of(PERIOD * int(count) for count in periods.split())

    rate = arrival_rate(stamps)

    assert rate.published_hz == pytest.approx(30, rel=0.01)
    assert 4 < rate.arriving_hz < 10
    assert 0.6 < rate.lost < 0.85


def test_camera_infos_tell_the_rate_where_hardly_an_image_arrives():
    """Ten of three hundred, no two in a row."""
    infos = stamps_of([PERIOD] * 300)
    stamps = [infos[k] for k in (2, 40, 45, 77, 111, 118, 150, 184, 230, 260)]

    assert arrival_rate(stamps) is None
    assert arrival_rate(stamps, infos).published_hz == pytest.approx(30, rel=0.01)
    assert arrival_rate(stamps, infos).lost > 0.9


def test_camera_infos_with_other_stamps_tell_nothing():
    infos = stamps_of([PERIOD // 10] * 3000)
    stamps = stamps_of([PERIOD + 1234] * 300)

    assert arrival_rate(stamps, infos).lost == 0


@pytest.mark.parametrize("count", [0, 1, 2, 8])
def test_few_images_tell_nothing(count):
    assert arrival_rate(stamps_of([S] * 50)[:count]) is None


def test_two_seconds_tell_nothing():
    assert arrival_rate(stamps_of([PERIOD] * 60)) is None


def test_only_the_last_ten_seconds_count():
    lossy = [PERIOD * k for k in (1, 1, 9, 1, 1, 17, 1, 5, 1, 12, 1, 8, 1, 1, 22)] * 3

    assert arrival_rate(stamps_of(lossy)).lost > 0.5
    assert arrival_rate(stamps_of(lossy + [PERIOD] * 310)).lost == 0


def test_a_rate_from_an_image_topic_that_is_throttled_is_no_loss():
    """The camera infos are not: every sixth or seventh of them has its image."""
    infos = stamps_of([PERIOD] * 300)

    assert arrival_rate(infos[::6], infos).lost == 0
    thinned = [infos[k] for k in np.cumsum([6, 7, 6, 6, 7] * 9)]
    assert arrival_rate(thinned, infos).lost == 0


@pytest.mark.parametrize(
    "gaps",
    [
        [PERIOD] * 30 + [3 * PERIOD] * 80 + [PERIOD] * 30,
        [PERIOD] * 60 + [PERIOD * k for k in (9, 24, 8, 36, 12, 30, 15, 40, 14, 33)],
        ([PERIOD] * 2 + [155 * S // 100]) * 6 + [PERIOD],
        ([PERIOD] * 30 + [14 * S // 10]) * 4 + [PERIOD] * 30,
        [MS, 2 * PERIOD - MS] * 150,
        [3 * MS, 3 * MS, 94 * MS] * 100,
        [PERIOD, PERIOD, S - 2 * PERIOD] * 10,
        [PERIOD, 4 * PERIOD] * 60,
    ],
    ids=[
        "slower_for_eight_seconds",
        "triggered_by_hand",
        "paused_again_and_again",
        "stuck_four_times",
        "stamped_in_twos_by_a_bridge",
        "stamped_in_batches_by_a_bridge",
        "three_images_each_second",
        "every_first_and_fifth_image",
    ],
)
def test_a_camera_that_publishes_less_for_a_while_loses_nothing(gaps):
    rate = arrival_rate(stamps_of(gaps))

    assert rate is None or rate.lost == 0


@st.composite
def healthy_stamps(draw):
    """Twelve seconds of a camera that jitters, drops some, changes its rate and is paused."""
    rates = draw(
        st.lists(st.sampled_from([1, 2, 5, 7.5, 10, 15, 30, 60, 90]), min_size=1, max_size=3)
    )
    jitter = draw(st.sampled_from([0.0, 0.01, 0.1, 0.3, 0.45]))
    dropped = draw(st.sampled_from([0.0, 0.05, 0.2]))
    pauses = draw(st.lists(st.floats(0.5, 10.0), max_size=2))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    stamps, start = [], 0.0
    for k, rate in enumerate(rates):
        times = start + np.arange(int(12 / len(rates) * rate)) / rate
        start += 12 / len(rates) + sum(pauses[k : k + 1])
        kept = times[random.random(len(times)) >= dropped]
        stamps.append(kept + random.uniform(-jitter, jitter, len(kept)) / rate)
    return sorted((np.concatenate(stamps) * S).astype(np.int64).tolist())


# Some one of 50,000 such streams looks lossy by chance.
@settings(derandomize=True)
@given(healthy_stamps(), st.booleans())
def test_no_healthy_stream_is_said_to_lose_much(stamps, with_infos):
    rate = arrival_rate(stamps, stamps if with_infos else ())

    assert rate is None or rate.lost <= 0.5


@given(
    st.lists(st.integers(-(2**62), 2**62), max_size=60).map(sorted),
    st.lists(st.integers(-9, 9), max_size=60).map(sorted),
)
def test_no_stamps_break_it(stamps, infos):
    rate = arrival_rate(stamps, infos)

    assert rate is None or 0 <= rate.lost < 1
