"""How this process handles memory that images have freed."""

from __future__ import annotations

import ctypes
from contextlib import suppress

# mallopt(3) of glibc.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
# 32 MB is the most that glibc takes; a colour image of 1920x1080 has 6.
_LARGEST_KEPT = 32 * 2**20
_MOST_KEPT = 64 * 2**20


def keep_freed_memory() -> None:
    """Have malloc keep what images free for the next ones; nothing where this is not glibc.

    Otherwise each image's megabytes go back to the kernel and come again page by page, zeroed: more
    than half of the CPU that receiving a pair of 640x480 takes.
    """
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT)
        libc.mallopt(_M_TRIM_THRESHOLD, _MOST_KEPT)
