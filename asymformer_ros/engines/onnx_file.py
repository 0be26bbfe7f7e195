"""Deploy graphs as files, read and cut without any ONNX package: robots need not have one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from asymformer_ros.network.profile import METADATA_KEY, Profile

# Field numbers in onnx.proto.
_MODEL_GRAPH, _MODEL_METADATA = 7, 14
_GRAPH_INITIALIZER, _GRAPH_OUTPUT = 5, 12
_TENSOR_EXTERNAL_DATA = 13
_VALUE_NAME = 1
_PAIR_KEY, _PAIR_VALUE = 1, 2
# Wire types of protocol buffers.
_VARINT, _FIXED64, _LENGTH_DELIMITED, _FIXED32 = 0, 1, 2, 5


class _Field(NamedTuple):
    number: int
    content: memoryview  # of a length-delimited field, else empty
    whole: memoryview


def read_profile(content: bytes) -> Profile | None:
    """The profile of a deploy graph; None for any other content. Raises CheckpointError."""
    try:
        for field in _fields(memoryview(content)):
            if field.number == _MODEL_METADATA:
                pair = {part.number: bytes(part.content) for part in _fields(field.content)}
                if pair.get(_PAIR_KEY) == METADATA_KEY.encode():
                    return Profile.from_json(pair[_PAIR_VALUE].decode())
    except (IndexError, KeyError, UnicodeDecodeError):
        pass  # no protocol buffer, or one that was cut off
    return None


def external_files(content: bytes) -> set[str]:
    """Names of the files in which an ONNX file keeps its weights; empty for any other content."""
    found = set()
    try:
        for graph in _parts(memoryview(content), _MODEL_GRAPH):
            for tensor in _parts(graph, _GRAPH_INITIALIZER):
                for entry in _parts(tensor, _TENSOR_EXTERNAL_DATA):
                    pair = {part.number: bytes(part.content) for part in _fields(entry)}
                    if pair.get(_PAIR_KEY) == b"location":
                        found.add(pair[_PAIR_VALUE].decode())
    except (IndexError, KeyError, UnicodeDecodeError):
        return set()  # no protocol buffer, or one that was cut off
    return found


def with_output(content: bytes, name: str) -> bytes:
    """The graph with one of its outputs only: runtimes drop what no output needs."""
    parts: list[bytes | memoryview] = []
    for field in _fields(memoryview(content)):
        if field.number == _MODEL_GRAPH:
            graph = b"".join(
                part.whole
                for part in _fields(field.content)
                if part.number != _GRAPH_OUTPUT or _name_of(part.content) == name
            )
            parts += [field.whole[:1], _encoded(len(graph)), graph]
        else:
            parts.append(field.whole)
    return b"".join(parts)


def _name_of(value: memoryview) -> str:
    return next(bytes(p.content).decode() for p in _fields(value) if p.number == _VALUE_NAME)


def _parts(message: memoryview, number: int) -> Iterator[memoryview]:
    """The contents of the fields of one number."""
    return (field.content for field in _fields(message) if field.number == number)


def _fields(message: memoryview) -> Iterator[_Field]:
    """The fields of a protocol buffer message; IndexError where it is none."""
    position = 0
    while position < len(message):
        start = position
        tag, position = _varint(message, position)
        wire_type, content = tag & 7, message[:0]
        if wire_type == _LENGTH_DELIMITED:
            length, position = _varint(message, position)
            content = message[position : position + length]
            position += length
        elif wire_type == _VARINT:
            _, position = _varint(message, position)
        elif wire_type in (_FIXED64, _FIXED32):
            position += 8 if wire_type == _FIXED64 else 4
        else:
            raise IndexError("not a protocol buffer")
        if position > len(message):
            raise IndexError("the message was cut off")
        yield _Field(tag >> 3, content, message[start:position])


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 64:
        byte = message[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
    raise IndexError("not a protocol buffer")


def _encoded(value: int) -> bytes:
    """A varint."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
