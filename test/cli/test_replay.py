"""`asymformer replay`: recording, node and observer, processes of their own over real DDS."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import asymformer_ros

for module in ("rclpy", "onnxruntime", "rosbags"):
    pytest.importorskip(module, reason=f"needs {module}")

from asymformer_ros.evaluation.bag_writer import BagWriter
from asymformer_ros.evaluation.recordings import CompressedMessage, RawMessage, RecordedImage

FRAMES = Path(__file__).parents[2].parent / "shared" / "data" / "frames"
HEIGHT, WIDTH = 120, 160
PERIOD_NS = 100_000_000
PATIENCE_S = 240

needs_real_data = pytest.mark.skipif(
    not FRAMES.is_dir(), reason="needs the recordings in ../shared/data"
)


class Replay:
    """The command run to its end: exit code, output and the figures of the table by name."""

    def __init__(self, folder, path, *options):
        program = "from asymformer_ros.cli.main import program; program()"
        command = [sys.executable, "-c", program, "replay", str(path), *options]
        package = str(Path(asymformer_ros.__file__).parents[1])
        done = subprocess.run(
            [*command, "--output", str(folder)],
            env=os.environ | {"PYTHONPATH": package},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        self.code, self.output, self.errors = done.returncode, done.stdout, done.stderr
        lines = [line.strip().rsplit("  ", 1) for line in self.output.splitlines()]
        self.table = {line[0].strip(): line[1] for line in lines if len(line) == 2}
        self.files = {file.name for file in folder.iterdir()} if folder.is_dir() else set()

    def figure(self, name):
        return int(self.table[name])

    def assert_adds_up(self):
        published = self.figure("frames published")
        assert published == self.figure("frames segmented") + self.figure("frames dropped")
        assert self.figure("published - segmented - dropped") == 0


def raw(array, encoding):
    height, width = array.shape[:2]
    data = np.ascontiguousarray(array).view(np.uint8).reshape(-1)
    return RawMessage(encoding, height, width, len(data) // height, False, data)


def compressed(suffix, array, image_format, header=b""):
    data = header + cv2.imencode(suffix, array)[1].tobytes()
    return CompressedMessage(image_format, np.frombuffer(data, np.uint8))


def write_bag(path, depth_size=(HEIGHT, WIDTH), depth_late_ns=0, frames=20, is_compressed=False):
    """A rosbag2 of a colour and a depth stream at ten hertz, recorded in the year 2001."""
    gray = np.full((HEIGHT, WIDTH, 3), 99, np.uint8)
    with BagWriter(path) as bag:
        for number in range(frames):
            time_ns = 10**18 + number * PERIOD_NS
            far = np.full(depth_size, 1000 + number, np.uint16)
            color, depth = raw(gray, "rgb8"), raw(far, "16UC1")
            if is_compressed:
                color = compressed(".jpg", gray, "rgb8; jpeg compressed bgr8")
                depth = compressed(".png", far, "16UC1; compressedDepth png", bytes(12))
            late_ns = time_ns + depth_late_ns
            bag.image("/my/depth", RecordedImage("depth", time_ns, late_ns, "camera", depth))
            bag.image("/my/color", RecordedImage("color", time_ns, time_ns, "camera", color))
    return path


def write_folder(path, frames=3):
    for number in range(frames):
        for name, array in {
            "color": np.full((HEIGHT, WIDTH, 3), 50 * number, np.uint8),
            "depth": np.full((HEIGHT, WIDTH), 2000, np.uint16),
            "label": np.full((HEIGHT, WIDTH), number, np.uint8),
        }.items():
            (path / name).mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path / name / f"{number}.png"), array)
    return path


def test_a_bag_is_played_more_than_once_until_there_is_something_to_see(tmp_path):
    replay = Replay(tmp_path / "out", write_bag(tmp_path / "bag", frames=20))

    assert replay.code == 0, replay.errors
    # 2.1 s a play: three plays are more than 5 s.
    assert replay.figure("frames published") == 60
    replay.assert_adds_up()
    assert replay.figure("frames segmented") > 0  # the machine's speed decides how many
    assert {"overlay.png", "overlay.mp4"} <= replay.files
    assert "colour: 20 images of /my/color, 160x120 rgb8" in replay.output
    assert "depth: 20 images of /my/depth, 160x120 16UC1" in replay.output


def test_a_bag_of_compressed_images_is_played_as_it_is(tmp_path):
    bag = write_bag(tmp_path / "bag", is_compressed=True)
    replay = Replay(tmp_path / "out", bag, "--seconds", "2")

    assert replay.code == 0, replay.errors
    replay.assert_adds_up()
    assert replay.figure("frames segmented") > 0
    assert "depth: 20 images of /my/depth, 16UC1; compressedDepth png" in replay.output


def test_a_bag_that_was_cut_off_is_played_as_far_as_it_goes(tmp_path):
    path = write_bag(tmp_path / "bag")
    (file,) = path.glob("*.mcap")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    replay = Replay(tmp_path / "out", path, "--seconds", "2")

    assert replay.code == 1
    assert replay.figure("frames segmented") > 5
    assert f"{file} is cut off or damaged" in replay.errors
    assert "messages on /my/depth are missing" in replay.errors


def test_a_folder_with_labels_is_scored_and_each_frame_drawn(tmp_path):
    folder = write_folder(tmp_path / "a folder: with signs")
    replay = Replay(tmp_path / "out", folder, "--seconds", "2", "--rate", "4")

    assert replay.code == 0, replay.errors
    assert replay.figure("frames published") == 8
    replay.assert_adds_up()
    assert replay.table["frames scored"] == replay.table["frames segmented"]
    assert "mIoU, classes in view" in replay.table
    assert {"overlay_0.png", "overlay_1.png", "overlay_2.png"} <= replay.files


def test_stamps_too_far_apart_are_told_and_counted(tmp_path):
    bag = write_bag(tmp_path / "bag", depth_late_ns=40_000_000)
    replay = Replay(tmp_path / "out", bag, "--slop", "0.03")

    assert replay.code == 1
    assert replay.figure("frames paired") == 0
    replay.assert_adds_up()
    assert "stamps are 40.0 ms apart, sync.slop is 30.0 ms" in replay.errors
    assert "a larger --slop" in replay.errors


def test_depth_of_another_size_is_refused_by_the_node_and_counted(tmp_path):
    bag = write_bag(tmp_path / "bag", depth_size=(60, 80))
    replay = Replay(tmp_path / "out", bag, "--seconds", "3")

    assert replay.code == 1
    assert replay.figure("size_mismatch") > 0
    replay.assert_adds_up()
    assert "colour is 160x120 but depth is 80x60" in replay.errors


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--color-topic", "/other"], "no image on /other: choose one with --color-topic"),
        (["--weights", "missing"], "weights 'missing' are neither bundled"),
        (["--slop", "11"], "sync.slop"),
    ],
)
def test_what_cannot_work_ends_with_a_sentence(tmp_path, options, sentence):
    replay = Replay(tmp_path / "out", write_bag(tmp_path / "bag", frames=2), *options)

    assert replay.code == 1
    assert sentence in replay.errors
    assert "Traceback" not in replay.errors


def test_labels_of_unknown_classes_end_it_with_a_sentence(tmp_path):
    folder = write_folder(tmp_path / "folder", frames=1)
    cv2.imwrite(str(folder / "label/0.png"), np.full((HEIGHT, WIDTH), 77, np.uint8))
    replay = Replay(tmp_path / "out", folder)

    assert replay.code == 1
    assert "truth has class 77, the set has 40" in replay.errors
    assert "Traceback" not in replay.errors


@needs_real_data
class TestRealRecordings:
    def test_nyuv2_frames_get_a_score(self, tmp_path):
        replay = Replay(tmp_path / "out", FRAMES / "nyuv2", "--seconds", "3")

        assert replay.code == 0, replay.errors
        replay.assert_adds_up()
        assert replay.figure("frames scored") == replay.figure("frames segmented") > 0
        assert float(replay.table["pixel accuracy"].rstrip("%")) > 0

    def test_raw_kinect_frames_are_segmented(self, tmp_path):
        replay = Replay(tmp_path / "out", FRAMES / "kinect1_dining", "--seconds", "2")

        assert replay.code == 0, replay.errors
        replay.assert_adds_up()
        assert {"overlay_1.png", "overlay_2.png"} <= replay.files

    def test_the_realsense_bag_is_too_far_apart_for_the_default_slop(self, tmp_path):
        bag = FRAMES / "realsense_d435" / "single_depth_color_640x480.bag"
        replay = Replay(tmp_path / "out", bag)

        assert replay.code == 1
        replay.assert_adds_up()
        assert "warning: the colour camera has a focal length of 613.2" in replay.output
        assert "stamps are 101.6 ms apart, sync.slop is 50.0 ms" in replay.errors

    def test_the_realsense_bag_is_segmented_with_a_larger_slop(self, tmp_path):
        bag = FRAMES / "realsense_d435" / "single_depth_color_640x480.bag"
        replay = Replay(tmp_path / "out", bag, "--slop", "0.11")

        assert replay.code == 0, replay.errors
        replay.assert_adds_up()
        assert "overlay.png" in replay.files
