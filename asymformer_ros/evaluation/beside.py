"""Work beside the engine, on a thread of its own, never more than a few items ahead or behind."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

_AHEAD = 4
_END: Any = object()


@contextmanager
def read_ahead(items: Generator[ItemT, None, None]) -> Iterator[Iterator[ItemT]]:
    """Draw items a few before they are asked for; errors are raised where the item was due.

    `items` is closed when this is left.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="reader") as pool:
        ahead = deque(pool.submit(next, items, _END) for _ in range(_AHEAD))

        def taken() -> Iterator[ItemT]:
            while (item := ahead.popleft().result()) is not _END:
                ahead.append(pool.submit(next, items, _END))
                yield item

        try:
            yield taken()
        finally:
            for future in ahead:
                future.cancel()
            pool.submit(items.close).result()


class Behind(Generic[ItemT, ResultT]):
    """Calls `work` with items in their order, and waits where that falls far behind.

    Used as a context, which does all the rest before it is left. What `work` raises is raised by a
    later `put`, or when the context is left.
    """

    def __init__(self, work: Callable[[ItemT], ResultT]) -> None:
        self._work = work
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="scorer")
        self._behind: deque[Future[ResultT]] = deque()

    def __enter__(self) -> Behind[ItemT, ResultT]:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._pool.shutdown()
        if kind is None:
            for future in self._behind:
                future.result()

    def put(self, item: ItemT) -> None:
        """Hand an item over."""
        self._behind.append(self._pool.submit(self._work, item))
        if len(self._behind) > _AHEAD:
            self._behind.popleft().result()
