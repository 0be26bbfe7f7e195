"""`asymformer export`: weights to the ONNX deploy graph that every engine but PyTorch runs."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path

from asymformer_ros.network.profile import OFFICIAL


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument(
        "weights", help=".safetensors of this package, official .pth or official .onnx"
    )
    parser.add_argument("output", type=_onnx_file, help="the .onnx to write")
    parser.add_argument(
        "--profile", default="", help=f"preprocessing of official weights: {', '.join(OFFICIAL)}"
    )
    parser.add_argument(
        "--size",
        type=_size,
        help="WIDTHxHEIGHT of the network, multiples of 32 (default: what the weights say)",
    )


def run(args: argparse.Namespace) -> int:
    """Export; returns the exit code."""
    from asymformer_ros.engines.cache import EngineCache
    from asymformer_ros.engines.engine import EngineError
    from asymformer_ros.engines.model import Model
    from asymformer_ros.files import write_atomically

    model = Model(args.weights, args.profile, EngineCache())
    if args.size:
        from asymformer_ros.engines.onnx_export import export_onnx
        from asymformer_ros.network.checkpoint import load

        try:
            weights = model.pytorch
        except EngineError as error:
            raise EngineError(f"--size is not for a finished graph: {error}") from error
        network, profile = load(weights, args.profile)
        profile = replace(profile, input_size=args.size)
        write_atomically(args.output, export_onnx(network, profile))
    else:
        profile = model.profile
        write_atomically(args.output, model.graph)
    height, width = profile.input_size
    print(f"wrote {args.output}: {profile.network}, {width}x{height}, {profile.label_space}")
    return 0


def _onnx_file(text: str) -> Path:
    path = Path(text)
    if path.suffix != ".onnx" or path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is no file name that ends in .onnx")
    return path


def _size(text: str) -> tuple[int, int]:
    """Height and width; `Profile` refuses what is no multiple of 32."""
    if not re.fullmatch(r"\d+x\d+", text):
        raise argparse.ArgumentTypeError(f"{text} is not WIDTHxHEIGHT, for example 640x480")
    width, height = text.split("x")
    return int(height), int(width)
