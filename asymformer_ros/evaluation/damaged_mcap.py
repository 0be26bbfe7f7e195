"""The messages of an mcap file, read record by record without its summary.

The format: https://mcap.dev/spec.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from asymformer_ros.evaluation.damaged_bag import BagMessage
from asymformer_ros.evaluation.damaged_records import (
    LARGEST,
    DamageError,
    decompressed,
    read_on,
    take,
)

_MAGIC = b"\x89MCAP0\r\n"
_HEAD = struct.Struct("<BQ")
_FOOTER = struct.Struct("<BQQQI8s")
_FOOTER_OP, _SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _CHUNK_INDEX = 2, 3, 4, 5, 6, 8
_DATA_END = 15
# The others, those of applications among them, may be as long as they like.
_READ = (_SCHEMA, _CHANNEL, _MESSAGE, _CHUNK)
_SCHEMA_HEAD = struct.Struct("<H")
_CHANNEL_HEAD = struct.Struct("<HH")
_MESSAGE_HEAD = struct.Struct("<HIQQ")
_CHUNK_HEAD = struct.Struct("<QQQI")
_LENGTH = struct.Struct("<I")
_COUNT = struct.Struct("<Q")
_CHUNK_POSITION = struct.Struct("<QQQ")


def read_mcap(file: Path, faults: list[str]) -> Iterator[BagMessage]:
    """Every message that can be read, in the order of the file; see `damaged_bag.Reader`."""
    reader = _Reader()
    yield from read_on(file, faults, reader.record, _chunk_positions(file), len(_MAGIC))
    if not reader.ended:
        faults.append("has no end: it was cut off, or its recorder was not ended")


class _Reader:
    def __init__(self) -> None:
        self.ended = False
        self._kinds: dict[int, str] = {}
        self._channels: dict[int, tuple[int, str]] = {}

    def record(self, stream: BinaryIO, end: int) -> Iterator[BagMessage]:
        """The messages of one record of the file; raises DamageError."""
        if self.ended:
            # The summary holds nothing new.
            stream.seek(end)
            return
        op, length = _HEAD.unpack(take(stream, _HEAD.size, end))
        if op == 0:
            raise DamageError
        if op == _CHUNK:
            # Of a chunk that is cut off all that there is.
            yield from self._chunk(take(stream, min(length, end - stream.tell()), end))
        else:
            body = take(stream, length, end, LARGEST if op in _READ else 0)
            yield from self._content(op, body)
        self.ended = op in (_DATA_END, _FOOTER_OP)

    def _chunk(self, body: bytes) -> Iterator[BagMessage]:
        compression, data = _string(body, _CHUNK_HEAD.size)
        content, good = decompressed(compression, data[_COUNT.size :])
        stream = BytesIO(content)
        while stream.tell() < len(content):
            op, length = _HEAD.unpack(take(stream, _HEAD.size, len(content)))
            yield from self._content(op, take(stream, length, len(content)))
        if not good or len(content) != _unpacked(_CHUNK_HEAD, body)[2]:
            raise DamageError

    def _content(self, op: int, body: bytes) -> Iterator[BagMessage]:
        if op == _SCHEMA:
            self._kinds[_unpacked(_SCHEMA_HEAD, body)[0]], _ = _string(body, _SCHEMA_HEAD.size)
        elif op == _CHANNEL:
            channel, schema = _unpacked(_CHANNEL_HEAD, body)
            self._channels[channel] = schema, _string(body, _CHANNEL_HEAD.size)[0]
        elif op == _MESSAGE:
            channel, _, log_ns, _ = _unpacked(_MESSAGE_HEAD, body)
            schema, topic = self._channels.get(channel, (0, ""))
            kind = self._kinds.get(schema, "")
            yield BagMessage(topic, kind, log_ns, body[_MESSAGE_HEAD.size :])


def _unpacked(layout: struct.Struct, body: bytes) -> tuple[int, ...]:
    if len(body) < layout.size:
        raise DamageError
    return layout.unpack_from(body)


def _string(body: bytes, start: int) -> tuple[str, bytes]:
    """The string that begins there, and all that follows it."""
    begin = start + _LENGTH.size
    stop = begin + _unpacked(_LENGTH, body[start:begin])[0]
    if stop > len(body):
        raise DamageError
    return body[begin:stop].decode(errors="replace"), body[stop:]


def _chunk_positions(file: Path) -> list[int]:
    """Where the chunks begin, ascending, as far as there is a summary to tell it."""
    size = file.stat().st_size
    if size < _FOOTER.size:
        return []
    positions = []
    with file.open("rb") as stream:
        stream.seek(size - _FOOTER.size)
        op, _, summary, _, _, magic = _FOOTER.unpack(stream.read())
        if (op, magic) != (_FOOTER_OP, _MAGIC) or not 0 < summary < size:
            return []
        stream.seek(summary)
        try:
            while stream.tell() < size - _FOOTER.size:
                op, length = _HEAD.unpack(take(stream, _HEAD.size, size))
                body = take(stream, length, size, _CHUNK_POSITION.size)
                if op == _CHUNK_INDEX:
                    positions.append(_unpacked(_CHUNK_POSITION, body)[2])
        except DamageError:
            pass
    return sorted(positions)
