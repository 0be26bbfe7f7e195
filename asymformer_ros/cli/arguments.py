"""Argument types that refuse what cannot work."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from asymformer_ros.network.profile import OFFICIAL

if TYPE_CHECKING:
    from asymformer_ros.perception.depth_unit import DepthUnit


def positive_number(text: str) -> float:
    """A finite number above zero."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above zero")
    return value


def not_negative_number(text: str) -> float:
    """A finite number of zero or more."""
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is below zero or no finite number")
    return value


def positive_integer(text: str) -> int:
    """A whole number above zero."""
    value = int(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not above zero")
    return value


def add_weights(parser: argparse.ArgumentParser) -> None:
    """Declare what names the weights and where things made from them are kept."""
    parser.add_argument("--weights", default="asymformer-nano", help="bundled name or a file")
    parser.add_argument(
        "--profile", default="", help=f"preprocessing of official weights: {', '.join(OFFICIAL)}"
    )
    parser.add_argument(
        "--cache-dir", default="", help="folder of built engines (default ~/.cache/asymformer_ros)"
    )


def depth_unit(text: str) -> DepthUnit:
    """A declared unit of depth; see `parse_depth_unit`."""
    from asymformer_ros.perception.depth_unit import parse_depth_unit

    try:
        return parse_depth_unit(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
