"""What a recording holds, as lines on the console."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asymformer_ros.evaluation.recordings import Recording

_WORDS = {"color": "colour", "depth": "depth", "labels": "labels"}


def describe(path: Path, recording: Recording) -> None:
    """Print its streams and what its user should be warned of."""
    print(path)
    for stream, source in recording.sources.items():
        line = f"  {_WORDS[stream]}: {recording.counts[stream]} images of {source}"
        if (first := recording.first.get(stream)) is not None:
            line += f", {first.message}"
        print(line)
    for warning in recording.warnings:
        print(f"warning: {warning}")
