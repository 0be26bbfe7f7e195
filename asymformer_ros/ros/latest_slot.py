"""A slot between two threads in which the newest item replaces the one before."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")


class LatestSlot(Generic[ItemT]):
    """Holds at most one item: newest wins, one consumer takes it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: ItemT | None = None
        self._closed = False
        self._replaced = 0

    @property
    def replaced(self) -> int:
        """How many items were replaced before they were taken."""
        return self._replaced

    def put(self, item: ItemT) -> bool:
        """Leave an item, never waiting; returns whether one that was never taken had to go.

        Raises RuntimeError when the slot is closed.
        """
        with self._changed:
            if self._closed:
                raise RuntimeError("the slot is closed")
            replaced = self._item is not None
            self._replaced += replaced
            self._item = item
            self._changed.notify()
            return replaced

    def take(self) -> ItemT | None:
        """Wait for an item and take it; None once the slot is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed)
            item, self._item = self._item, None
            return item

    def close(self) -> ItemT | None:
        """Wake the consumer for good; returns the item that nobody took."""
        with self._changed:
            self._closed = True
            item, self._item = self._item, None
            self._changed.notify_all()
            return item
