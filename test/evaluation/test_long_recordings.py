"""Memory while a long bag is evaluated: what a process holds must not grow with the bag."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import asymformer_ros
from asymformer_ros.evaluation.bag_writer import BagWriter
from asymformer_ros.evaluation.recordings import RawMessage, RecordedImage

pytest.importorskip("rosbags", reason="needs rosbags")

FRAMES = 10_000
HEIGHT, WIDTH = 24, 32
PERIOD_NS = 33_000_000
# Of 72 MB that the frames are, decoded, from the thousandth on.
MOST_GROWTH_MB = 6.0

PROGRAM = """
import os, sys, threading
from pathlib import Path
import numpy as np
from asymformer_ros.benchmark.growth import held_by
from asymformer_ros.evaluation.frame_table import frame_table
from asymformer_ros.evaluation.recorded_frames import RecordedFrames, truths_of
from asymformer_ros.evaluation.recordings import open_recording
from asymformer_ros.evaluation.run import EngineAnswers, run
from asymformer_ros.perception.frames import Segmentation

bag, table = map(Path, sys.argv[1:])
recording = open_recording(bag, {"color": "", "depth": "", "labels": "/labels/image_raw"})
source = RecordedFrames(recording, truths_of(recording, None), 50_000_000, 10)
held = []

def segment(frame):
    return Segmentation(frame.rgb[:, :, 0] % 40, frame.rgb[:, :, 1])

def progress():
    progress.count += 1
    if progress.count % 1000 == 0:
        held.append(held_by(os.getpid()).resident_mb)

progress.count = 0
with frame_table(table) as note:
    done = run(source, EngineAnswers(segment, lambda: 0.0), 40, note, progress, threading.Event())
print(len(done.keeper.latency_ms), done.keeper.scored, *held)
"""


@pytest.fixture
def long_bag(tmp_path):
    """Ten thousand frames, the same again and again."""
    arrays = {
        "color": (np.full((HEIGHT, WIDTH, 3), 50, np.uint8), "rgb8"),
        "depth": (np.full((HEIGHT, WIDTH), 2000, np.uint16), "16UC1"),
        "labels": (np.full((HEIGHT, WIDTH), 10, np.uint8), "mono8"),
    }
    messages = {}
    for stream, (array, encoding) in arrays.items():
        data = array.view(np.uint8).reshape(-1)
        messages[stream] = RawMessage(encoding, HEIGHT, WIDTH, len(data) // HEIGHT, False, data)
    with BagWriter(tmp_path / "bag") as bag:
        for number in range(FRAMES):
            time_ns = (number + 1) * PERIOD_NS
            for stream, message in messages.items():
                image = RecordedImage(stream, time_ns, time_ns, "camera", message)
                bag.image(f"/{stream}/image_raw", image)
    return tmp_path / "bag"


def test_memory_does_not_grow_with_the_length_of_a_bag(long_bag, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(long_bag), str(tmp_path / "frames.csv")],
        env={**os.environ, "PYTHONPATH": str(Path(asymformer_ros.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    segmented, scored, *held = map(float, done.stdout.split())
    assert segmented == scored == FRAMES
    assert len(held) == FRAMES // 1000
    assert max(held) - held[0] < MOST_GROWTH_MB
    with (tmp_path / "frames.csv").open() as lines:
        assert sum(1 for _ in lines) == FRAMES + 1
