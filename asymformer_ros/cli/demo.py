"""`asymformer demo`: the real node on a simulated camera, with a score at the end."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from asymformer_ros.cli.arguments import positive_number

# How long the node draws overlays, at the end.
_OVERLAY_S = 3.0
_LABEL_SPACE = "nyu40"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument(
        "--seconds", type=positive_number, default=20.0, help="how long (default 20)"
    )
    parser.add_argument(
        "--rate", type=positive_number, default=30.0, help="camera frames/s (default 30)"
    )
    parser.add_argument("--seed", type=int, default=3, help="which simulated room (default 3)")
    parser.add_argument("--weights", default="asymformer-nano", help="bundled name or a file")
    parser.add_argument("--engine", default="auto", help="engine of the node (default auto)")
    parser.add_argument("--output", type=Path, default=Path("demo"), help="folder (default demo)")


def run(args: argparse.Namespace) -> int:
    """Run the demo; returns the exit code."""
    import rclpy

    from asymformer_ros.cli.pictures import write_clip, write_picture
    from asymformer_ros.cli.summary import summary, table
    from asymformer_ros.engines.choose import load_engine
    from asymformer_ros.perception.labels import load_label_space
    from asymformer_ros.resources import resource
    from asymformer_ros.ros.observer import Observer
    from asymformer_ros.ros.trial import Trial, isolate, ros_node

    args.output.mkdir(parents=True, exist_ok=True)
    # The node loads them, too; this tells their classes, and errors come early.
    loaded = load_engine(args.weights, args.engine)
    loaded.engine.close()
    if loaded.label_space != _LABEL_SPACE:
        print(
            f"asymformer demo: the simulated rooms are labelled in {_LABEL_SPACE}, the weights are "
            f"for {loaded.label_space}: try `asymformer replay` with them",
            file=sys.stderr,
        )
        return 1
    space = load_label_space(_LABEL_SPACE)
    isolate(resource("config/fastdds.xml"))
    observer = Observer(len(space.classes), keep=max(1, int(_OVERLAY_S * args.rate)))
    published = max(1, round(args.seconds * args.rate))
    camera = {
        "rate": args.rate,
        "count": published,
        "seed": args.seed,
        "publish_labels": True,
        "wait_for_subscribers": True,
        "exit_with_parent": True,
    }
    node = {"weights": args.weights, "engine": args.engine, "exit_with_parent": True}
    trial = Trial(
        camera=ros_node("simulated_camera", camera),
        node=ros_node("node", node),
        folder=args.output,
        overlay_from_s=max(0.0, args.seconds - _OVERLAY_S),
    )
    print(
        "Rendering a room, loading the network; the camera starts in some seconds ...", flush=True
    )

    def progress(seconds: float) -> None:
        if seconds:
            share = min(1.0, seconds / args.seconds)
            bar = "#" * round(30 * share)
            count = len(observer.seen.arrival_s)
            print(f"\r  [{bar:<30}] {seconds:3.0f} s  {count} label images", end="", flush=True)

    try:
        trial.run(observer, progress)
    finally:
        print()
        rclpy.try_shutdown()
    print("\n" + table(summary(observer.seen, published)))
    if observer.pictures:
        write_picture(args.output / "overlay.png", observer.pictures[-1], space)
        write_clip(
            args.output / "overlay.mp4", observer.pictures, observer.picture_stamps_ns, space
        )
        print(f"\nwrote {args.output}/overlay.png and {args.output}/overlay.mp4")
    if not observer.seen.arrival_s:
        print(f"asymformer demo: no frame was segmented: {args.output}/*.log", file=sys.stderr)
        return 1
    return 0
