"""The demo as a user runs it: real processes over DDS, a table that adds up, pictures."""

import re
import subprocess
import sys

import cv2
import pytest

RUN = "import sys; from asymformer_ros.cli.main import main; sys.exit(main(sys.argv[1:]))"


def asymformer(*arguments, timeout=240):
    return subprocess.run(
        [sys.executable, "-c", RUN, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    done = asymformer("demo", "--seconds", 6, "--rate", 10, "--output", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = re.findall(r"^  (\S.*?|  \S+)\s{2,}(.+)$", done.stdout, re.MULTILINE)
    return {name.strip(): figure for name, figure in rows}, folder


def test_every_published_frame_is_accounted_for(demo):
    figures, _ = demo
    count = {name: int(figure) for name, figure in figures.items() if figure.isdigit()}
    assert count["frames published"] == 60
    assert count["frames published"] == count["frames segmented"] + count["frames dropped"]
    after_pairing = ("replaced_by_newer", "stopped")
    dropped_after = sum(count.get(cause, 0) for cause in after_pairing)
    assert count["frames paired"] == count["frames segmented"] + dropped_after
    assert count["published - segmented - dropped"] == 0
    assert count["frames segmented"] >= 5
    # With the shared-memory profile best-effort images arrive; without it most are lost.
    assert count.get("lost_in_transport", 0) <= 3


def test_every_segmented_frame_is_scored_against_exact_labels(demo):
    figures, _ = demo
    assert int(figures["frames scored"]) == int(figures["frames segmented"])
    # A trained network finds most of a simulated room; chance would be a few percent.
    assert float(figures["pixel accuracy"].rstrip("%")) > 30.0
    assert re.fullmatch(r"p50 \d+  p95 \d+  p99 \d+", figures["camera stamp to label, ms"])


def test_picture_and_clip_are_there(demo):
    _, folder = demo
    picture = cv2.imread(str(folder / "overlay.png"))
    assert picture.shape[0] == 480 and picture.shape[1] > 640
    clip = cv2.VideoCapture(str(folder / "overlay.mp4"))
    frames = 0
    while clip.read()[0]:
        frames += 1
    assert frames >= 3


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--weights", "no-such-network", "neither bundled"),
        ("--engine", "abacus", "unknown engine 'abacus'"),
    ],
)
def test_a_demo_that_cannot_work_ends_with_the_nodes_sentence(tmp_path, option, value, sentence):
    done = asymformer("demo", "--output", tmp_path, option, value)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_help_names_every_verb():
    done = asymformer("--help")
    assert done.returncode == 0
    for verb in ("demo", "replay", "evaluate", "export", "train"):
        assert re.search(rf"^ +{verb} ", done.stdout, re.MULTILINE)
