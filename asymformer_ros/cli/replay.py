"""`asymformer replay`: the real node on a recording."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from asymformer_ros.cli.arguments import add_weights, positive_number
from asymformer_ros.cli.recording import add_recording, open_described, recording_trial

if TYPE_CHECKING:
    from asymformer_ros.evaluation.recordings import Recording
    from asymformer_ros.perception.labels import LabelSpace
    from asymformer_ros.ros.observer import Observer

# The latest overlays make the clip; 1.2 MB each at 640x480.
_OVERLAYS_KEPT = 90
_MOST_SINGLE_OVERLAYS = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    add_recording(parser)
    parser.add_argument("--label-topic", default="", help="of a bag, mono8; default: no score")
    parser.add_argument(
        "--seconds",
        type=positive_number,
        default=0.0,
        help="play round and round for that long; default: once, or as often as 5 s need",
    )
    add_weights(parser)
    parser.add_argument("--engine", default="auto", help="engine of the node (default auto)")
    parser.add_argument("--output", type=Path, default=Path("replay"), help="folder: replay")


def run(args: argparse.Namespace) -> int:
    """Replay; returns the exit code, 0 if a frame was segmented and the recording is whole."""
    return _replay(args, open_described(args))


def _replay(args: argparse.Namespace, recording: Recording) -> int:
    import rclpy

    from asymformer_ros.cli.summary import summary, table
    from asymformer_ros.engines.choose import load_engine
    from asymformer_ros.perception.labels import load_label_space
    from asymformer_ros.resources import resource
    from asymformer_ros.ros.observer import Observer
    from asymformer_ros.ros.trial import isolate

    print("Loading the network; the recording starts in some seconds ...", flush=True)
    # The node loads them, too; this tells which classes they know, and errors come early.
    loaded = load_engine(args.weights, args.engine, args.cache_dir, args.profile)
    loaded.engine.close()
    space = load_label_space(loaded.label_space)

    args.output.mkdir(parents=True, exist_ok=True)
    account_path = args.output / "published.json"
    isolate(resource("config/fastdds.xml"))
    observer = Observer(len(space.classes), keep=_OVERLAYS_KEPT)
    observer.watch_overlay()
    camera = {
        "label_topic": args.label_topic,
        "seconds": args.seconds,
        # Or the end of a play would pair with the beginning of the next.
        "pause": max(1 / args.rate, 2 * args.slop),
    }
    trial = recording_trial(args, recording, account_path, camera, {})

    def progress(seconds: float) -> None:
        received = observer.seen.report.get("received_color", "0")
        count = len(observer.seen.arrival_s)
        print(f"\r  {received} colour images received, {count} label images", end="", flush=True)

    try:
        trial.run(observer, progress)
    finally:
        print()
        rclpy.try_shutdown()
    account = json.loads(account_path.read_text())
    print("\n" + table(summary(observer.seen, account["published"].get("color", 0))))
    if observer.pictures:
        names = {int(stamp): name for stamp, name in account["names"].items()}
        _write_pictures(args.output, observer, space, names)
    complaint = observer.seen.complaint
    if not observer.seen.arrival_s:
        print(f"asymformer replay: no frame was segmented: {complaint}", file=sys.stderr)
        if "sync.slop" in complaint:
            print("(a larger --slop pairs them all the same)", file=sys.stderr)
        return 1
    if complaint:
        print(f"\nthe node warned: {complaint}")
    for loss in account["losses"]:
        print(f"asymformer replay: {loss}", file=sys.stderr)
    return 1 if account["losses"] else 0


def _write_pictures(
    folder: Path, observer: Observer, space: LabelSpace, names: dict[int, str]
) -> None:
    """The last overlay, a clip, and of a small folder each frame's overlay."""
    from asymformer_ros.cli.pictures import write_clip, write_picture

    pictures, stamps_ns = list(observer.pictures), list(observer.picture_stamps_ns)
    write_picture(folder / "overlay.png", pictures[-1], space)
    write_clip(folder / "overlay.mp4", pictures, stamps_ns, space)
    wrote = "overlay.png and overlay.mp4"
    named = {
        names[stamp]: picture
        for stamp, picture in zip(stamps_ns, pictures, strict=True)
        if stamp in names
    }
    if named and len(set(names.values())) < _MOST_SINGLE_OVERLAYS:
        for name, picture in named.items():
            write_picture(folder / f"overlay_{name}.png", picture, space)
        wrote = f"overlay.png, overlay.mp4 and {len(named)} overlay_*.png"
    print(f"\nwrote {wrote} in {folder}/")
