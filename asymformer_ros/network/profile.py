"""What a set of weights expects of its input and says with its output."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

#: Name under which weights files carry their profile.
METADATA_KEY = "asymformer_profile"


class CheckpointError(RuntimeError):
    """Weights cannot be used; the message says which file or entry is wrong and what to do."""


@dataclass(frozen=True)
class Profile:
    """Preprocessing and label space that belong to one set of weights.

    input_size: height and width in pixels, multiples of 32. channel_order: ``rgb`` or ``bgr``, the
    order in which the network takes colour and in which mean and std are given. rgb_mean, rgb_std:
    for values in 0..1. depth_scale: network units per metre. depth_mean, depth_std: in network
    units. depth_holes: value of a pixel without a reading, ``zero`` (0 m, then normalised) or
    ``mean`` (0 after normalisation). depth_normalisation: ``fixed``, by these alone, or
    ``percentile``: by each frame's own range first, see `relative_depth`, which leaves no holes.
    label_space: name of the classes.
    """

    network: str
    label_space: str
    num_classes: int
    input_size: tuple[int, int] = (480, 640)
    channel_order: str = "rgb"
    rgb_mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    rgb_std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    depth_scale: float = 1.0
    depth_mean: float = 2.8424503515351494
    depth_std: float = 0.9932836506164299
    depth_holes: str = "zero"
    depth_normalisation: str = "fixed"

    def __post_init__(self) -> None:
        height, width = self.input_size
        if height <= 0 or width <= 0 or height % 32 or width % 32:
            raise CheckpointError(f"input size {width}x{height} is not a multiple of 32")
        if not all(deviation > 0 for deviation in (*self.rgb_std, self.depth_std)):
            raise CheckpointError("a standard deviation of the profile is not above zero")
        if self.channel_order not in ("rgb", "bgr"):
            raise CheckpointError(f"channel order {self.channel_order!r} is neither rgb nor bgr")
        if self.depth_holes not in ("zero", "mean"):
            raise CheckpointError(f"depth holes {self.depth_holes!r} are neither zero nor mean")
        if self.depth_normalisation not in ("fixed", "percentile"):
            raise CheckpointError(
                f"depth normalisation {self.depth_normalisation!r} is neither fixed nor percentile"
            )

    def to_json(self) -> str:
        """One line of JSON, the form in which weights files carry it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Profile:
        """Read what `to_json` wrote; raises CheckpointError."""
        try:
            values: dict[str, Any] = json.loads(text)
            known = {field.name for field in fields(cls)}
            if unknown := sorted(set(values) - known):
                raise CheckpointError(f"unknown profile entry {unknown[0]!r}: update the package")
            tuples: Any = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
            return cls(**tuples)
        except (AttributeError, TypeError, ValueError) as error:
            raise CheckpointError(f"the profile in the weights is damaged: {error}") from error


_NYU_MEAN = (0.4850042694973687, 0.41627756261047333, 0.3981809741523051)
_NYU_STD = (0.26415541082494515, 0.2728415392982039, 0.2831175140191598)
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)


#: Names of the official preprocessing; the first is that of the released evaluation script.
OFFICIAL = (
    "nyu-bgr",
    "nyu-rgb",
    "imagenet-bgr",
    "imagenet-rgb",
    "nyu-rgb-percentile",
    "imagenet-rgb-percentile",
)


def official_profile(name: str, num_classes: int) -> Profile:
    """Preprocessing of the official weights by its name, one of `OFFICIAL`.

    The official repository publishes two mean/std sets, and its released loader hands the network
    B, G, R (``cv2.COLOR_BGR2RGB`` passed as a read flag). Weights of its train_enhanced.py take
    depth by percentiles, with ``imagenet`` in training and ``nyu`` in eval_enhanced.py. 37 classes
    are SUN RGB-D, whose loader divides the 1/8 mm depth by 10000. Raises CheckpointError.
    """
    if name not in OFFICIAL:
        raise CheckpointError(f"unknown profile {name!r}: choose one of {', '.join(OFFICIAL)}")
    if num_classes not in (37, 40):
        raise CheckpointError(
            f"the checkpoint has {num_classes} classes: official ones have 40 (NYUv2) or 37 (SUN)"
        )
    statistics, order, *depth = name.split("-")
    nyu, sun = statistics == "nyu", num_classes == 37
    return Profile(
        network="asymformer-t",
        label_space="sunrgbd37" if sun else "nyu40",
        num_classes=num_classes,
        channel_order=order,
        rgb_mean=_NYU_MEAN if nyu else _IMAGENET_MEAN,
        rgb_std=_NYU_STD if nyu else _IMAGENET_STD,
        depth_scale=0.8 if sun else 1.0,
        depth_normalisation="percentile" if depth else "fixed",
    )
