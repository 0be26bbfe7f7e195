"""`asymformer doctor`: what runs here, what does not, and why."""

from __future__ import annotations

import argparse
import platform
from collections.abc import Iterable
from importlib import metadata

import asymformer_ros
from asymformer_ros.cli.arguments import add_weights

_PACKAGES = (
    "tensorrt",
    "pycuda",
    "cuda-bindings",
    "torch",
    "openvino",
    "onnxruntime",
    "onnxruntime-gpu",
    "onnx",
    "numpy",
    "opencv-python-headless",
    "rclpy",
)
_MEGABYTE = 1e6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    add_weights(parser)


def run(args: argparse.Namespace) -> int:
    """Try every engine and print what was found; returns the exit code, 1 if none works."""
    from asymformer_ros.engines.cache import EngineCache
    from asymformer_ros.engines.candidates import candidates
    from asymformer_ros.engines.choose import check_frame
    from asymformer_ros.engines.engine import EngineError, first_line
    from asymformer_ros.engines.failover import open_checked
    from asymformer_ros.engines.model import Model
    from asymformer_ros.engines.nvidia import require_gpu
    from asymformer_ros.network.profile import CheckpointError

    print(f"asymformer_ros  {asymformer_ros.__version__}")
    print(f"python          {platform.python_version()} on {platform.platform()}")
    try:
        gpu = require_gpu()
        print(f"GPU             {gpu.name}, sm {gpu.compute_capability}, CUDA {gpu.cuda}")
    except EngineError as error:
        print(f"GPU             none: {error}")
    print(f"packages        {', '.join(_versions(_PACKAGES))}")

    cache = EngineCache(args.cache_dir)
    model = Model(args.weights, args.profile, cache)
    works = 0
    print(f"\nengines for {args.weights}, in the order in which 'auto' takes them")
    for candidate in candidates(model, "auto"):
        try:
            checked = open_checked(candidate, lambda: check_frame(model))
        except CheckpointError:
            raise  # no engine can run these weights
        except Exception as error:
            print(f"  {candidate.name:<17} no   {first_line(error)}")
        else:
            print(f"  {candidate.name:<17} yes  self-check {checked.agreement:.2%}")
            works += 1
            checked.thread.close()

    entries = cache.entries()
    print(f"\ncache {cache.folder}{'' if entries else ': empty'}")
    for entry in entries:
        state = "" if entry.whole else "  damaged: it will be made again"
        print(f"  {entry.size / _MEGABYTE:9.1f} MB  {entry.name}{state}")
    return 0 if works else 1


def _versions(packages: Iterable[str]) -> list[str]:
    found = []
    for name in packages:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return found
