"""Says a thing once in a while, and other things at once."""

from __future__ import annotations

import time
from collections.abc import Callable


class ThrottledLog:
    """log: takes a sentence. period_s: how long nothing more is said of the same key."""

    def __init__(self, log: Callable[[str], object], period_s: float) -> None:
        self._log = log
        self._period_s = period_s
        self._said_s: dict[str, float] = {}

    def __call__(self, key: str, sentence: str) -> bool:
        """Log the sentence unless something was said of this key a moment ago; whether it did."""
        now_s = time.monotonic()
        self._said_s = {k: s for k, s in self._said_s.items() if now_s - s < self._period_s}
        if key in self._said_s:
            return False
        self._said_s[key] = now_s
        self._log(sentence)
        return True
