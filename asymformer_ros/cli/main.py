"""Entry point of the `asymformer` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

_VERBS = {
    "demo": "run the node on a simulated camera and score it",
    "replay": "run the node on a recording: a bag or a folder of images",
    "evaluate": "score weights on NYUv2 frames and on simulated rooms",
    "export": "turn PyTorch weights into an ONNX deploy graph",
    "train": "train the bundled weights again",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and run a verb; returns the exit code."""
    parser = argparse.ArgumentParser(prog="asymformer", description="RGB-D semantic segmentation.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, purpose in _VERBS.items():
        verb = verbs.add_parser(name, help=purpose, description=f"{purpose.capitalize()}.")
        module = import_module(f"asymformer_ros.cli.{name}")
        module.add_arguments(verb)
        verb.set_defaults(run=module.run)
    args = parser.parse_args(arguments)
    try:
        code: int = args.run(args)
    except KeyboardInterrupt:
        print(f"\nasymformer {args.verb}: interrupted", file=sys.stderr)
        return 130
    return code
