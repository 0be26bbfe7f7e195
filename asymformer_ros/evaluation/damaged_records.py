"""Files of records, as mcap and ROS 1 bags are: read on until damage, and on behind it."""

from __future__ import annotations

import bz2
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from io import SEEK_CUR, BytesIO
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from asymformer_ros.perception.image_file import MAX_PIXELS

T = TypeVar("T")

#: Bytes that are kept of a message or a chunk: an image of 4 bytes a pixel, and something beside.
LARGEST = 4 * MAX_PIXELS + (1 << 24)
_PIECE = 1 << 16


class DamageError(Exception):
    """Bytes that are no record."""


def take(stream: BinaryIO, count: int, end: int, most: int = LARGEST) -> bytes:
    """The next bytes of a stream of that end, at most so many of them; all are passed over.

    Raises DamageError where so many are not left.
    """
    if not 0 <= count <= end - stream.tell():
        raise DamageError
    data = stream.read(min(count, most))
    stream.seek(count - len(data), SEEK_CUR)
    return data


def read_on(
    file: Path,
    faults: list[str],
    record: Callable[[BinaryIO, int], Iterator[T]],
    chunks: Sequence[int],
    start: int,
) -> Iterator[T]:
    """What all records of a file yield, behind damage from the next chunk that is known.

    faults: gets half a sentence for each damage. record: reads the record at the stream's position
    in a file of that size; raises DamageError. chunks: ascending positions.
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
                faults.append(f"is cut off or damaged, first behind byte {position} of {size}")
                index = bisect_right(chunks, position)
                position = chunks[index] if index < len(chunks) else size


def decompressed(compression: str, data: bytes) -> tuple[bytes, bool]:
    """A chunk's bytes as far as they can be had, at most LARGEST, and whether those are all."""
    if compression in ("", "none"):
        return data, True
    content = bytearray()
    try:
        stream = _stream(compression, data)
        while piece := stream.read1(_PIECE):
            content += piece
            if len(content) > LARGEST:
                return bytes(content), False
    except Exception:  # each of the three libraries has errors of its own
        return bytes(content), False
    return bytes(content), True


def _stream(compression: str, data: bytes) -> Any:
    import lz4.frame  # type: ignore[import-untyped]
    import zstandard

    if compression == "bz2":
        return bz2.open(BytesIO(data))
    if compression == "lz4":
        return lz4.frame.open(BytesIO(data))
    if compression == "zstd":
        return zstandard.ZstdDecompressor().stream_reader(data)
    raise DamageError
