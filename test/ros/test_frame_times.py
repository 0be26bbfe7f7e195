"""Where the time of the last frames went."""

from __future__ import annotations

import math

import pytest

from asymformer_ros.ros.frame_times import FrameTimes, FrameTiming, Timing


def frame(latency_ms=25.0, inference_ms=7.0):
    return FrameTiming(latency_ms, 1.0, 2.0, inference_ms, 0.5)


def test_timing_covers_the_last_ten_seconds():
    times = FrameTimes()
    times.add(0.0, frame(5000.0, 5000.0))
    for k in range(101):
        times.add(5.0 + k / 20, frame(latency_ms=float(k)))

    timing = times.timing(now_s=10.5)

    assert timing.rate_hz == pytest.approx(101 / 5.5)
    assert timing.percentiles == {
        "latency_ms": (50.0, 95.0, 99.0),
        "waiting_ms": (1.0, 1.0, 1.0),
        "decode_ms": (2.0, 2.0, 2.0),
        "inference_ms": (7.0, 7.0, 7.0),
        "publish_ms": (0.5, 0.5, 0.5),
    }
    assert times.timing(now_s=30.0) == Timing(0.0, {})


def test_a_latency_that_is_not_known_does_not_spoil_the_others():
    times = FrameTimes()
    times.add(0.0, frame(math.nan))

    assert "latency_ms" not in times.timing(1.0).percentiles
    times.add(0.5, frame(30.0))
    assert times.timing(1.0).percentiles["latency_ms"] == (30.0, 30.0, 30.0)
