"""`asymformer build`: make the engines of this machine ahead of time."""

from __future__ import annotations

import argparse

from asymformer_ros.cli.arguments import add_weights


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    add_weights(parser)
    parser.add_argument("--engine", default="auto", help="build this one only (default auto)")


def run(args: argparse.Namespace) -> int:
    """Build what the node would take; returns the exit code."""
    from asymformer_ros.engines.cache import EngineCache
    from asymformer_ros.engines.choose import open_model
    from asymformer_ros.engines.engine import EngineError
    from asymformer_ros.engines.model import Model

    cache = EngineCache(args.cache_dir)
    if fault := cache.fault():
        raise EngineError(f"{cache.folder} takes no files ({fault}): give another --cache-dir")
    loaded = open_model(Model(args.weights, args.profile, cache), args.engine)
    loaded.engine.close()
    print(f"{args.weights} on {loaded.sentence}")
    return 1 if cache.lost else 0
