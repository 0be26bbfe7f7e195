"""Entry point of the `asymformer` command."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module

from asymformer_ros.perception.frame_drops import is_for_users

_VERBS = {
    "demo": "Run the node on a simulated camera and score it.",
    "replay": "Run the node on a recording: a bag or a folder of images.",
    "segment": "Label one colour image and its depth image.",
    "record-demo": "Write a bag of a simulated room, with its true labels.",
    "evaluate": "Score weights on a recording, a data set or simulated rooms.",
    "compare": "Put two evaluations side by side.",
    "export": "Turn weights into an ONNX deploy graph.",
    "build": "Make the engines of this machine ahead of time.",
    "doctor": "Tell which engines work here, and why the others do not.",
    "bench": "Time every engine that works here against the plain network.",
    "soak": "Run the node for an hour on a camera that goes wrong, and watch its memory.",
    "train": "Train the bundled weights again.",
}
_INTERRUPTED = 130
_EXTRAS = {
    "rclpy": "ros",
    "onnxruntime": "cpu",
    "torch": "train",
    "onnx": "train",
    "rosbags": "evaluate",
    "tqdm": "evaluate",
    "jinja2": "evaluate",
}


def program() -> None:
    """The command as a process of its own: ends it with the exit code of `main`.

    SIGTERM cleans up as Ctrl-C does.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        try:
            code = main()
        finally:
            for stream in (sys.stdout, sys.stderr):
                if stream is not None:  # closed by whoever started this
                    stream.flush()
    except BrokenPipeError:
        # Whoever read our output wants no more of it, nor a word about that; `head` does so.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 1
    if code == _INTERRUPTED:
        # A thread that is still loading a network would abort the process on its way out.
        os._exit(code)
    sys.exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and run a verb; returns the exit code.

    Raises BrokenPipeError where nobody reads the output any more.
    """
    args = argparse.Namespace(verb="")
    try:
        args = _parsed(arguments)
        logging.basicConfig(format="%(message)s")
        logging.getLogger("asymformer_ros").setLevel(logging.INFO)
        code: int = args.run(args)
        return code
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        message, code = "interrupted", _INTERRUPTED
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get(error.name or "", "ros")
        message, code = f"{error.name} is not installed: pip install '.[{extra}]'", 1
    except (OSError, RuntimeError, ValueError) as error:
        # Errors of this package are sentences for users; others are faults, with a traceback.
        if not isinstance(error, OSError) and not is_for_users(error):
            raise
        message, code = _sentence(error), 1
    print(f"{f'asymformer {args.verb}'.strip()}: {message}", file=sys.stderr)
    return code


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="asymformer", description="RGB-D semantic segmentation.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, purpose in _VERBS.items():
        verb = verbs.add_parser(name, help=purpose, description=purpose)
        module = import_module(f"asymformer_ros.cli.{name.replace('-', '_')}")
        module.add_arguments(verb)
        verb.set_defaults(run=module.run)
    return parser.parse_args(arguments)


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)
