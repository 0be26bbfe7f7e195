"""`asymformer segment`: the labels of one pair of images."""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asymformer_ros.cli.arguments import add_weights, depth_unit

if TYPE_CHECKING:
    from asymformer_ros.perception.frames import RgbdFrame, Segmentation
    from asymformer_ros.perception.labels import LabelSpace

# As the node's parameter overlay_alpha.
_OVERLAY_ALPHA = 0.5

# The median distance of an indoor image lies between these, whatever the camera.
_PLAUSIBLE_M = (0.1, 20.0)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    from asymformer_ros.perception.depth_unit import DEPTH_UNITS

    parser.add_argument(
        "color", type=Path, metavar="COLOR", help="PNG, JPEG, WebP, or .npy of uint8 [H, W, 3] RGB"
    )
    parser.add_argument(
        "depth", type=Path, metavar="DEPTH", help="registered to it: 16-bit PNG, or .npy [H, W]"
    )
    parser.add_argument(
        "--depth-unit",
        type=depth_unit,
        help=f"{', '.join(DEPTH_UNITS)} or the metres of one step (default: 16 bits are mm, "
        "float32 is m, as REP 118 has it; all else must be declared)",
    )
    add_weights(parser)
    parser.add_argument("--engine", default="auto", help="engine (default auto)")
    parser.add_argument(
        "--label-space",
        default="",
        help="other names or groups of the classes: nav, or a YAML file (default: the network's)",
    )
    parser.add_argument(
        "--rotate",
        type=int,
        choices=(0, 90, 180, 270),
        default=0,
        help="clockwise turn that makes the images upright for the network (default 0)",
    )
    parser.add_argument(
        "--output", type=Path, default=Path("segmentation"), help="folder (default segmentation)"
    )


def run(args: argparse.Namespace) -> int:
    """Segment, print and write; returns the exit code."""
    from asymformer_ros.engines.choose import load_engine
    from asymformer_ros.perception.frame_files import read_frame
    from asymformer_ros.perception.labels import load_label_space, load_labelling
    from asymformer_ros.perception.refine import OutputOptions, mask_table, refine
    from asymformer_ros.perception.segmenter import Segmenter

    frame = read_frame(args.color, args.depth, args.depth_unit)
    args.output.mkdir(parents=True, exist_ok=True)  # before the engine, which takes seconds
    loaded = load_engine(args.weights, args.engine, args.cache_dir, args.profile)
    try:
        labelling = load_labelling(args.label_space, load_label_space(loaded.label_space))
        segmenter = Segmenter(loaded.engine, args.rotate)
        started = time.perf_counter()
        segmentation = segmenter.segment(frame)
        seconds = time.perf_counter() - started
        sentence = loaded.sentence
    finally:
        loaded.engine.close()
    options = OutputOptions(labelling, mask_table(labelling, ()))
    segmentation = refine(segmentation, frame.depth_m, options)
    print("\n".join(_table(frame, segmentation, labelling.space)))
    print(f"\n  engine  {sentence}\n  time    {1e3 * seconds:.0f} ms\n")
    _write(args.output, frame, segmentation, labelling.space)
    if doubt := _doubt(frame):
        print(f"asymformer segment: warning: {doubt}", file=sys.stderr)
    return 0


def _table(frame: RgbdFrame, segmentation: Segmentation, space: LabelSpace) -> list[str]:
    """What is in view, largest first."""
    from asymformer_ros.evaluation.figures import aligned
    from asymformer_ros.perception.frames import UNLABELLED
    from asymformer_ros.perception.scene import classes_in_view

    rows = [["class", "share", "confidence", "median distance"]]
    for one in classes_in_view(segmentation, frame.depth_m, space, camera=None):
        distance = "-" if math.isnan(one.median_m) else f"{one.median_m:.2f} m"
        rows.append([one.name, f"{one.pixel_share:.1%}", f"{one.confidence:.2f}", distance])
    unlabelled = (segmentation.labels == UNLABELLED).mean()
    if unlabelled:
        rows.append(["unlabelled", f"{unlabelled:.1%}", "-", "-"])
    return [f"  {line}" for line in aligned(rows)]


def _doubt(frame: RgbdFrame) -> str:
    """A sentence about a depth image that may not be what it was taken for, or nothing."""
    readings = frame.depth_m[frame.depth_m > 0]
    if not readings.size:
        return "the depth image has no reading at all"
    median = float(np.median(readings))
    nearest, farthest = _PLAUSIBLE_M
    if nearest < median < farthest:
        return ""
    text = np.format_float_positional(median, precision=3, fractional=False, trim="-")
    return f"the median depth is {text} m: is the depth in another unit? See --depth-unit"


def _write(folder: Path, frame: RgbdFrame, segmentation: Segmentation, space: LabelSpace) -> None:
    from asymformer_ros.cli.pictures import write_legend, write_png
    from asymformer_ros.perception.overlay import blend, colorize

    labels = segmentation.labels
    colors = colorize(labels, space.palette)
    write_png(folder / "overlay.png", blend(frame.rgb, colors, labels, _OVERLAY_ALPHA))
    write_legend(folder / "legend.png", labels, space)
    write_png(folder / "labels.png", labels)
    write_png(folder / "confidence.png", segmentation.confidence)
    print(f"wrote overlay.png, legend.png, labels.png and confidence.png in {folder}/")
