"""Bags that announce or hold more than memory: salvaging them costs what an image may, no more."""

import bz2
import sqlite3
import struct
import tracemalloc

import numpy as np
import pytest
from bags import COMPRESSED_KINDS, KINDS, Bag

from asymformer_ros.evaluation import damaged_records
from asymformer_ros.evaluation.recordings import RecordingError, open_recording

pytest.importorskip("rosbags", reason="needs rosbags")
import lz4.frame
import zstandard

FRAMES = 4
MIB = 1 << 20
END_OF_DATA = b"\x0f\x04\0\0\0\0\0\0\0"


def write(folder, kind="mcap", frames=FRAMES, size=(6, 8)):
    with Bag(folder, kind) as bag:
        for number in range(frames):
            noise = np.random.default_rng(number).integers(0, 256, (*size, 3), np.uint8)
            bag.image("/depth", 10 * number, np.ones(size, np.uint16), "16UC1")
            bag.image("/color", 10 * number + 1, noise, "rgb8")
    return bag.path


def storage_of(path):
    if path.is_file():
        return path
    (file,) = (file for file in path.iterdir() if file.suffix != ".yaml")
    return file


def read(path):
    recording = open_recording(path)
    count = sum(1 for _ in recording.images())
    return count, recording.losses.sentences


def peak_of(action):
    """What an action returns, and how many bytes it took at most."""
    tracemalloc.start()
    try:
        result = action()
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def insert_behind_header(file, op, length, body=None):
    """Put a record into an mcap file that was cut off at its end; without body a hole on disk."""
    content = file.read_bytes()
    start = 8 + 9 + int.from_bytes(content[9:17], "little")
    with file.open("wb") as stream:
        stream.write(content[:start] + struct.pack("<BQ", op, length))
        stream.write(body or b"")
        stream.seek(0 if body else length, 1)
        stream.write(content[start : content.rindex(END_OF_DATA)])


@pytest.mark.parametrize("op", [0x10, 0x80, 0xFF])
def test_records_of_unknown_kinds_are_passed_over(tmp_path, op):
    file = storage_of(write(tmp_path, "mcap file"))
    insert_behind_header(file, op, 5, b"hello")

    count, losses = read(file)
    assert count == 2 * FRAMES
    assert losses == (
        f"{file} has no end: it was cut off, or its recorder was not ended; "
        f"{2 * FRAMES} messages could be read",
    )


def test_a_record_of_kind_0_is_damage(tmp_path):
    file = storage_of(write(tmp_path, "mcap", frames=1))
    insert_behind_header(file, 0, 5, b"hello")

    sentence = f"{file} is cut off or damaged, first behind byte"
    with pytest.raises(RecordingError, match=sentence):
        open_recording(file)


@pytest.mark.parametrize("op", [0x09, 0x0C, 0x80], ids=["attachment", "metadata", "unknown"])
def test_what_holds_no_messages_is_passed_over_unread(tmp_path, op):
    file = storage_of(write(tmp_path, "mcap file"))
    insert_behind_header(file, op, 400 * MIB)

    read(file)  # what is loaded once for all bags does not count
    (count, _), peak = peak_of(lambda: read(file))
    assert count == 2 * FRAMES
    assert peak < 2 * MIB


def test_of_a_message_no_more_than_an_image_is_kept(tmp_path):
    file = storage_of(write(tmp_path, "mcap file"))
    insert_behind_header(file, 0x05, 400 * MIB)

    (count, _), peak = peak_of(lambda: read(file))
    assert count == 2 * FRAMES
    assert peak < 3 * damaged_records.LARGEST < 400 * MIB


COMPRESSORS = {
    "zstd": zstandard.compress,
    "lz4": lz4.frame.compress,
    "bz2": lambda data: bz2.compress(data, 1),  # in blocks of 100 kB
}


@pytest.mark.parametrize("compression", COMPRESSORS)
def test_a_small_chunk_does_not_become_a_large_one(monkeypatch, compression):
    monkeypatch.setattr(damaged_records, "LARGEST", MIB)
    bomb = COMPRESSORS[compression](bytes(64 * MIB))

    (content, good), peak = peak_of(lambda: damaged_records.decompressed(compression, bomb))
    assert not good
    assert MIB < len(content) < 2 * MIB
    assert peak < 8 * MIB


@pytest.mark.parametrize("compression", COMPRESSORS)
@pytest.mark.parametrize("damage", ["cut off", "changed"])
def test_of_a_damaged_chunk_what_comes_before_is_kept(compression, damage):
    content = np.random.default_rng(0).integers(0, 8, MIB, np.uint8).tobytes()
    data = COMPRESSORS[compression](content)
    half = len(data) // 2
    tail = b"" if damage == "cut off" else bytes(99) + data[half + 99 :]

    kept, _ = damaged_records.decompressed(compression, data[:half] + tail)
    length = len(content) // 4
    assert kept[:length] == content[:length]


def test_a_small_message_does_not_become_a_large_one(tmp_path, monkeypatch):
    monkeypatch.setattr(damaged_records, "LARGEST", MIB)
    path = write(tmp_path, "sqlite3 message")
    (path / "metadata.yaml").rename(path / "lost")
    with sqlite3.connect(next(path.glob("*.db3"))) as database:
        bomb = zstandard.compress(bytes(64 * MIB))
        database.execute("UPDATE messages SET data = ? WHERE id = 3", (bomb,))
    database.close()

    (count, losses), peak = peak_of(lambda: read(path))
    assert count == 2 * FRAMES - 1
    assert "messages on /depth that are damaged and were left out: 1" in losses
    assert peak < 8 * MIB


@pytest.mark.parametrize("kind", [*KINDS, *COMPRESSED_KINDS])
def test_of_one_cut_there_is_a_sentence_and_one_of_what_is_missing(tmp_path, kind):
    path = write(tmp_path, kind, frames=20, size=(120, 160))
    file = storage_of(path)
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 6 // 10])

    count, losses = read(path)
    assert losses[0].startswith(f"{file} ")
    assert losses[0].endswith(f"; {count} messages could be read")
    assert len(losses) == (2 if (path / "metadata.yaml").is_file() else 1)
