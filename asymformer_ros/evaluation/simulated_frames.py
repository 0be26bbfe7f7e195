"""Rooms of the simulation as labelled frames."""

from __future__ import annotations

from collections.abc import Sequence

from asymformer_ros.evaluation.labelled_frames import LabelledFrame, LabelledFrames
from asymformer_ros.simulation import Intrinsics, random_view


def simulated_frames(seeds: Sequence[int], width: int, height: int) -> LabelledFrames:
    """One view of one room a seed, rendered when it is read."""
    return LabelledFrames(
        label_space="nyu40",
        settings={"rooms": str(len(seeds)), "size": f"{width}x{height}"},
        names=tuple(f"room {seed}" for seed in seeds),
        read=lambda index: render_room(seeds[index], width, height),
    )


def render_room(seed: int, width: int, height: int) -> LabelledFrame:
    """A random view of the room of that seed, with sensor noise."""
    frame = random_view(seed, Intrinsics().scaled(width, height))
    return LabelledFrame(f"room {seed}", frame.rgb, frame.depth_m, frame.labels)
