"""What is logged when it is said again and again."""

import pytest

from asymformer_ros.ros import throttled_log
from asymformer_ros.ros.throttled_log import ThrottledLog


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(throttled_log.time, "monotonic", lambda: now[0])
    return now


def test_the_same_is_said_once_in_a_period_and_something_else_at_once(clock):
    said, told = [], []
    log = ThrottledLog(said.append, period_s=10.0)

    for second, sentence in ((0, "a 1"), (1, "a 2"), (2, "b"), (9.9, "a 3"), (10.0, "a 4")):
        clock[0] = 100.0 + second
        told.append(log(sentence[0], sentence))

    assert said == ["a 1", "b", "a 4"]
    assert told == [True, False, True, False, True]
