"""What the verbs that take a recording share: arguments, a description, playing it to the node."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from asymformer_ros.cli.arguments import not_negative_number, positive_number

if TYPE_CHECKING:
    from asymformer_ros.evaluation.recordings import Recording, Stream
    from asymformer_ros.ros.trial import Trial

_WORDS = {"color": "colour", "depth": "depth", "labels": "labels"}


def add_recording(parser: argparse.ArgumentParser) -> None:
    """Declare what names a recording and says how it is paired, but for its labels."""
    parser.add_argument(
        "path",
        type=Path,
        metavar="PATH",
        help="a ROS 1 .bag, a rosbag2 folder, a .mcap or .db3, or a folder with color/, depth/ "
        "(16-bit PNG, mm) and perhaps label/ (PNG of classes, 255 = void), files named alike",
    )
    parser.add_argument("--color-topic", default="", help="of a bag; default: the only one")
    parser.add_argument("--depth-topic", default="", help="of a bag; default: the only one")
    parser.add_argument("--rate", type=positive_number, default=5.0, help="frames/s of a folder: 5")
    parser.add_argument(
        "--slop", type=not_negative_number, default=0.05, help="sync.slop of the node: 0.05"
    )


def open_described(args: argparse.Namespace) -> Recording:
    """Open the recording and print what it holds and what to be warned of.

    Raises RecordingError.
    """
    from asymformer_ros.evaluation.recordings import open_recording

    topics: dict[Stream, str] = {
        "color": args.color_topic,
        "depth": args.depth_topic,
        "labels": args.label_topic,
    }
    recording = open_recording(args.path, topics, args.rate)
    print(args.path)
    for stream, source in recording.sources.items():
        line = f"  {_WORDS[stream]}: {recording.counts[stream]} images of {source}"
        if (first := recording.first.get(stream)) is not None:
            line += f", {first.message}"
        print(line)
    for warning in recording.warnings:
        print(f"warning: {warning}")
    return recording


def recording_trial(
    args: argparse.Namespace,
    recording: Recording,
    account: Path,
    camera: Mapping[str, object],
    node: Mapping[str, object],
) -> Trial:
    """The recording played to the node; account: of what was published, a file to be written.

    camera, node: parameters beside those that every play has.
    """
    from asymformer_ros.evaluation.recordings import CompressedMessage
    from asymformer_ros.ros.recorded_camera import TRANSPORTS
    from asymformer_ros.ros.trial import Trial, ros_node

    player = {
        "path": str(args.path),
        "color_topic": args.color_topic,
        "depth_topic": args.depth_topic,
        "rate": args.rate,
        "account": str(account),
        **camera,
    }
    segmenter = {
        "weights": args.weights,
        "profile": args.profile,
        "cache_dir": args.cache_dir,
        "engine": args.engine,
        "sync.slop": args.slop,
        "exit_with_parent": True,
        **node,
    }
    for stream, transport in TRANSPORTS.items():
        if isinstance(recording.first[stream].message, CompressedMessage):
            segmenter[f"{stream}_transport"] = transport
    return Trial(
        camera=ros_node("recorded_camera", player),
        node=ros_node("node", segmenter),
        folder=args.output,
        overlay_from_s=float("inf"),
    )
