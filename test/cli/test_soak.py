"""`asymformer soak` as a user runs it, for some seconds."""

import csv
import json
import subprocess
import sys

import cv2
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

from asymformer_ros.benchmark.growth import Sample
from asymformer_ros.benchmark.ros.soak import SoakRecord
from asymformer_ros.cli import soak

RUN = "import sys; from asymformer_ros.cli.main import main; sys.exit(main(sys.argv[1:]))"


def record(*, leak_mb=0.0, death=""):
    samples = [
        Sample(60.0 * k, 300.0 + leak_mb * k / 60, 20, 30, 100 * k, 3 * k) for k in range(61)
    ]
    report = {"engine": "stub fp32", "segmented": "6000", "dropped.late": "180"}
    return SoakRecord(samples, {"good": 6000}, report, 4, death, not death)


def test_a_short_one_ends_well_and_leaves_its_files(tmp_path):
    command = ["soak", "--minutes", "0.1", "--output", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", RUN, *command], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "too short for a verdict on growth" in done.stdout
    rows = list(csv.DictReader((tmp_path / "soak.csv").open()))
    assert len(rows) >= 2 and float(rows[-1]["resident_mb"]) > 20
    content = json.loads((tmp_path / "soak.json").read_text())
    assert content["is_complete"] and content["complaints"] == []
    assert content["played"]["good"] > 0


def test_a_node_that_does_not_grow_passes(tmp_path, capsys):
    assert soak.conclude(record(), tmp_path) == 0
    printed = capsys.readouterr().out
    assert "memory   +0.0 MB an hour (95 %: +0.0 to +0.0)" in printed
    assert "passed: the node lives and does not grow" in printed
    assert "6000 segmented; dropped: 180 late" in printed
    assert cv2.imread(str(tmp_path / "soak.png")).shape[1] == 1800


def test_a_leak_fails(tmp_path, capsys):
    assert soak.conclude(record(leak_mb=40.0), tmp_path) == 1
    printed = capsys.readouterr().out
    assert "memory   +40.0 MB an hour" in printed
    assert "FAILED: memory grows by more than 10 MB an hour" in printed
    assert json.loads((tmp_path / "soak.json").read_text())["complaints"]


def test_the_death_of_the_node_fails(tmp_path, capsys):
    assert soak.conclude(record(death="node ended with code -9:"), tmp_path) == 1
    assert "FAILED: the soak ended early: node ended with code -9:" in capsys.readouterr().out


def test_an_interrupted_one_says_so_by_its_exit_code(tmp_path):
    interrupted = record()
    interrupted.is_complete = False
    assert soak.conclude(interrupted, tmp_path) == 130
