"""What counts as growing, and what a process holds."""

import mmap
import os
import threading

import numpy as np
import pytest

from asymformer_ros.benchmark.growth import Sample, growth, held_by, trend
from asymformer_ros.benchmark.growth_picture import growth_picture

HOUR_S = 3600


def samples(memory_mb, *, threads=lambda share: 20, handles=lambda share: 30, segmented=None):
    """An hour, a sample every ten seconds; each is a function of the share of it that is over."""
    shares = np.arange(0, HOUR_S + 1, 10) / HOUR_S
    rng = np.random.default_rng(0)
    return [
        Sample(
            seconds=share * HOUR_S,
            resident_mb=memory_mb(share) + rng.normal(0, 2),
            threads=threads(share),
            handles=handles(share),
            segmented=round(share * 1000) if segmented is None else segmented(share),
            dropped=0,
        )
        for share in shares
    ]


def test_a_process_that_stays_as_it_is_gets_no_complaint():
    judged = growth(samples(lambda share: 300.0))
    assert judged.low <= 0 <= judged.high
    assert abs(judged.mb_per_hour) < 1
    assert judged.complaints == []


def test_what_a_process_takes_while_it_warms_up_is_no_growth():
    assert growth(samples(lambda share: 300.0 if share > 0.03 else 9000 * share)).complaints == []


def test_a_leak_is_found_with_its_size():
    judged = growth(samples(lambda share: 300.0 + 40 * share))
    assert judged.mb_per_hour == pytest.approx(40, abs=2)
    assert 35 < judged.low < judged.mb_per_hour < judged.high < 45
    assert judged.complaints == ["memory grows by more than 10 MB an hour"]


def test_a_single_step_is_no_trend():
    assert growth(samples(lambda share: 300.0 if share < 0.5 else 330.0)).complaints == []


@pytest.mark.parametrize("what", ["threads", "handles"])
def test_ever_more_threads_or_handles_are_found(what):
    judged = growth(samples(lambda share: 300.0, **{what: lambda share: 20 + round(30 * share)}))
    assert judged.complaints == [
        f"{what} grew by {getattr(judged, what):.1f}, more than "
        + ("2" if what == "threads" else "4")
    ]


@pytest.mark.parametrize("what", ["threads", "handles"])
def test_threads_or_handles_that_come_and_go_are_no_growth(what):
    judged = growth(
        samples(lambda share: 300.0, **{what: lambda share: 20 + round(share * 360) % 7})
    )
    assert judged.complaints == []


@pytest.mark.parametrize(
    "segmented",
    [
        lambda share: round(min(share, 0.7) * 1000),
        lambda share: round((share if share < 0.5 else max(0.5, share - 0.3)) * 1000),
    ],
    ids=["at_the_end", "in_between"],
)
def test_a_node_that_segments_nothing_for_long_is_found(segmented):
    (complaint,) = growth(samples(lambda share: 300.0, segmented=segmented)).complaints

    assert complaint.startswith("no frame was segmented for 1")
    assert complaint.endswith(" s")


def test_the_trend_of_a_line_is_its_slope():
    x = np.arange(50.0)
    assert trend(x, 3 * x + 1) == pytest.approx((3.0, 3.0, 3.0))


def test_what_a_process_holds_grows_with_what_it_takes():
    before = held_by(os.getpid())
    release = threading.Event()
    thread = threading.Thread(target=release.wait)
    thread.start()
    with open(os.devnull) as _:  # noqa: PTH123
        # Mapped anew: freed memory that malloc keeps is held already.
        memory = np.frombuffer(mmap.mmap(-1, 40_000_000), np.uint8)
        memory.fill(1)
        now = held_by(os.getpid())
    release.set()
    thread.join()
    assert now.threads == before.threads + 1
    assert now.handles == before.handles + 1
    assert now.resident_mb - before.resident_mb == pytest.approx(memory.nbytes / 1e6, abs=5)


def test_a_process_that_has_ended_holds_nothing():
    with pytest.raises(OSError, match="4194303"):
        held_by(4194303)


def test_the_picture_shows_the_curves():
    hour = samples(lambda share: 300.0)
    image = growth_picture(hour, growth(hour), "title", "subtitle")
    assert image.dtype == np.uint8 and image.shape[1:] == (1800, 3)
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 5
