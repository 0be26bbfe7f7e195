"""Small things that lie on tables, desks, counters, chests and beds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from asymformer_ros.simulation import classes as c
from asymformer_ros.simulation.furniture.parts import CLOTH, HARD, Top, lamp_parts
from asymformer_ros.simulation.furniture.portable import bag
from asymformer_ros.simulation.materials import dark_screen, picture_material, random_material
from asymformer_ros.simulation.mesh import Builder

Rng = np.random.Generator

#: What is found on each kind of surface.
_MENU = {
    "table": ("books", "cup", "bowl", "paper", "bottle", "box", "bag", "cup", "vase"),
    "desk": ("monitor", "keyboard", "paper", "books", "lamp", "cup", "paper", "box"),
    "chest": ("lamp", "books", "bottle", "vase", "box", "frame", "cup"),
    "kitchen": ("bottle", "appliance", "bowl", "cup", "towel", "box", "bottle"),
    "bath": ("bottle", "towel", "cup"),
    "bed": ("clothes", "bag", "books", "towel", "clothes"),
}

#: Radius and height in metres, and the outline as shares of them.
_VESSELS: dict[str, tuple[float, float, list[tuple[float, float]]]] = {
    "cup": (0.04, 0.1, [(0.8, 0), (1, 1)]),
    "bowl": (0.11, 0.08, [(0.4, 0), (0.8, 0.5), (1, 1)]),
    "bottle": (0.035, 0.26, [(1, 0), (1, 0.6), (0.4, 0.8), (0.4, 1)]),
    "vase": (0.07, 0.3, [(0.5, 0), (1, 0.4), (0.5, 0.8), (0.7, 1)]),
}


def _vessel(b: Builder, rng: Rng, kind: str) -> None:
    radius, height, outline = _VESSELS[kind]
    radius *= rng.uniform(0.8, 1.2)
    height *= rng.uniform(0.8, 1.2)
    profile = [(radius * r, height * z) for r, z in outline]
    b.lathe(c.OTHER_PROP, random_material(rng, HARD), profile)


def _lamp(b: Builder, rng: Rng, room: float) -> None:
    lamp_parts(rng, float(rng.uniform(0.35, 0.6)))(b)


def _books(b: Builder, rng: Rng, room: float) -> None:
    z = 0.0
    for _ in range(int(rng.integers(1, 5))):
        high = float(rng.uniform(0.015, 0.05))
        size = (min(room, float(rng.uniform(0.14, 0.24))), float(rng.uniform(0.18, 0.28)), high)
        m = picture_material(rng) if rng.random() < 0.4 else random_material(rng)
        b.at(0, 0, z, rng.uniform(-0.3, 0.3)).box(c.BOOKS, m, size)
        z += high


def _paper(b: Builder, rng: Rng, room: float) -> None:
    for _ in range(int(rng.integers(1, 4))):
        x, y, yaw = rng.uniform(-0.06, 0.06), rng.uniform(-0.05, 0.05), rng.uniform(-0.6, 0.6)
        m = picture_material(rng, "print")
        b.at(x, y, 0, yaw).box(c.PAPER, m, (0.21, 0.29, float(rng.uniform(0.003, 0.012))))


def _box(b: Builder, rng: Rng, room: float) -> None:
    wide = min(room, float(rng.uniform(0.1, 0.3)))
    size = (wide, float(rng.uniform(0.1, 0.25)), float(rng.uniform(0.06, 0.25)))
    b.at(0, 0, 0, rng.uniform(-0.4, 0.4)).box(c.BOX, random_material(rng), size)


def _bag(b: Builder, rng: Rng, room: float) -> None:
    bag(rng).build(b.at(0, 0, 0, rng.uniform(-0.5, 0.5)))


def _monitor(b: Builder, rng: Rng, room: float) -> None:
    w = min(room, float(rng.uniform(0.4, 0.6)))
    rim = random_material(rng, ("plain",))
    on = rng.random() < 0.5
    screen = picture_material(rng, "print", 0.8, 0.4) if on else dark_screen(0.7)
    b.box(c.OTHER_PROP, rim, (0.22, 0.16, 0.02), (0, 0.05, 0))
    b.box(c.OTHER_PROP, rim, (0.05, 0.04, 0.14), (0, 0.08, 0))
    b.box(c.OTHER_PROP, rim, (w, 0.05, w * 0.62), (0, 0.05, 0.1))
    b.box(c.OTHER_PROP, screen, (w - 0.04, 0.01, w * 0.62 - 0.04), (0, 0.024, 0.12))


def _keyboard(b: Builder, rng: Rng, room: float) -> None:
    b.box(c.OTHER_PROP, random_material(rng, ("tiles", "checker")), (min(room, 0.44), 0.15, 0.02))


def _appliance(b: Builder, rng: Rng, room: float) -> None:
    """A microwave oven or its like."""
    w = min(room, float(rng.uniform(0.25, 0.5)))
    d, h = float(rng.uniform(0.2, 0.34)), float(rng.uniform(0.2, 0.32))
    b.box(c.OTHER_PROP, random_material(rng, HARD), (w, d, h))
    b.box(c.OTHER_PROP, dark_screen(0.5), (w * 0.65, 0.01, h * 0.7), (-w * 0.1, -d / 2, h * 0.15))


def _frame(b: Builder, rng: Rng, room: float) -> None:
    w, h = float(rng.uniform(0.12, 0.25)), float(rng.uniform(0.12, 0.28))
    b.box(c.PICTURE, random_material(rng), (w, 0.02, h))
    b.box(c.PICTURE, picture_material(rng), (w * 0.8, 0.005, h * 0.8), (0, -0.011, h * 0.1))


def _heap(b: Builder, rng: Rng, label: int, room: float) -> None:
    """Folded cloth in one to three layers."""
    m = random_material(rng, CLOTH)
    w, d = min(room, float(rng.uniform(0.2, 0.5))), float(rng.uniform(0.15, 0.35))
    for level, share in enumerate((1.0, 0.85, 0.6)[: int(rng.integers(1, 4))]):
        layer = b.at(rng.uniform(-0.03, 0.03), 0, level * 0.045, rng.uniform(-0.3, 0.3))
        layer.box(label, m, (w * share, d * share, 0.05))


_THINGS: dict[str, Callable[[Builder, Rng, float], None]] = {
    "lamp": _lamp,
    "books": _books,
    "paper": _paper,
    "box": _box,
    "bag": _bag,
    "monitor": _monitor,
    "keyboard": _keyboard,
    "appliance": _appliance,
    "frame": _frame,
    "towel": lambda b, rng, room: _heap(b, rng, c.TOWEL, room),
    "clothes": lambda b, rng, room: _heap(b, rng, c.CLOTHES, room),
}


def scatter(b: Builder, rng: Rng, top: Top, density: float) -> None:
    """Put things in a row on a surface, each in a slot of its own; density: share of slots used."""
    slots = max(1, int(top.width / 0.34))
    room = top.width / slots
    for i in range(slots):
        if rng.random() > density:
            continue
        x = top.x + (i + 0.5) * room - top.width / 2
        y = top.y + rng.uniform(-0.25, 0.25) * max(top.depth - 0.25, 0.0)
        kind = str(rng.choice(_MENU[top.kind]))
        place = b.at(x, y, top.z)
        if kind in _VESSELS:
            _vessel(place, rng, kind)
        else:
            _THINGS[kind](place, rng, room * 0.95)
