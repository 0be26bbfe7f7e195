"""Files of records, as mcap and ROS 1 bags are: read on until damage, and on behind it."""

from __future__ import annotations

import bz2
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from asymformer_ros.evaluation.recordings import Losses

T = TypeVar("T")

_PIECE = 1 << 16


class DamageError(Exception):
    """Bytes that are no record."""


class _Decompressor(Protocol):
    def decompress(self, data: bytes, /) -> bytes: ...


def take(stream: BinaryIO, count: int, end: int) -> bytes:
    """The next bytes of a stream of that end; raises DamageError where so many are not left."""
    if not 0 <= count <= end - stream.tell():
        raise DamageError
    return stream.read(count)


def read_on(
    file: Path,
    losses: Losses,
    record: Callable[[BinaryIO, int], Iterator[T]],
    chunks: Sequence[int],
    start: int,
) -> Iterator[T]:
    """What all records of a file yield, behind damage from the next chunk that is known.

    record: reads the record at the stream's position in a file of that size; raises DamageError.
    chunks: ascending positions.
    """
    size = file.stat().st_size
    position = start
    with file.open("rb") as stream:
        while position < size:
            stream.seek(position)
            try:
                yield from record(stream, size)
                position = stream.tell()
            except DamageError:
                index = bisect_right(chunks, position)
                resumed = chunks[index] if index < len(chunks) else size
                losses.note(
                    f"{file} is cut off or damaged somewhere behind byte {position} of {size}"
                    + (f", up to byte {resumed}" if resumed < size else "")
                )
                position = resumed


def decompressed(compression: str, data: bytes) -> tuple[bytes, bool]:
    """A chunk's bytes as far as they can be had, and whether no error stopped that."""
    if compression in ("", "none"):
        return data, True
    content = bytearray()
    try:
        decompressor = _decompressor(compression)
        for start in range(0, len(data), _PIECE):
            content += decompressor.decompress(data[start : start + _PIECE])
    except Exception:  # each of the three libraries has errors of its own
        return bytes(content), False
    return bytes(content), True


def _decompressor(compression: str) -> _Decompressor:
    import lz4.frame  # type: ignore[import-untyped]
    import zstandard

    if compression == "bz2":
        return bz2.BZ2Decompressor()
    if compression == "lz4":
        decompressor: _Decompressor = lz4.frame.LZ4FrameDecompressor()
        return decompressor
    if compression == "zstd":
        return zstandard.ZstdDecompressor().decompressobj()
    raise DamageError
