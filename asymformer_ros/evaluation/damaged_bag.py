"""What can be read of a bag that is damaged, cut off, or whose recorder died: file by file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NamedTuple

from asymformer_ros.evaluation.recordings import Losses

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_PIECE = 1 << 20


class BagMessage(NamedTuple):
    """A message as a bag holds it; kind: as in sensor_msgs/msg/Image."""

    topic: str
    kind: str
    time_ns: int
    data: bytes


Reader = Callable[[Path, Losses], Iterator[BagMessage]]


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
    """Every message that can be read, in the order of the files; tells losses the rest."""
    for file in bag_files(path):
        try:
            if file.stat().st_size == 0:
                losses.note(f"{file} is empty")
            elif file.suffix == ".zstd":
                yield from _read_compressed(file, losses)
            else:
                yield from map(_decompressed, _reader(file)(file, losses))
        except Exception as error:  # as damage makes parsers raise all sorts
            reason = " ".join(str(error).split()) or type(error).__name__
            losses.note(f"{file} cannot be read to its end: {reason}")


def _reader(file: Path) -> Reader:
    from asymformer_ros.evaluation.damaged_mcap import read_mcap
    from asymformer_ros.evaluation.damaged_ros1 import read_ros1
    from asymformer_ros.evaluation.damaged_sqlite import read_sqlite

    readers: Mapping[str, Reader] = {".mcap": read_mcap, ".db3": read_sqlite}
    return readers.get(_inner_suffix(file), read_ros1)


def _inner_suffix(file: Path) -> str:
    return Path(file.stem).suffix if file.suffix == ".zstd" else file.suffix


def _read_compressed(file: Path, losses: Losses) -> Iterator[BagMessage]:
    """A file that rosbag2 compressed as a whole, as far as it can be decompressed."""
    import zstandard

    with NamedTemporaryFile(suffix=_inner_suffix(file)) as copy, file.open("rb") as source:
        stream = zstandard.ZstdDecompressor().stream_reader(source)
        try:
            while piece := stream.read(_PIECE):
                copy.write(piece)
        except zstandard.ZstdError as error:
            losses.note(f"{file} cannot be decompressed to its end: {error}")
        copy.flush()
        # The temporary file's name would tell nobody anything.
        within = Losses()
        try:
            yield from _reader(file)(Path(copy.name), within)
        finally:
            for sentence in within.sentences:
                losses.note(sentence.replace(copy.name, str(file)))


def _decompressed(message: BagMessage) -> BagMessage:
    """The message itself where rosbag2 compressed each one; CDR begins with 0."""
    if not message.data.startswith(_ZSTD_MAGIC):
        return message
    import zstandard

    try:
        data = zstandard.ZstdDecompressor().decompressobj().decompress(message.data)
    except zstandard.ZstdError:  # its deserialisation fails and is counted
        return message
    return message._replace(data=data)
