"""`asymformer record-demo`: a bag of a simulated room, for whoever has no camera."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from asymformer_ros.cli.arguments import positive_integer, positive_number

if TYPE_CHECKING:
    from asymformer_ros.evaluation.recordings import Stream

# Not the time of today: the same arguments give the same bag.
_BEGIN_NS = 1_700_000_000_000_000_000
_LEAST_SIDE, _LARGEST_SIDE = 32, 4096
_CAMERA_INFO = "/color/camera_info"
_TOPICS: dict[Stream, str] = {
    "labels": "/labels/image_raw",
    "depth": "/depth/image_raw",
    "color": "/color/image_raw",
}
_COMPRESSED_TOPICS: dict[Stream, str] = _TOPICS | {
    "depth": "/depth/image_raw/compressedDepth",
    "color": "/color/image_raw/compressed",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument(
        "output",
        type=Path,
        nargs="?",
        default=Path("demo_bag"),
        metavar="OUTPUT",
        help="folder to make: a rosbag2 with one mcap file (default demo_bag)",
    )
    parser.add_argument("--seconds", type=positive_number, default=10.0, help="10 by default")
    parser.add_argument("--rate", type=positive_number, default=30.0, help="frames/s (default 30)")
    parser.add_argument("--seed", type=int, default=3, help="which simulated room (default 3)")
    parser.add_argument("--width", type=positive_integer, default=640, help="640 by default")
    parser.add_argument("--height", type=positive_integer, default=480, help="480 by default")
    parser.add_argument(
        "--compressed",
        action="store_true",
        help="JPEG colour and PNG compressedDepth topics in place of the raw ones",
    )


def run(args: argparse.Namespace) -> int:
    """Record; returns the exit code."""
    from tqdm import tqdm

    from asymformer_ros.evaluation.bag_writer import BagWriter
    from asymformer_ros.evaluation.recorded_simulation import (
        simulated_camera_info,
        simulated_images,
    )
    from asymformer_ros.evaluation.recordings import RecordingError
    from asymformer_ros.simulation import Intrinsics, fly_through

    output: Path = args.output
    if output.exists():
        raise RecordingError(f"{output} exists already: remove it or give another path")
    sides = args.width, args.height
    if min(sides) < _LEAST_SIDE or max(sides) > _LARGEST_SIDE or args.seed < 0:
        raise RecordingError(
            f"--width and --height are {_LEAST_SIDE} to {_LARGEST_SIDE}, --seed is not negative"
        )
    frames = max(1, round(args.seconds * args.rate))
    intrinsics = Intrinsics().scaled(args.width, args.height)
    topics = _COMPRESSED_TOPICS if args.compressed else _TOPICS
    info = simulated_camera_info(intrinsics)
    output.parent.mkdir(parents=True, exist_ok=True)
    # A folder of its own name within: the files in a bag are named after it.
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}.") as folder:
        unfinished = Path(folder, output.name)
        flight = fly_through(args.seed, frames, intrinsics)
        with BagWriter(unfinished) as bag:
            for number, frame in enumerate(tqdm(flight, total=frames, unit="frame", disable=None)):
                stamp_ns = _BEGIN_NS + round(number * 1e9 / args.rate)
                bag.camera_info(_CAMERA_INFO, stamp_ns, stamp_ns, info)
                for image in simulated_images(frame, stamp_ns, args.compressed):
                    bag.image(topics[image.stream], image)
        unfinished.rename(output)
    size_mb = sum(file.stat().st_size for file in output.iterdir()) / 1e6
    print(f"wrote {frames} frames in {output}, {size_mb:.0f} MB:")
    for topic in (*topics.values(), _CAMERA_INFO):
        print(f"  {topic}")
    return 0
