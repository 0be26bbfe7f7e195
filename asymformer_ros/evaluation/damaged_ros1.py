"""The messages of a ROS 1 bag, read record by record without its index.

The format: https://wiki.ros.org/Bags/Format/2.0.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from asymformer_ros.evaluation.damaged_bag import BagMessage
from asymformer_ros.evaluation.damaged_records import DamageError, decompressed, read_on, take

_MAGIC = b"#ROSBAG V2.0\n"
_LENGTH = struct.Struct("<I")
_TIME = struct.Struct("<II")
_MESSAGE, _BAG, _CHUNK, _CHUNK_INFO, _CONNECTION = 2, 3, 5, 6, 7
_OPS = range(2, 8)

_Header = Mapping[str, bytes]


def read_ros1(file: Path, faults: list[str]) -> Iterator[BagMessage]:
    """Every message that can be read, in the order of the file; see `damaged_bag.Reader`."""
    with file.open("rb") as stream:
        if stream.read(len(_MAGIC)) != _MAGIC:
            faults.append("does not begin as a ROS 1 bag of version 2.0")
    index = _index_position(file)
    if not index:
        faults.append("has no index: it was cut off, or its recorder was not ended")
    chunks = _chunk_positions(file, index) if index else []
    yield from read_on(file, faults, _Reader().record, chunks, len(_MAGIC))


class _Reader:
    def __init__(self) -> None:
        self._connections: dict[int, tuple[str, str]] = {}

    def record(self, stream: BinaryIO, end: int) -> Iterator[BagMessage]:
        """The messages of one record; raises DamageError."""
        header = _header(stream, end)
        op = _number(header, "op", "<B")
        (length,) = _LENGTH.unpack(take(stream, _LENGTH.size, end))
        if op not in _OPS:
            raise DamageError
        if op == _CHUNK:
            # Of a chunk that is not finished all that there is.
            yield from self._chunk(header, take(stream, min(length, end - stream.tell()), end))
            return
        data = take(stream, length, end)
        if op == _MESSAGE:
            yield from self._message(header, data)
        elif op == _CONNECTION:
            about = _fields(data)
            package, _, name = _text(about, "type").rpartition("/")
            kind = f"{package}/msg/{name}"
            self._connections[_number(header, "conn", "<I")] = _text(header, "topic"), kind

    def _chunk(self, header: _Header, data: bytes) -> Iterator[BagMessage]:
        content, good = decompressed(_text(header, "compression"), data)
        stream = BytesIO(content)
        while stream.tell() < len(content):
            yield from self.record(stream, len(content))
        # The recorder sets 0 when it begins a chunk: its records follow as those of the file.
        if not good or (len(content) != _number(header, "size", "<I") and data):
            raise DamageError

    def _message(self, header: _Header, data: bytes) -> Iterator[BagMessage]:
        connection = self._connections.get(_number(header, "conn", "<I"))
        if connection is not None:
            seconds, nanoseconds = _unpacked(header, "time", _TIME)
            yield BagMessage(*connection, seconds * 1_000_000_000 + nanoseconds, data)


def _header(stream: BinaryIO, end: int) -> _Header:
    (length,) = _LENGTH.unpack(take(stream, _LENGTH.size, end))
    return _fields(take(stream, length, end))


def _fields(data: bytes) -> _Header:
    fields = {}
    stream = BytesIO(data)
    while stream.tell() < len(data):
        (length,) = _LENGTH.unpack(take(stream, _LENGTH.size, len(data)))
        name, separator, value = take(stream, length, len(data)).partition(b"=")
        if not separator:
            raise DamageError
        fields[name.decode(errors="replace")] = value
    return fields


def _text(header: _Header, name: str) -> str:
    return header.get(name, b"").decode(errors="replace")


def _number(header: _Header, name: str, layout: str) -> int:
    return _unpacked(header, name, struct.Struct(layout))[0]


def _unpacked(header: _Header, name: str, layout: struct.Struct) -> tuple[int, ...]:
    value = header.get(name, b"")
    if len(value) != layout.size:
        raise DamageError
    return layout.unpack(value)


def _index_position(file: Path) -> int:
    """Where the index begins, 0 where there is none."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        stream.seek(len(_MAGIC))
        try:
            header = _header(stream, size)
            index = _number(header, "index_pos", "<Q") if "index_pos" in header else 0
        except DamageError:
            return 0
    return index if index < size else 0


def _chunk_positions(file: Path, index: int) -> list[int]:
    """Where the chunks begin, ascending, as far as the index tells it."""
    size = file.stat().st_size
    positions = []
    with file.open("rb") as stream:
        stream.seek(index)
        try:
            while stream.tell() < size:
                header = _header(stream, size)
                take(stream, _LENGTH.unpack(take(stream, _LENGTH.size, size))[0], size)
                if _number(header, "op", "<B") == _CHUNK_INFO:
                    positions.append(_number(header, "chunk_pos", "<Q"))
        except DamageError:
            pass
    return sorted(positions)
