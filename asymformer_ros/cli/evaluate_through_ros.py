"""`asymformer evaluate bag --through-ros`: the recording is played to the real node over DDS."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asymformer_ros.evaluation.recordings import Recording
    from asymformer_ros.evaluation.results import FrameCounts, Result
    from asymformer_ros.ros.observer import Observer


def evaluate_through_ros(args: argparse.Namespace, recording: Recording) -> int:
    """Play, then score what the node said; returns the exit code, 0 if nothing was lost.

    Labels are held against the truth when the play is over, so that scoring takes nothing from the
    node.
    """
    import rclpy

    from asymformer_ros.cli.evaluate import recorded_frames, recording_settings
    from asymformer_ros.cli.evaluation_output import evaluate_source
    from asymformer_ros.engines.choose import load_engine
    from asymformer_ros.evaluation.received_labels import ReceivedLabels
    from asymformer_ros.evaluation.results import Subject
    from asymformer_ros.perception.labels import load_label_space
    from asymformer_ros.resources import resource
    from asymformer_ros.ros.observer import Observer
    from asymformer_ros.ros.trial import isolate, join

    print("Loading the network; the recording starts in some seconds ...", flush=True)
    # The node loads them, too; this tells which classes they know, and errors come early.
    loaded = load_engine(args.weights, args.engine, args.cache_dir, args.profile)
    loaded.engine.close()
    space = load_label_space(loaded.label_space)
    profile = resource("config/fastdds.xml")
    join(profile) if args.shared_domain else isolate(profile)
    with TemporaryDirectory(prefix="asymformer-labels-") as kept:
        received = ReceivedLabels(Path(kept))
        observer = Observer(len(space.classes), keep=1, on_labels=received.keep)
        begun_s = time.monotonic()
        try:
            account = _play(args, recording, observer)
        finally:
            rclpy.try_shutdown()
        seconds = time.monotonic() - begun_s
        stamps = {recorded: int(stamp) for stamp, recorded in account["recorded_ns"].items()}
        received.published_as(stamps)
        report, published = observer.seen.report, account["published"].get("color", 0)
        if complaint := observer.seen.complaint:
            print(f"the node warned: {complaint}")
        settings = recording_settings(args, recording)
        return evaluate_source(
            recorded_frames(args, recording),
            received,
            Subject(
                kind="bag",
                mode="through_ros",
                path=str(args.path),
                settings=settings,
                weights=args.weights,
                engine=f"{report.get('engine', 'none')} (of the node, at last)",
                label_space=space.name,
            ),
            space,
            "a colour image's stamp until its labels arrived",
            lambda: None,
            args.output,
            lambda result: replace(
                result, frames=_counted(result, report, published), seconds=seconds
            ),
        )


def _play(args: argparse.Namespace, recording: Recording, observer: Observer) -> dict[str, Any]:
    """What the camera published, after the play."""
    from tqdm import tqdm

    from asymformer_ros.evaluation.recordings import CompressedMessage
    from asymformer_ros.ros.recorded_camera import TRANSPORTS
    from asymformer_ros.ros.trial import Trial, ros_node

    account_path = args.output / "published.json"
    camera = {
        "path": str(args.path),
        "color_topic": args.color_topic,
        "depth_topic": args.depth_topic,
        "rate": args.rate,
        "once": True,
        "account": str(account_path),
    }
    node = {
        "weights": args.weights,
        "profile": args.profile,
        "cache_dir": args.cache_dir,
        "engine": args.engine,
        "rotate": args.rotate,
        "sync.slop": args.slop,
        "exit_with_parent": True,
    }
    for stream, transport in TRANSPORTS.items():
        if isinstance(recording.first[stream].message, CompressedMessage):
            node[f"{stream}_transport"] = transport
    trial = Trial(
        camera=ros_node("recorded_camera", camera),
        node=ros_node("node", node),
        folder=args.output,
        overlay_from_s=float("inf"),
    )
    with tqdm(total=recording.counts["color"], unit="frame", desc="playing", disable=None) as bar:

        def progress(seconds: float) -> None:
            bar.update(int(observer.seen.report.get("received_color", 0)) - bar.n)

        trial.run(observer, progress)
    account: dict[str, Any] = json.loads(account_path.read_text())
    return account


def _counted(result: Result, report: Mapping[str, str], published: int) -> FrameCounts:
    """What became of the published images, as the node tells it."""
    from asymformer_ros.evaluation.results import FrameCounts

    def dropped(prefix: str) -> dict[str, int]:
        return {
            key.removeprefix(prefix): int(number)
            for key, number in report.items()
            if key.startswith(prefix) and int(number)
        }

    colors = dropped("dropped.")
    colors["lost_in_transport"] = published - int(report["received_color"])
    colors["labels_lost"] = published - result.frames.segmented - sum(colors.values())
    return FrameCounts(
        received_color=published,
        received_depth=int(report["received_depth"]),
        segmented=result.frames.segmented,
        scored=result.frames.scored,
        dropped={cause: number for cause, number in colors.items() if number},
        dropped_depth=dropped("dropped_depth."),
    )
