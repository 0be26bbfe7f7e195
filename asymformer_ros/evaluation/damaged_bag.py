"""What can be read of a bag that is damaged, cut off, or whose recorder died: file by file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NamedTuple

from asymformer_ros.evaluation.damaged_records import decompressed
from asymformer_ros.evaluation.recordings import Losses

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_PIECE = 1 << 20


class BagMessage(NamedTuple):
    """A message as a bag holds it; kind: as in sensor_msgs/msg/Image."""

    topic: str
    kind: str
    time_ns: int
    data: bytes


#: Yields the messages of a file as far as they can be read; appends what is wrong with the file,
#: half a sentence each.
Reader = Callable[[Path, list[str]], Iterator[BagMessage]]


def is_ros1(path: Path) -> bool:
    """Whether it is a bag of ROS 1; its recorder writes .bag.active until it is ended."""
    return path.suffixes[-1:] == [".bag"] or path.name.endswith(".bag.active")


def bag_files(path: Path) -> list[Path]:
    """The files of a bag, those of a folder in the order in which they were written."""
    if not path.is_dir():
        return [path]
    found = [file for file in path.iterdir() if _inner_suffix(file) in (".mcap", ".db3")]
    return sorted(found, key=lambda file: [int(n) for n in re.findall(r"\d+", file.name)])


def read_damaged(path: Path, losses: Losses) -> Iterator[BagMessage]:
    """Every message that can be read, in the order of the files; tells losses the rest.

    That is one sentence a file: one damage often brings about the next.
    """
    for file in bag_files(path):
        faults: list[str] = []
        count = 0
        try:
            for message in _read(file, faults):
                yield message
                count += 1
        except Exception as error:  # as damage makes parsers raise all sorts
            reason = " ".join(str(error).split()) or type(error).__name__
            faults.append(f"cannot be read to its end: {reason}")
        if faults:
            losses.note(f"{file} {faults[0]}; {count} messages could be read")


def _read(file: Path, faults: list[str]) -> Iterator[BagMessage]:
    if file.stat().st_size == 0:
        faults.append("is empty")
    elif file.suffix == ".zstd":
        yield from _read_compressed(file, faults)
    else:
        yield from map(_decompressed, _reader(file)(file, faults))


def _reader(file: Path) -> Reader:
    from asymformer_ros.evaluation.damaged_mcap import read_mcap
    from asymformer_ros.evaluation.damaged_ros1 import read_ros1
    from asymformer_ros.evaluation.damaged_sqlite import read_sqlite

    readers: Mapping[str, Reader] = {".mcap": read_mcap, ".db3": read_sqlite}
    return readers.get(_inner_suffix(file), read_ros1)


def _inner_suffix(file: Path) -> str:
    return Path(file.stem).suffix if file.suffix == ".zstd" else file.suffix


def _read_compressed(file: Path, faults: list[str]) -> Iterator[BagMessage]:
    """A file that rosbag2 compressed as a whole, as far as it can be decompressed."""
    import zstandard

    with NamedTemporaryFile(suffix=_inner_suffix(file)) as copy, file.open("rb") as source:
        stream = zstandard.ZstdDecompressor().stream_reader(source)
        try:
            while piece := stream.read(_PIECE):
                copy.write(piece)
        except zstandard.ZstdError as error:
            faults.append(f"cannot be decompressed to its end: {error}")
        copy.flush()
        yield from _reader(file)(Path(copy.name), faults)


def _decompressed(message: BagMessage) -> BagMessage:
    """The message itself where rosbag2 compressed each one; CDR begins with 0."""
    if not message.data.startswith(_ZSTD_MAGIC):
        return message
    data, good = decompressed("zstd", message.data)
    # Of what is not good the deserialisation fails and is counted.
    return message._replace(data=data) if good else message
