"""`asymformer evaluate` as it is typed: recordings, data sets and simulated rooms."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from dataset_files import picture, write_asymformer, write_list

import asymformer_ros
from asymformer_ros.cli.main import main
from asymformer_ros.evaluation.results import read_result

for module in ("rosbags", "tqdm", "jinja2"):
    pytest.importorskip(module, reason=f"needs {module}")

PATIENCE_S = 240


def start(*arguments):
    """The command as a process of its own."""
    program = "from asymformer_ros.cli.main import program; program()"
    package = str(Path(asymformer_ros.__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": package},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def demo_bag(tmp_path_factory):
    """Two seconds of a simulated room with true labels, ten frames a second."""
    bag = tmp_path_factory.mktemp("bags") / "room"
    size = ["--width", "320", "--height", "240"]
    assert main(["record-demo", str(bag), "--seconds", "2", "--rate", "10", *size]) == 0
    return bag


class Evaluated:
    """What a finished evaluation left behind."""

    def __init__(self, folder, *arguments):
        self.code = main(["evaluate", *map(str, arguments), "--output", str(folder)])
        self.result = read_result(folder / "result.json")
        self.report = (folder / "report.html").read_text(encoding="utf-8")
        with (folder / "frames.csv").open() as file:
            self.rows = {row["name"]: row for row in csv.DictReader(file)}


def test_a_bag_with_labels_is_scored(demo_bag, tmp_path, capsys):
    options = ["--label-topic", "/labels/image_raw", "--engine", "onnxruntime"]
    done = Evaluated(tmp_path / "out", "bag", demo_bag, *options)

    assert done.code == 0
    frames = done.result.frames
    assert (frames.received_color, frames.segmented, frames.scored) == (20, 20, 20)
    assert 0.2 < done.result.scores.pixel_accuracy < 1.0
    assert done.result.complete and not done.result.problems
    assert done.result.latency_ms.p99 >= done.result.latency_ms.p50 > 0
    assert 0 < done.result.flicker < 1
    assert 0 < done.result.engine_share <= 1
    assert len(done.rows) == 20
    assert sum(one.predicted_share for one in done.result.classes) == pytest.approx(1)
    printed = capsys.readouterr().out
    assert "pixel accuracy" in printed
    assert "report.html, result.json and frames.csv" in printed
    assert "pixel accuracy" in done.report


def test_a_bag_without_labels_gets_everything_but_a_score(demo_bag, tmp_path):
    done = Evaluated(tmp_path / "out", "bag", demo_bag, "--engine", "onnxruntime")

    assert done.code == 0
    assert done.result.scores is done.result.confusion is None
    assert done.result.frames.scored == 0
    assert done.result.flicker > 0
    assert done.result.latency_ms is not None


def test_offline_evaluation_gives_the_same_figures_each_time(demo_bag, tmp_path):
    options = ["bag", demo_bag, "--label-topic", "/labels/image_raw", "--engine", "onnxruntime"]
    first, second = (Evaluated(tmp_path / name, *options) for name in ("first", "second"))

    assert first.result.scores == second.result.scores
    assert first.result.confusion == second.result.confusion
    assert first.result.flicker == second.result.flicker


def test_labels_may_lie_in_a_folder_named_by_stamps(demo_bag, tmp_path):
    from asymformer_ros.evaluation.recordings import open_recording

    topics = {"color": "", "depth": "", "labels": "/labels/image_raw"}
    folder = tmp_path / "labels"
    folder.mkdir()
    for image in open_recording(demo_bag, topics).images():
        if image.stream == "labels":
            labels = image.message.data.reshape(image.message.height, image.message.width)
            assert cv2.imwrite(str(folder / f"{image.stamp_ns}.png"), labels)
    engine = ["--engine", "onnxruntime"]
    by_topic = Evaluated(
        tmp_path / "topic", "bag", demo_bag, "--label-topic", "/labels/image_raw", *engine
    )
    by_folder = Evaluated(tmp_path / "folder", "bag", demo_bag, "--labels", folder, *engine)

    assert by_folder.result.confusion == by_topic.result.confusion


def test_through_ros_says_the_same_of_the_frames_that_it_saw(demo_bag, tmp_path):
    pytest.importorskip("rclpy", reason="needs rclpy")
    options = ["--label-topic", "/labels/image_raw", "--engine", "onnxruntime"]
    offline = Evaluated(tmp_path / "offline", "bag", demo_bag, *options)
    process = start(
        *("evaluate", "bag", demo_bag, "--through-ros", *options, "--output", tmp_path / "ros")
    )
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors

    result = read_result(tmp_path / "ros" / "result.json")
    frames = result.frames
    assert result.subject.mode == "through_ros"
    assert frames.received_color == 20 == frames.segmented + sum(frames.dropped.values())
    assert frames.segmented > 0
    with (tmp_path / "ros" / "frames.csv").open() as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert len(rows) == frames.segmented
    assert rows.keys() <= offline.rows.keys()
    for name, row in rows.items():
        assert row["mean_iou"] == offline.rows[name]["mean_iou"]
        assert row["pixel_accuracy"] == offline.rows[name]["pixel_accuracy"]
    dropped = frames.segmented < 20
    assert (result.scores_with_drops is not None) == dropped


def test_an_interrupted_run_writes_what_it_has_and_says_so(tmp_path):
    process = start(
        *("evaluate", "rooms", "1000", "--engine", "onnxruntime", "--output", tmp_path / "out")
    )
    table = tmp_path / "out" / ".frames.csv.part"
    for line in process.stdout:
        if line.startswith("engine:"):
            break
    while process.poll() is None and not (table.is_file() and table.stat().st_size):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    result = read_result(tmp_path / "out" / "result.json")
    assert not result.complete
    assert "PARTIAL" in output
    assert (tmp_path / "out" / "report.html").is_file()


def test_an_interrupted_play_scores_what_the_node_had_said(tmp_path):
    pytest.importorskip("rclpy", reason="needs rclpy")
    bag, out = tmp_path / "bag", tmp_path / "out"
    size = ["--width", "160", "--height", "120"]
    assert main(["record-demo", str(bag), "--seconds", "60", "--rate", "5", *size]) == 0
    options = ["--label-topic", "/labels/image_raw", "--engine", "onnxruntime", "--output", out]
    process = start("evaluate", "bag", bag, "--through-ros", *options)
    while process.poll() is None and len(list(out.glob(".received-*/*.png"))) < 3:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    result = read_result(out / "result.json")
    assert not result.complete
    assert 3 <= result.frames.segmented <= result.frames.received_color < 300
    assert result.problems == ("the play was interrupted",)
    assert result.scores is not None
    assert not list(out.glob(".received-*"))


def test_a_bag_that_was_cut_off_is_evaluated_as_far_as_it_goes(demo_bag, tmp_path):
    whole = (demo_bag / "room.mcap").read_bytes()
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(whole[: len(whole) // 2])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.html").write_text("of an earlier run")
    done = Evaluated(tmp_path / "out", "bag", cut, "--engine", "onnxruntime")

    assert done.code == 1
    assert 5 <= done.result.frames.segmented < 20
    assert any("cut" in problem for problem in done.result.problems)
    assert "cut" in done.report


def test_simulated_rooms_are_scored(tmp_path):
    done = Evaluated(tmp_path / "out", "rooms", "3", "--engine", "onnxruntime")

    assert done.code == 0
    assert done.result.frames.scored == 3
    assert 0.2 < done.result.scores.pixel_accuracy < 1.0


@pytest.fixture
def nyuv2(tmp_path):
    """Two frames in the layout of the AsymFormer repository."""
    for number in (1, 2):
        write_asymformer(tmp_path / "nyuv2", str(number), picture(number, height=48, width=64))
    write_list(tmp_path / "nyuv2", "test", ["1", "2"])
    return tmp_path / "nyuv2"


def test_a_data_set_is_scored_as_its_layout_says(nyuv2, tmp_path):
    arguments = ["dataset", nyuv2, "--layout", "asymformer", "--engine", "onnxruntime"]
    done = Evaluated(tmp_path / "out", *arguments)

    assert done.code == 0
    assert done.result.frames.scored == 2
    assert done.result.subject.settings["depth unit"] == "mm"
    assert done.result.flicker is None
    labelled = sum(
        int((picture(number, height=48, width=64).labels != 255).sum()) for number in (1, 2)
    )
    assert np.sum(done.result.confusion) == labelled


def test_multi_scale_and_flip_run_in_pytorch(nyuv2, tmp_path):
    pytest.importorskip("torch", reason="needs PyTorch")
    arguments = ["dataset", nyuv2, "--layout", "asymformer", "--multi-scale", "--flip"]
    done = Evaluated(tmp_path / "out", *arguments)

    assert done.code == 0
    assert done.result.subject.engine == "torch x1+1.2+1.4 flipped fp32"
    assert done.result.frames.scored == 2


def test_other_engines_cannot_run_multi_scale(nyuv2, capsys):
    arguments = ["dataset", str(nyuv2), "--layout", "asymformer", "--flip", "--engine", "openvino"]
    assert main(["evaluate", *arguments]) == 1
    assert "--multi-scale and --flip run in PyTorch" in capsys.readouterr().err


def test_a_damaged_frame_of_a_data_set_is_left_out_and_named(nyuv2, tmp_path):
    (nyuv2 / "depths/1.png").write_bytes(b"no image")
    arguments = ["dataset", nyuv2, "--layout", "asymformer", "--engine", "onnxruntime"]
    done = Evaluated(tmp_path / "out", *arguments)

    assert done.code == 1
    assert done.result.frames.scored == 1
    assert done.result.frames.dropped == {"unreadable": 1}
    assert any("1.png" in problem for problem in done.result.problems)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["rooms", "1", "--weights", "none"], "neither bundled"),
        (["bag", "{tmp}/none"], "does not exist"),
        (["bag", "{bag}", "--labels", "{tmp}/none"], "is no folder"),
        (["dataset", "{tmp}", "--layout", "nyuv2-small"], "nyuv2-small"),
        (["rooms", "1", "--output", "{tmp}/file/out"], "file"),
    ],
)
def test_what_cannot_work_ends_with_one_line(demo_bag, tmp_path, capsys, arguments, sentence):
    (tmp_path / "file").write_bytes(b"")
    given = [argument.format(tmp=tmp_path, bag=demo_bag) for argument in arguments]
    assert main(["evaluate", *given]) == 1
    message = capsys.readouterr().err
    assert sentence in message
    assert message.startswith("asymformer evaluate: ") and message.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["rooms", "0"],
        ["rooms", "many"],
        ["dataset", "x"],
        ["dataset", "x", "--layout", "other"],
        [],
    ],
)
def test_arguments_that_cannot_work_are_refused_by_the_parser(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", *arguments])
    assert ended.value.code == 2
