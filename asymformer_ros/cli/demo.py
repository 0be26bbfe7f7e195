"""`asymformer demo`: the real node on a simulated camera, with a score at the end."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

_OVERLAY_S = 3.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument("--seconds", type=float, default=20.0, help="how long (default 20)")
    parser.add_argument("--rate", type=float, default=30.0, help="camera frames/s (default 30)")
    parser.add_argument("--seed", type=int, default=3, help="which simulated room (default 3)")
    parser.add_argument("--weights", default="asymformer-nano", help="bundled name or a file")
    parser.add_argument("--engine", default="auto", help="engine of the node (default auto)")
    parser.add_argument("--output", type=Path, default=Path("demo"), help="folder (default demo)")


def run(args: argparse.Namespace) -> int:
    """Run the demo; returns the exit code."""
    import rclpy

    from asymformer_ros.cli.pictures import write_clip, write_picture
    from asymformer_ros.cli.summary import summary, table
    from asymformer_ros.perception.labels import load_label_space
    from asymformer_ros.resources import resource
    from asymformer_ros.ros.observer import Observer
    from asymformer_ros.ros.trial import Trial, TrialError, isolate, ros_node

    args.output.mkdir(parents=True, exist_ok=True)
    isolate(resource("config/fastdds.xml"))
    space = load_label_space("nyu40")
    observer = Observer(len(space.classes), keep=int(_OVERLAY_S * args.rate))
    published = max(1, round(args.seconds * args.rate))
    camera = {
        "rate": args.rate,
        "count": published,
        "seed": args.seed,
        "publish_labels": True,
        "wait_for_subscribers": True,
    }
    node = {"weights": args.weights, "engine": args.engine, "exit_with_parent": True}
    trial = Trial(
        camera=ros_node("simulated_camera", camera),
        node=ros_node("node", node),
        folder=args.output,
        overlay_from_s=max(0.0, args.seconds - _OVERLAY_S),
    )
    print("Rendering a room, loading the network; the camera starts in some seconds ...")

    def progress(seconds: float) -> None:
        if seconds:
            share = min(1.0, seconds / args.seconds)
            bar = "#" * round(30 * share)
            count = len(observer.seen.arrival_s)
            print(f"\r  [{bar:<30}] {seconds:3.0f} s  {count} label images", end="", flush=True)

    try:
        trial.run(observer, progress)
    except TrialError as error:
        print(f"\nasymformer demo: {error}", file=sys.stderr)
        return 1
    finally:
        rclpy.try_shutdown()
    print("\n\n" + table(summary(observer.seen, published)))
    if observer.pictures:
        write_picture(args.output / "overlay.png", observer.pictures[-1], space)
        rate_hz = len(observer.pictures) / _OVERLAY_S
        write_clip(args.output / "overlay.mp4", list(observer.pictures), space, rate_hz)
        print(f"\nwrote {args.output}/overlay.png and {args.output}/overlay.mp4")
    if not observer.seen.arrival_s:
        print(f"asymformer demo: no frame was segmented: {args.output}/*.log", file=sys.stderr)
        return 1
    return 0
