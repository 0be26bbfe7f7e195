"""`asymformer export`: PyTorch weights to the ONNX deploy graph that CPU engines run."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument("weights", type=Path, help=".safetensors of this package or official .pth")
    parser.add_argument("output", type=Path, help="the .onnx to write")
    parser.add_argument(
        "--profile", default="", help="preprocessing of official weights: {nyu,imagenet}-{bgr,rgb}"
    )


def run(args: argparse.Namespace) -> int:
    """Export; returns the exit code."""
    from asymformer_ros.engines.onnx_export import export_onnx
    from asymformer_ros.network.checkpoint import load

    network, profile = load(args.weights, args.profile)
    export_onnx(network, profile, args.output)
    height, width = profile.input_size
    print(f"wrote {args.output}: {profile.network}, {width}x{height}, {profile.label_space}")
    return 0
