"""`asymformer evaluate`: score weights on NYUv2 frames and on simulated rooms."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from asymformer_ros.cli.arguments import positive_integer

if TYPE_CHECKING:
    from asymformer_ros.evaluation.metrics import Scores
    from asymformer_ros.evaluation.samples import Sample
    from asymformer_ros.perception.segmenter import Segmenter


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument("--nyuv2", type=Path, help="folder with color/ depth/ label/ at 320x240")
    parser.add_argument(
        "--rooms", type=positive_integer, default=0, help="simulated rooms, one view of each"
    )
    parser.add_argument("--weights", default="asymformer-nano", help="bundled name or a file")
    parser.add_argument("--engine", default="auto", help="engine (default auto)")


def run(args: argparse.Namespace) -> int:
    """Score and print; returns the exit code."""
    from asymformer_ros.engines.choose import load_engine
    from asymformer_ros.evaluation.samples import iterate_nyuv2_small, iterate_rooms
    from asymformer_ros.perception.labels import load_label_space
    from asymformer_ros.perception.segmenter import Segmenter

    if args.nyuv2 is None and not args.rooms:
        print("asymformer evaluate: give --nyuv2 FOLDER or --rooms N", file=sys.stderr)
        return 2
    loaded = load_engine(args.weights, args.engine)
    classes = load_label_space(loaded.label_space).classes
    segmenter = Segmenter(loaded.engine)
    if args.nyuv2 is not None:
        scores = _score(segmenter, iterate_nyuv2_small(args.nyuv2), len(classes))
        _print(f"NYUv2, {args.nyuv2}", scores, classes)
    if args.rooms:
        scores = _score(segmenter, iterate_rooms(range(args.rooms), 640, 480), len(classes))
        _print(f"simulated rooms, seeds 0 to {args.rooms - 1}", scores, classes)
    return 0


def _score(segmenter: Segmenter, samples: Iterable[Sample], num_classes: int) -> Scores:
    from asymformer_ros.evaluation.metrics import ConfusionMatrix
    from asymformer_ros.perception.frames import RgbdFrame

    confusion = ConfusionMatrix(num_classes)
    for number, sample in enumerate(samples, start=1):
        segmentation = segmenter.segment(RgbdFrame(sample.rgb, sample.depth_m))
        confusion.add(sample.labels, segmentation.labels)
        print(f"\r{number} frames", end="", flush=True)
    print()
    return confusion.scores()


def _print(what: str, scores: Scores, classes: tuple[str, ...]) -> None:
    in_truth = f"over the classes in the truth {scores.mean_iou_present:.2%}"
    print(f"{what}\n  mIoU {scores.mean_iou:.2%}, {in_truth}")
    print(f"  pixel accuracy {scores.pixel_accuracy:.2%}, mean accuracy {scores.mean_accuracy:.2%}")
    for name, iou in zip(classes, scores.iou, strict=True):
        print(f"    {name:<16} {iou:7.2%}")
