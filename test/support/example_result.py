"""A small evaluation that was never run: its result, its frames and their pictures."""

from dataclasses import replace

import numpy as np

from asymformer_ros.evaluation.frame_row import FrameRow, PicturedFrame
from asymformer_ros.evaluation.results import (
    ClassResult,
    FrameCounts,
    Latency,
    OverallScores,
    Result,
    Subject,
)
from asymformer_ros.perception.frames import RgbdFrame
from asymformer_ros.perception.labels import LabelSpace

NAMES = ("wall", "floor", "chair", "lamp", "<script>hacked = 1</script>")
COLORS = ((200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40), (40, 200, 200))

#: The lamp is nowhere in the truth, the last class is never predicted.
CONFUSION = (
    (700, 100, 50, 0, 0, 0),
    (60, 900, 40, 0, 0, 0),
    (30, 50, 200, 10, 0, 10),
    (0, 0, 0, 0, 0, 0),
    (0, 20, 0, 0, 0, 0),
)

RESULT = Result(
    subject=Subject(
        kind="dataset",
        mode="offline",
        path="/data/nyuv2",
        settings={"layout": "asymformer", "split": "test"},
        weights="asymformer-nano",
        engine="openvino bf16, 640x480, self-check 99.72%",
        label_space="example",
    ),
    complete=True,
    problems=(),
    frames=FrameCounts(12, 12, 10, 10, {"decode": 2}, {"unpaired": 1}),
    scores=OverallScores(0.4321, 0.5401, 0.8295, 0.5975),
    scores_with_drops=None,
    classes=(
        ClassResult("wall", "#c82828", 0.7447, 0.8235, 0.39, 0.36),
        ClassResult("floor", "#28c828", 0.7692, 0.9, 0.46, 0.49),
        ClassResult("chair", "#2828c8", 0.5128, 0.6667, 0.14, 0.14),
        ClassResult("lamp", "#c8c828", 0.0, None, 0.0, 0.01),
        ClassResult(NAMES[4], "#28c8c8", 0.0, 0.0, 0.01, 0.0),
    ),
    confusion=CONFUSION,
    latency_ms=Latency(
        of="a decoded pair until its labels",
        mean=22.4,
        p50=21.2,
        p95=28.1,
        p99=30.0,
        maximum=44.4,
        edges=(15.0, 20.0, 25.0, 30.0),
        counts=(3, 5, 2),
    ),
    flicker=0.0632,
    seconds=5.6,
    engine_share=0.9021,
    machine={"cpu": "Example CPU", "cores": 2, "gpu": None, "runtimes": {"openvino": "2025.3.0"}},
    version="0.1.0",
)


def without_truth(result=RESULT):
    """The same of a recording without labels."""
    classes = [replace(one, iou=None, accuracy=None, truth_share=None) for one in result.classes]
    frames = replace(result.frames, scored=0)
    return replace(result, scores=None, confusion=None, classes=tuple(classes), frames=frames)


def example_space():
    """The classes of the result."""
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(COLORS)] = COLORS
    return LabelSpace("example", NAMES, palette)


def example_rows(count=10):
    """Frames whose latency falls and whose mean IoU rises with their number."""
    return [
        FrameRow(
            number=number,
            name=f"frame{number:05d}",
            stamp_ns=number * 33_000_000,
            latency_ms=30.0 - 15.0 * number / count,
            confidence=0.5,
            mean_iou=number / count,
            pixel_accuracy=0.5 + number / count / 2,
            flicker=0.1 if number else None,
        )
        for number in range(count)
    ]


def example_picture(row, why="random", size=(60, 80), with_truth=True):
    """Quarters of wall, floor, chair and void; the floor is taken for a wall, depth has a hole."""
    height, width = size
    truth = np.zeros(size, np.uint8)
    truth[:, width // 2 :] = 1
    truth[height // 2 :, : width // 2] = 2
    truth[height // 2 :, width // 2 :] = 255
    labels = truth.copy()
    labels[: height // 2, width // 2 :] = 0
    depth_m = np.tile(np.linspace(1, 3, width, dtype=np.float32), (height, 1))
    depth_m[: height // 2, : width // 2] = np.nan
    rgb = np.full((*size, 3), 120, np.uint8)
    frame = RgbdFrame(rgb, depth_m, row.stamp_ns)
    return PicturedFrame(why, row, frame, labels, truth if with_truth else None)


def example_pictures(rows, with_truth=True):
    """The best, the worst and a random frame."""
    chosen = zip(
        ("best", "worst", "random"), (rows[-1], rows[0], rows[len(rows) // 2]), strict=True
    )
    return [example_picture(row, why, with_truth=with_truth) for why, row in chosen]
