"""Bags that are empty, cut off, damaged or not ended: what is there is read, the rest is told."""

import random
import re
import shutil
import sqlite3
import tracemalloc
from collections import Counter

import numpy as np
import pytest
import yaml
from bags import COMPRESSED_KINDS, KINDS, Bag

from asymformer_ros.evaluation.recordings import RecordingError, open_recording

FRAMES = 6


def write(folder, kind="mcap", frames=FRAMES, size=(6, 8), first=0):
    """A bag of that many colour and depth images; a depth image holds the frame's number."""
    with Bag(folder, kind) as bag:
        for number in range(first, first + frames):
            depth = np.full(size, 1000 + number, np.uint16)
            color = np.random.default_rng(number).integers(0, 256, (*size, 3), np.uint8)
            bag.image("/depth", 10 * number, depth, "16UC1")
            bag.image("/color", 10 * number + 1, color, "rgb8")
    return bag.path


def files_of(path):
    return [path] if path.is_file() else sorted(path.iterdir())


def storage_of(path):
    (file,) = (file for file in files_of(path) if file.suffix != ".yaml")
    return file


def read(path):
    """Numbers of the frames whose depth was read, images by stream, sentences about losses."""
    recording = open_recording(path)
    images = list(recording.images())
    counts = Counter(image.stream for image in images)
    numbers = [int(i.message.data.view(np.uint16)[0]) - 1000 for i in images if i.stream == "depth"]
    return numbers, counts, recording.losses.sentences


def damages(content, kind):
    """The content cut off, changed, with a hole or a piece missing, at places all over it."""
    rng = random.Random(kind)
    places = sorted({*rng.sample(range(len(content)), 14), 0, 1, len(content) - 1})
    for place in places:
        yield f"cut at {place}", content[:place]
        flipped = content[place] ^ 1 << rng.randrange(8)
        yield f"flipped at {place}", content[:place] + bytes([flipped]) + content[place + 1 :]
        yield f"hole at {place}", content[:place] + bytes(99) + content[place + 99 :]
        yield f"piece missing at {place}", content[:place] + content[place + 99 :]


@pytest.mark.parametrize("kind", [*KINDS, *COMPRESSED_KINDS])
def test_whatever_is_damaged_no_image_is_lost_without_a_sentence(tmp_path, kind):
    path = write(tmp_path, kind)
    outcomes = Counter()
    for file in files_of(path):
        content = file.read_bytes()
        for how, damaged in damages(content, kind):
            file.write_bytes(damaged)
            try:
                _, counts, losses = read(path)
            except RecordingError as error:
                assert str(path) in str(error), how
                outcomes["refused"] += 1
            else:
                is_whole = counts == {"color": FRAMES, "depth": FRAMES}
                assert is_whole or losses, f"{file.name} {how}"
                outcomes["whole" if is_whole else "in part"] += 1
        file.write_bytes(content)
    assert len(outcomes) > 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.4, 0.7])
def test_of_a_bag_that_is_cut_off_all_before_the_cut_is_read(tmp_path, kind, share):
    path = write(tmp_path, kind, frames=20, size=(60, 80))
    file = storage_of(path)
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])

    numbers, counts, losses = read(path)
    assert numbers == list(range(len(numbers)))
    assert 20 * share - 4 < len(numbers) < 20 * share + 1
    assert abs(counts["color"] - counts["depth"]) <= 1
    assert str(path) in losses[0]
    assert losses[0].endswith(f"; {counts.total()} messages could be read")
    # What is missing of which topic is told where the bag has said how many there were.
    assert len(losses) <= 2


@pytest.mark.parametrize("kind", ["mcap", "sqlite3"])
def test_what_metadata_promises_and_is_not_there_is_counted(tmp_path, kind):
    path = write(tmp_path, kind, frames=20, size=(60, 80))
    file = storage_of(path)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])

    numbers, counts, losses = read(path)
    colors = 20 - counts["color"]
    assert losses[1:] == (
        f"{colors} of the 20 messages on /color and "
        f"{20 - len(numbers)} of the 20 messages on /depth are missing",
    )


@pytest.mark.parametrize("kind", ["mcap", "sqlite3"])
def test_a_folder_whose_recorder_died_is_read(tmp_path, kind):
    path = write(tmp_path, kind)
    (path / "metadata.yaml").unlink()

    numbers, counts, losses = read(path)
    assert numbers == list(range(FRAMES))
    assert counts == {"color": FRAMES, "depth": FRAMES}
    assert losses == (
        f"{path} has no metadata.yaml: its recorder was not ended, or the file was lost",
    )


def test_an_mcap_whose_recorder_died_has_no_end(tmp_path):
    path = write(tmp_path)
    (path / "metadata.yaml").unlink()
    file = storage_of(path)
    content = file.read_bytes()
    file.write_bytes(content[: content.rindex(b"\x0f\x04\0\0\0\0\0\0\0")])

    numbers, _, losses = read(path)
    assert numbers == list(range(FRAMES))
    assert losses == (
        f"{file} has no end: it was cut off, or its recorder was not ended; "
        f"{2 * FRAMES} messages could be read",
    )


@pytest.mark.parametrize("name", ["recording.bag", "recording.bag.active"])
@pytest.mark.parametrize("kind", ["ros1", "ros1 lz4", "ros1 bz2"])
def test_a_ros_1_bag_without_index_is_read(tmp_path, name, kind):
    written = write(tmp_path, kind)
    content = written.read_bytes()
    (index,) = re.search(rb"index_pos=(.{8})", content, re.DOTALL).groups()
    unindexed = content[: int.from_bytes(index, "little")].replace(index, bytes(8), 1)
    path = written.rename(tmp_path / name)
    path.write_bytes(unindexed)

    numbers, counts, losses = read(path)
    assert numbers == list(range(FRAMES))
    assert counts == {"color": FRAMES, "depth": FRAMES}
    assert losses == (
        f"{path} has no index: it was cut off, or its recorder was not ended; "
        f"{2 * FRAMES} messages could be read",
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_no_bytes_is_refused(tmp_path, kind):
    path = write(tmp_path, kind)
    storage_of(path).write_bytes(b"")

    with pytest.raises(RecordingError, match="holds no messages") as error:
        open_recording(path)
    assert f"{storage_of(path)} is empty" in str(error.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_bag_without_messages_is_refused(tmp_path, kind):
    with Bag(tmp_path, kind) as bag:
        pass

    with pytest.raises(RecordingError, match="holds no messages"):
        open_recording(bag.path)


class TestSplitBag:
    @pytest.fixture(params=["mcap", "sqlite3"])
    def split(self, tmp_path, request):
        """Three files, each of FRAMES frames."""
        path = tmp_path / "split"
        path.mkdir()
        names = []
        for number in range(3):
            part = write(tmp_path / str(number), request.param, first=FRAMES * number)
            file = storage_of(part)
            # 2 comes before 10.
            names.append(f"split_{number + 8}{file.suffix}")
            shutil.copy(file, path / names[-1])
            metadata = yaml.safe_load((part / "metadata.yaml").read_text())
        information = metadata["rosbag2_bagfile_information"]
        information["relative_file_paths"] = names
        for topic in information["topics_with_message_count"]:
            topic["message_count"] = 3 * FRAMES
        (path / "metadata.yaml").write_text(yaml.safe_dump(metadata))
        return path

    def test_it_is_read_file_by_file(self, split):
        numbers, _, losses = read(split)
        assert (numbers, losses) == (list(range(3 * FRAMES)), ())

    def test_without_metadata_files_follow_their_numbers(self, split):
        (split / "metadata.yaml").unlink()

        assert read(split)[0] == list(range(3 * FRAMES))

    def test_a_missing_file_is_named_and_the_others_are_read(self, split):
        (missing,) = split.glob("split_9*")
        missing.unlink()

        numbers, _, losses = read(split)
        assert numbers == [*range(FRAMES), *range(2 * FRAMES, 3 * FRAMES)]
        assert losses[0] == f"{split} has no {missing.name}: all that was in there is lost"
        assert f"{FRAMES} of the {3 * FRAMES} messages on /depth are missing" in losses[1]

    @pytest.mark.parametrize("content", [b"", b"no bag at all" * 99])
    def test_a_damaged_file_is_named_and_the_others_are_read(self, split, content):
        (damaged,) = split.glob("split_8*")
        damaged.write_bytes(content)

        numbers, _, losses = read(split)
        assert numbers == list(range(FRAMES, 3 * FRAMES))
        assert any(str(damaged) in sentence for sentence in losses)


class TestDamageInTheMiddle:
    def test_a_message_that_cannot_be_decoded_is_left_out_and_counted(self, tmp_path):
        path = write(tmp_path)
        file = storage_of(path)
        parts = file.read_bytes().split(b"16UC1")
        file.write_bytes(b"16UC1".join(parts[:4]) + b"\xff6UC1" + b"16UC1".join(parts[4:]))

        numbers, counts, losses = read(path)
        assert numbers == [0, 1, 2, 4, 5]
        assert counts["color"] == FRAMES
        assert losses == ("messages on /depth that are damaged and were left out: 1",)

    @pytest.mark.parametrize("kind", ["mcap", "mcap storage", "ros1", "ros1 lz4"])
    def test_chunks_behind_a_damaged_one_are_read(self, tmp_path, kind):
        path = write(tmp_path, kind, frames=8, size=(600, 600))
        file = storage_of(path)
        content = bytearray(file.read_bytes())
        middle = len(content) // 2
        content[middle : middle + 400_000] = b"\xa5" * 400_000
        file.write_bytes(content)

        numbers, _, losses = read(path)
        assert {0, 1, 2, 6, 7} <= set(numbers)
        assert numbers == sorted(set(numbers))
        if kind != "mcap":  # its pixels alone were hit, which nobody can tell
            assert losses

    def test_rows_behind_damaged_pages_are_read(self, tmp_path):
        path = write(tmp_path, "sqlite3", frames=40, size=(60, 80))
        file = storage_of(path)
        content = bytearray(file.read_bytes())
        middle = len(content) // 2
        content[middle : middle + 40_000] = b"\xa5" * 40_000
        file.write_bytes(content)

        numbers, _, losses = read(path)
        assert {*range(17), *range(24, 40)} <= set(numbers)
        assert any("damaged in places" in sentence for sentence in losses)


def test_rows_that_are_in_sqlites_log_alone_are_read(tmp_path):
    path = write(tmp_path, "sqlite3", frames=2)
    file = storage_of(path)
    copy = tmp_path / "died"
    shutil.copytree(path, copy)
    with sqlite3.connect(copy / file.name, isolation_level=None) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(
            "INSERT INTO messages SELECT id + 4, topic_id, timestamp + 100, data FROM messages"
        )
        shutil.copytree(copy, tmp_path / "left")
    database.close()

    numbers, _, losses = read(tmp_path / "left")
    assert numbers == [0, 1, 0, 1]
    assert "its log was not merged" in losses[0]


@pytest.mark.parametrize("kind", ["mcap", "sqlite3", "ros1"])
@pytest.mark.parametrize("is_damaged", [False, True])
def test_memory_does_not_grow_with_the_bag(tmp_path, kind, is_damaged):
    path = write(tmp_path, kind, frames=300, size=(120, 200))
    file = storage_of(path)
    size = file.stat().st_size
    if is_damaged:
        file.write_bytes(file.read_bytes()[: size * 9 // 10])

    open_recording(path)  # what is loaded once for all bags does not count
    tracemalloc.start()
    try:
        images = sum(1 for _ in open_recording(path).images())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert images > 500
    assert size > 28e6
    assert peak < 8e6
