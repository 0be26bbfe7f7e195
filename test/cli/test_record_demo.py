"""`asymformer record-demo`: a bag of a simulated room."""

import argparse

import numpy as np
import pytest

for module in ("rosbags", "tqdm"):
    pytest.importorskip(module, reason=f"needs {module}")

from asymformer_ros.cli import record_demo
from asymformer_ros.evaluation.recordings import RecordingError, open_recording
from asymformer_ros.perception.image_messages import decode_color, decode_depth, decode_labels
from asymformer_ros.simulation import Intrinsics, fly_through

WIDTH, HEIGHT = 96, 64
SIZE = ["--width", str(WIDTH), "--height", str(HEIGHT)]


def record(output, *options):
    parser = argparse.ArgumentParser()
    record_demo.add_arguments(parser)
    return record_demo.run(parser.parse_args([str(output), *SIZE, *options]))


def images_of(path):
    recording = open_recording(path, {"labels": "/labels/image_raw"})
    return recording, list(recording.images())


def test_it_holds_the_room_that_the_simulated_camera_plays(tmp_path):
    assert record(tmp_path / "bag", "--seconds", "0.5", "--rate", "10", "--seed", "5") == 0

    recording, images = images_of(tmp_path / "bag")
    assert recording.sources == {
        "color": "/color/image_raw",
        "depth": "/depth/image_raw",
        "labels": "/labels/image_raw",
    }
    assert recording.counts == {"color": 5, "depth": 5, "labels": 5}
    intrinsics = Intrinsics().scaled(WIDTH, HEIGHT)
    for number, frame in enumerate(fly_through(5, 5, intrinsics)):
        labels, depth, color = images[3 * number : 3 * number + 3]
        assert labels.stamp_ns == depth.stamp_ns == color.stamp_ns
        assert color.stamp_ns - images[2].stamp_ns == number * 100_000_000
        assert np.array_equal(decode_labels(labels.message), frame.labels)
        assert np.array_equal(decode_color(color.message), frame.rgb)
        metres = decode_depth(depth.message)
        assert np.array_equal(np.isnan(metres), np.isnan(frame.depth_m))
        assert np.nanmax(np.abs(metres - frame.depth_m)) < 0.00051
    assert recording.camera_info.k[0] == intrinsics.fx
    assert recording.camera_info.frame_id == images[0].frame_id == "camera_color_optical_frame"


def test_compressed_topics_hold_the_same_depth_and_nearly_the_same_colour(tmp_path):
    record(tmp_path / "raw", "--seconds", "0.1")
    record(tmp_path / "small", "--seconds", "0.1", "--compressed")

    recording, small = images_of(tmp_path / "small")
    assert recording.sources == {
        "color": "/color/image_raw/compressed",
        "depth": "/depth/image_raw/compressedDepth",
        "labels": "/labels/image_raw",
    }
    _, raw = images_of(tmp_path / "raw")
    for one, other in zip(raw, small, strict=True):
        assert (one.stream, one.stamp_ns) == (other.stream, other.stamp_ns)
        if one.stream == "depth":
            metres = decode_depth(one.message), decode_depth(other.message)
            assert np.array_equal(*metres, equal_nan=True)
        if one.stream == "color":
            pixels = decode_color(one.message), decode_color(other.message)
            assert np.abs(np.subtract(*pixels, dtype=int)).mean() < 12


def test_the_same_arguments_give_the_same_images(tmp_path):
    for name in ("one", "other"):
        record(tmp_path / name, "--seconds", "0.1")

    (_, one), (_, other) = images_of(tmp_path / "one"), images_of(tmp_path / "other")
    assert [i.stamp_ns for i in one] == [i.stamp_ns for i in other]
    assert all(
        np.array_equal(a.message.data, b.message.data) for a, b in zip(one, other, strict=True)
    )


def test_its_files_are_named_after_the_folder_and_nothing_else_is_left(tmp_path, capsys):
    record(tmp_path / "new" / "room", "--seconds", "0.1")

    assert {file.name for file in (tmp_path / "new").iterdir()} == {"room"}
    assert {file.name for file in (tmp_path / "new/room").iterdir()} == {
        "metadata.yaml",
        "room.mcap",
    }
    assert "wrote 3 frames in" in capsys.readouterr().out


def test_an_interrupted_recording_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(*arguments):
        yield next(fly_through(*arguments))
        raise KeyboardInterrupt

    monkeypatch.setattr("asymformer_ros.simulation.fly_through", interrupted)
    with pytest.raises(KeyboardInterrupt):
        record(tmp_path / "bag")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "exists already: remove it or give another path"),
        (["--width", "8"], "--width and --height are 32 to 4096"),
        (["--seed", "-1"], "--seed is not negative"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, options, sentence):
    output = tmp_path / "bag"
    if not options:
        output.mkdir()

    with pytest.raises(RecordingError, match=sentence):
        record(output, *options)
