"""What surfaces look like: a texture, two colours and a scale, drawn from one shared palette."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from asymformer_ros.simulation.textures import GENERIC_KINDS, texture_bank

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Material:
    """Appearance of a surface: colour = dark + texture * (bright - dark), per channel, linear.

    tile: index in the texture bank. metres: side of one repetition; 0 stretches one over each
    face. glow: light that it gives off. absorption: 0..1, how often a depth camera loses it.
    """

    tile: int
    dark: Colour
    bright: Colour
    metres: float = 1.0
    turned: bool = False
    glow: float = 0.0
    absorption: float = 0.0


def _scaled(colour: Colour, factor: float) -> Colour:
    r, g, b = (min(1.0, max(0.0, c * factor)) for c in colour)
    return (r, g, b)


def random_colour(rng: np.random.Generator) -> Colour:
    """Draw a colour as found indoors: mostly muted and warm, now and then vivid, any lightness."""
    mood = rng.random()
    value = float(rng.beta(1.6, 1.3)) * 0.9 + 0.05
    if mood < 0.35:
        hue, saturation = rng.normal(0.09, 0.04) % 1.0, rng.uniform(0.0, 0.2)
    elif mood < 0.72:
        hue, saturation = rng.normal(0.07, 0.03) % 1.0, rng.uniform(0.2, 0.7)
    else:
        hue, saturation = rng.random(), 0.1 + 0.8 * rng.beta(1.2, 1.8)
    return colorsys.hsv_to_rgb(hue, saturation, value)


def random_material(
    rng: np.random.Generator, kinds: tuple[str, ...] = (), pale: float = 0.0
) -> Material:
    """Draw a material: half the time of the given kinds, else of any kind that all objects share.

    pale: probability that the colour is a light one (painted walls, ceilings, fridges).
    """
    if not kinds or rng.random() < 0.4:
        kinds = ("plain", "plain", "plain", *GENERIC_KINDS)
    kind = str(rng.choice(kinds))
    colour = random_colour(rng)
    if rng.random() < pale:
        hue, _, _ = colorsys.rgb_to_hsv(*colour)
        colour = colorsys.hsv_to_rgb(hue, rng.uniform(0.0, 0.25), rng.uniform(0.6, 0.98))
    other = _scaled(colour, rng.uniform(0.45, 0.9))
    if kind not in ("plain", "wood", "weave", "cloud") and rng.random() < 0.35:
        other = random_colour(rng)
    dark, bright = (other, colour) if rng.random() < 0.7 else (colour, other)
    return Material(
        tile=int(rng.choice(texture_bank().kinds[kind])),
        dark=dark,
        bright=bright,
        metres=float(rng.uniform(0.25, 1.8)),
        turned=bool(rng.random() < 0.5),
        absorption=float(rng.choice([0.0, 0.0, 0.0, 0.12])) + (0.25 if max(colour) < 0.12 else 0.0),
    )


def picture_material(
    rng: np.random.Generator, kind: str = "poster", glow: float = 0.0, absorption: float = 0.0
) -> Material:
    """Draw a picture that is stretched once over each face: poster, spines, outside or print."""
    high = rng.uniform(0.75, 1.0, 3)
    low = rng.uniform(0.0, 0.08, 3)
    return Material(
        tile=int(rng.choice(texture_bank().kinds[kind])),
        dark=(float(low[0]), float(low[1]), float(low[2])),
        bright=(float(high[0]), float(high[1]), float(high[2])),
        metres=0.0,
        glow=glow,
        absorption=absorption,
    )


def skin_material(rng: np.random.Generator) -> Material:
    """Draw a skin tone."""
    tone = float(rng.uniform(0.25, 0.95))
    return Material(
        tile=int(rng.choice(texture_bank().kinds["plain"])),
        dark=(0.75 * tone, 0.5 * tone, 0.38 * tone),
        bright=(0.98 * tone, 0.74 * tone, 0.6 * tone),
    )


def dark_screen(absorption: float) -> Material:
    """A switched-off screen or dark glass."""
    tile = int(texture_bank().kinds["plain"][0])
    return Material(tile, (0.02, 0.02, 0.025), (0.06, 0.06, 0.07), absorption=absorption)
