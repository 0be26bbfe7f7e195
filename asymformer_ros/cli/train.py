"""`asymformer train`: make the bundled weights again."""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from asymformer_ros.cli.arguments import positive_integer

#: Rooms seen in training; evaluation and demo use seeds below.
FIRST_TRAINING_SEED = 100_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument(
        "--nyuv2", type=Path, required=True, help="a data set in the layout nyuv2-small"
    )
    parser.add_argument(
        "--rooms", type=positive_integer, default=2000, help="simulated rooms (default 2000)"
    )
    parser.add_argument("--output", type=Path, required=True, help="the .safetensors to write")


def run(args: argparse.Namespace) -> int:
    """Train `asymformer-nano` and write its weights; returns the exit code."""
    from asymformer_ros.evaluation.datasets import open_dataset
    from asymformer_ros.evaluation.simulated_frames import render_room
    from asymformer_ros.network.checkpoint import save
    from asymformer_ros.network.profile import Profile
    from asymformer_ros.training.train import NANO_RECIPE, train

    # An hour later would be late to learn that it cannot be written.
    args.output.parent.mkdir(parents=True, exist_ok=True)
    profile = Profile(network="asymformer-nano", label_space="nyu40", num_classes=40)
    frames = open_dataset(args.nyuv2, "nyuv2-small", "train")
    real = [frames.read(index) for index in range(len(frames.names))]
    print(f"{len(real)} frames of {args.nyuv2}; rendering {args.rooms} rooms", flush=True)
    seeds = range(FIRST_TRAINING_SEED, FIRST_TRAINING_SEED + args.rooms)
    with ProcessPoolExecutor() as pool:
        render = partial(render_room, width=320, height=240)
        simulated = list(pool.map(render, seeds, chunksize=8))
    keep = partial(save, args.output, profile=profile)
    keep(train(profile, real, simulated, NANO_RECIPE, partial(print, flush=True), keep))
    print(f"wrote {args.output}")
    return 0
