"""The slot between the receiving thread and the worker."""

from __future__ import annotations

import threading

import pytest

from asymformer_ros.ros.latest_slot import LatestSlot


def test_the_newest_item_wins_and_the_replaced_are_counted():
    slot = LatestSlot()

    assert [slot.put(item) for item in ("old", "newer", "newest")] == [False, True, True]

    assert slot.take() == "newest"
    assert slot.replaced == 2


def test_an_item_that_was_taken_is_not_replaced():
    slot = LatestSlot()
    slot.put("first")
    slot.take()

    assert slot.put("second") is False


def test_take_waits_for_an_item():
    slot = LatestSlot()
    taken = []
    consumer = threading.Thread(target=lambda: taken.append(slot.take()))
    consumer.start()

    slot.put("item")

    consumer.join(5.0)
    assert taken == ["item"]


def test_closing_wakes_the_consumer_and_gives_back_what_nobody_took():
    slot = LatestSlot()
    slot.put("left")
    assert slot.close() == "left"

    taken = []
    consumer = threading.Thread(target=lambda: taken.append(slot.take()))
    consumer.start()
    consumer.join(5.0)

    assert taken == [None]


def test_a_waiting_consumer_is_woken_by_closing():
    slot = LatestSlot()
    waiting = threading.Event()
    ended = threading.Event()

    def consume():
        waiting.set()
        assert slot.take() is None
        ended.set()

    threading.Thread(target=consume, daemon=True).start()
    assert waiting.wait(5.0)

    assert slot.close() is None
    assert ended.wait(5.0)


def test_a_closed_slot_takes_nothing_more():
    slot = LatestSlot()
    slot.close()

    with pytest.raises(RuntimeError, match="closed"):
        slot.put("item")
