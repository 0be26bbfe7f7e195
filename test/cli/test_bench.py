"""`asymformer bench` as it is typed, with the runtimes that are installed here."""

import json
from functools import partial

import cv2
import pytest

from asymformer_ros.benchmark import contenders as room
from asymformer_ros.benchmark.contenders import ModelSource, contenders
from asymformer_ros.benchmark.machine import this_machine
from asymformer_ros.benchmark.ros.figures import Case, Passage, PathRun
from asymformer_ros.benchmark.ros.report import RosReport
from asymformer_ros.cli import bench
from asymformer_ros.cli.main import main


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """JSON, picture and cache of one run."""
    folder = tmp_path_factory.mktemp("bench")
    arguments = ["bench", "--rounds", "2", "--cache-dir", str(folder / "cache")]
    files = ["--json", str(folder / "b.json"), "--picture", str(folder / "b.png")]
    assert main(arguments + files) == 0
    return folder


@pytest.fixture(scope="module")
def content(written):
    return json.loads((written / "b.json").read_text())


def test_every_contender_was_timed_or_says_why_not(content):
    expected = [one.name for one in contenders(ModelSource("asymformer-nano", "", ""))]
    assert [entry["name"] for entry in content["contenders"]] == expected
    for entry in content["contenders"]:
        if entry["failure"] is None:
            assert [sample["round"] for sample in entry["samples"]] == [0, 1]
            assert entry["memory_mb"] > 20
            assert entry["open_s"] > 0
        else:
            assert entry["samples"] == []
            assert entry["figures"] is None


def test_the_plain_network_and_the_engines_of_the_cpu_ran(content):
    pytest.importorskip("torch", reason="the baseline runs in PyTorch")
    ran = {entry["name"] for entry in content["contenders"] if entry["failure"] is None}
    assert {"eager", "torch", "onnxruntime"} <= ran
    assert content["float32"] == "eager"


def test_the_figures_follow_from_the_samples(content):
    timed = [entry for entry in content["contenders"] if entry["samples"]]
    medians = {entry["name"]: entry["figures"]["median_ms"] for entry in timed}
    for entry in timed:
        figures, samples = entry["figures"], entry["samples"]
        totals = [sample["total_ms"] for sample in samples]
        assert figures["median_ms"] == pytest.approx(sum(totals) / 2)
        assert min(totals) <= figures["p10_ms"] <= figures["p90_ms"] <= max(totals)
        assert figures["overhead"] >= 0
        if entry["device"] == "cpu":
            assert figures["speedup"] == pytest.approx(medians["eager"] / medians[entry["name"]])
            for sample in samples:
                assert sum(sample["stages_ms"].values()) <= sample["total_ms"]


def test_labels_in_float32_are_those_of_the_plain_network(content):
    in_float32 = [
        entry
        for entry in content["contenders"]
        if entry["precision"] == "fp32" and entry["figures"]
    ]
    assert len(in_float32) > 1
    assert all(entry["figures"]["agreement"] > 0.999 for entry in in_float32)


def test_the_picture_is_a_readable_png(written):
    height, width, _ = cv2.imread(str(written / "b.png")).shape
    assert 1000 < width < 2400
    assert 300 < height < width


def test_an_interrupted_run_prints_what_it_has(monkeypatch, capsys, tmp_path):
    def interrupt(what):
        if what.startswith("round 2 of 2"):
            raise KeyboardInterrupt

    def the_plain_network(source):
        return [one for one in contenders(source) if one.name == "eager"]

    monkeypatch.setattr(bench, "_progress", interrupt)
    monkeypatch.setattr(room, "contenders", the_plain_network)
    arguments = ["--untrained", "asymformer-nano", "--rounds", "2", "--cache-dir", str(tmp_path)]
    assert main(["bench", *arguments]) == 130
    printed = capsys.readouterr().out
    assert "interrupted: not all rounds were run" in printed
    assert "random weights" in printed
    assert "medians of 1 interleaved rounds" in printed
    assert "command  asymformer bench --untrained asymformer-nano --rounds 2" in printed


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--weights", "none"], "neither bundled"),
        (["--untrained", "none"], "unknown network 'none'"),
        (["--nyuv2", "none"], "give the folder of the data set"),
    ],
)
def test_what_cannot_work_ends_with_one_line(capsys, arguments, sentence):
    assert main(["bench", *arguments]) == 1
    message = capsys.readouterr().err
    assert sentence in message
    assert message.startswith("asymformer bench: ") and message.count("\n") == 1


@pytest.fixture
def measured(monkeypatch):
    """A measurement over DDS that was made elsewhere; takes what differs from it."""
    pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")
    from asymformer_ros.benchmark.ros import measure as room

    sent = tuple(range(0, 10**9, 10**8))
    labels = tuple(Passage(ns, ns + 9_000_000, ns + 10_000_000) for ns in sent)
    paths = tuple(
        PathRun(Case(node, (640, 480), 10.0, "slow", 150.0), sent, labels, {}, 0.1)
        for node in ("ours", "straightforward")
    )
    parts = {"synchronizer": "none", "images": "none", "transport": "none"}

    def measure(plan, command, tell, **differs):
        content = {"paths": paths, "failures": (), "is_complete": True} | differs
        return RosReport(command, this_machine(), parts, (), (), other_load=0.0, **content)

    def set_up(**differs):
        monkeypatch.setattr(room, "measure", partial(measure, **differs))

    return set_up


def test_over_dds_it_prints_and_writes_what_was_measured(measured, tmp_path, capsys):
    measured()
    files = ["--json", str(tmp_path / "r.json"), "--picture", str(tmp_path / "r.png")]
    assert main(["bench", "--ros", "--seconds", "3", *files]) == 0
    printed = capsys.readouterr().out
    assert "command  asymformer bench --ros --seconds 3" in printed
    assert "Whole path" in printed
    assert json.loads((tmp_path / "r.json").read_text())["is_complete"]
    assert cv2.imread(str(tmp_path / "r.png")).shape[1] == 1800


@pytest.mark.parametrize(
    ("differs", "code", "sentence"),
    [
        ({"failures": (("ours 640x480", "ended with code 1"),)}, 1, "failed: ours 640x480: ended"),
        ({"is_complete": False}, 130, "interrupted: not everything was measured"),
        ({"paths": ()}, 1, "command"),
    ],
)
def test_over_dds_what_went_wrong_is_told(measured, tmp_path, capsys, differs, code, sentence):
    measured(**differs)
    assert main(["bench", "--ros", "--picture", str(tmp_path / "r.png")]) == code
    assert sentence in capsys.readouterr().out
    assert (tmp_path / "r.png").exists() == ("paths" not in differs)


@pytest.mark.parametrize(
    "option", [("--weights", "my.pth"), ("--rounds", "3"), ("--cache-dir", "c")]
)
def test_over_dds_options_of_the_engines_are_refused(measured, capsys, option):
    measured()
    with pytest.raises(SystemExit, match="2"):
        main(["bench", "--ros", *option])
    assert f"{option[0]} has no meaning with --ros" in capsys.readouterr().err
