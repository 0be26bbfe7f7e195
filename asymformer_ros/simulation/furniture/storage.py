"""Chests, shelves, refrigerators. Local frame: centre of the footprint, back towards +y."""

from __future__ import annotations

from asymformer_ros.simulation import classes as c
from asymformer_ros.simulation.furniture.parts import (
    HARD,
    WOOD,
    Item,
    Rng,
    Top,
)
from asymformer_ros.simulation.materials import (
    Material,
    dark_screen,
    picture_material,
    random_material,
)
from asymformer_ros.simulation.mesh import Builder


def chest(rng: Rng, label: int) -> Item:
    """A box with drawers or doors in front: cabinet, dresser, night stand, wardrobe."""
    size = {
        c.NIGHT_STAND: ((0.4, 0.55), (0.35, 0.45), (0.45, 0.65)),
        c.DRESSER: ((0.8, 1.5), (0.42, 0.55), (0.75, 1.2)),
        c.CABINET: ((0.6, 1.6), (0.35, 0.6), (0.7, 2.1)),
    }[label]
    w, d, h = (float(rng.uniform(*span)) for span in size)
    body = random_material(rng, WOOD)
    front = body if rng.random() < 0.6 else random_material(rng, WOOD)
    knob = random_material(rng, HARD)
    columns = max(1, round(w / rng.uniform(0.4, 0.7)))
    rows = max(
        1, round(h / (rng.uniform(0.2, 0.32) if label != c.CABINET else rng.uniform(0.4, 1.2)))
    )
    open_front = label == c.NIGHT_STAND and rng.random() < 0.4

    def build(b: Builder) -> None:
        if open_front:
            b.box(label, body, (w, d, 0.03), (0, 0, h - 0.03))
            b.box(label, body, (w, d, h * 0.45), (0, 0, 0.05))
            for sx in (-1, 1):
                b.box(label, body, (0.03, d, h - 0.03), (sx * (w / 2 - 0.015), 0, 0))
            b.box(label, body, (w, 0.02, h - 0.03), (0, d / 2 - 0.01, 0))
            return
        b.box(label, body, (w, d, h - 0.06), (0, 0, 0.06))
        b.box(label, body, (w * 0.92, d * 0.9, 0.06), (0, 0.02, 0))
        pw, ph = (w - 0.04) / columns, (h - 0.12) / rows
        for i in range(columns):
            for j in range(rows):
                x, z = (i + 0.5) * pw - (w - 0.04) / 2, 0.09 + j * ph
                b.box(label, front, (pw - 0.025, 0.024, ph - 0.025), (x, -d / 2 - 0.008, z))
                b.box(
                    label, knob, (min(0.12, pw * 0.3), 0.03, 0.02), (x, -d / 2 - 0.03, z + ph * 0.6)
                )

    return Item(w, d + 0.08, h, build, [Top(0, 0, h, w * 0.9, d * 0.85, "chest")])


def shelf(rng: Rng, label: int = c.BOOKSHELF) -> Item:
    """An open shelf filled with books (bookshelf) or with odds and ends (shelves)."""
    w, d, h = rng.uniform(0.6, 1.4), rng.uniform(0.25, 0.38), rng.uniform(1.0, 2.2)
    wood = random_material(rng, WOOD)
    rows = max(2, round(h / rng.uniform(0.3, 0.45)))
    gap = (h - 0.08) / rows
    fills: list[list[tuple[float, float, float, float, int, Material]]] = []
    for _ in range(rows):
        row, x = [], -w / 2 + 0.04
        while x < w / 2 - 0.1:
            if label == c.BOOKSHELF and rng.random() < 0.75:
                length = min(rng.uniform(0.12, 0.5), w / 2 - 0.04 - x)
                high, deep = gap * rng.uniform(0.55, 0.85), d * rng.uniform(0.6, 0.85)
                row.append(
                    (x + length / 2, length, high, deep, c.BOOKS, picture_material(rng, "spines"))
                )
                x += length + rng.choice([0.0, 0.0, 0.08])
            elif rng.random() < 0.6:
                length = min(rng.uniform(0.08, 0.3), w / 2 - 0.04 - x)
                kind = int(rng.choice([c.BOX, c.OTHER_PROP, c.BOOKS, c.OTHER_PROP]))
                m = random_material(rng) if kind != c.BOOKS else picture_material(rng, "spines")
                row.append(
                    (x + length / 2, length * 0.9, gap * rng.uniform(0.3, 0.8), d * 0.7, kind, m)
                )
                x += length
            else:
                x += rng.uniform(0.05, 0.25)
        fills.append(row)

    def build(b: Builder) -> None:
        for sx in (-1, 1):
            b.box(label, wood, (0.03, d, h), (sx * (w / 2 - 0.015), 0, 0))
        b.box(label, wood, (w - 0.05, 0.015, h), (0, d / 2 - 0.01, 0))
        for j in range(rows + 1):
            b.box(label, wood, (w - 0.06, d - 0.02, 0.025), (0, 0, 0.05 + j * gap - 0.0125))
        for j, row in enumerate(fills):
            for x, length, high, deep, kind, m in row:
                b.box(kind, m, (length, deep, high), (x, (d - deep) / 2 - 0.03, 0.0625 + j * gap))

    return Item(w, d, h, build, [Top(0, 0, h, w * 0.9, d * 0.8, "chest")])


def fridge(rng: Rng) -> Item:
    """A refrigerator with one or two doors and handles."""
    w, d, h = rng.uniform(0.55, 0.9), rng.uniform(0.6, 0.75), rng.uniform(1.4, 1.9)
    body, handle = random_material(rng, HARD, pale=0.5), random_material(rng, HARD)
    split = rng.uniform(0.55, 0.75) * h
    side = float(rng.choice([-1, 1]))

    def build(b: Builder) -> None:
        b.box(c.REFRIGERATOR, body, (w, d - 0.06, h), (0, 0.03, 0))
        for z, high in ((0.06, split - 0.07), (split, h - split)):
            b.box(c.REFRIGERATOR, body, (w * 0.99, 0.06, high), (0, -d / 2 + 0.03, z))
            b.box(
                c.REFRIGERATOR,
                handle,
                (0.03, 0.04, high * 0.5),
                (side * w * 0.4, -d / 2 - 0.02, z + high * 0.25),
            )

    return Item(w, d + 0.06, h, build, [Top(0, 0, h, w * 0.8, d * 0.6, "chest")])


def media_stand(rng: Rng) -> Item:
    """A low cabinet with a television on it."""
    w, d, h = rng.uniform(1.0, 1.6), 0.42, rng.uniform(0.4, 0.6)
    body, front = random_material(rng, WOOD), random_material(rng, WOOD)
    tv_w = rng.uniform(0.7, min(1.3, w))
    on = rng.random() < 0.35
    rim = random_material(rng, ("plain",))
    screen = picture_material(rng, "poster", 0.8, 0.6) if on else dark_screen(0.85)

    def build(b: Builder) -> None:
        b.box(c.CABINET, body, (w, d, h), (0, 0, 0))
        for i in (-1, 0, 1):
            b.box(
                c.CABINET, front, (w / 3 - 0.03, 0.02, h - 0.1), (i * w / 3, -d / 2 - 0.005, 0.05)
            )
        high = tv_w * 0.58
        b.box(c.TELEVISION, rim, (0.3, 0.16, 0.02), (0, 0.05, h))
        b.box(c.TELEVISION, rim, (0.08, 0.03, 0.1), (0, 0.07, h))
        b.box(c.TELEVISION, rim, (tv_w, 0.05, high), (0, 0.05, h + 0.06))
        b.box(c.TELEVISION, screen, (tv_w - 0.05, 0.01, high - 0.05), (0, 0.025, h + 0.085))

    return Item(w, d + 0.03, h + tv_w * 0.58 + 0.08, build)
