"""What stands where in each kind of room."""

from __future__ import annotations

import math

import numpy as np

from asymformer_ros.simulation import classes as c
from asymformer_ros.simulation import wall_items as w
from asymformer_ros.simulation.clutter import scatter
from asymformer_ros.simulation.furniture import bathroom, portable, seating, storage, tables
from asymformer_ros.simulation.furniture.parts import Item
from asymformer_ros.simulation.layout import Layout, Spot
from asymformer_ros.simulation.materials import random_material


def _place(
    layout: Layout, item: Item, clutter: float = 0.6, front: float = 0.45, corner: bool = False
) -> Spot | None:
    spot = layout.against_wall(item, front, corner)
    if spot is not None:
        _dress(layout, item, spot, clutter)
    return spot


def _dress(layout: Layout, item: Item, spot: Spot, clutter: float) -> None:
    b = layout.frame(spot)
    for top in item.tops:
        scatter(b, layout.rng, top, clutter)


def _seats_round(layout: Layout, spot: Spot, item: Item, count: int) -> None:
    """Put alike chairs at a table, each facing it."""
    seats = [(0, -1), (0, 1), (-1, 0), (1, 0)]
    order = layout.rng.permutation(4)
    seed = int(layout.rng.integers(1 << 31))
    for i in order[:count]:
        chair = seating.chair(np.random.Generator(np.random.PCG64(seed)))
        dx, dy = seats[int(i)]
        reach = (item.width if dx else item.depth) / 2 + chair.depth * float(
            layout.rng.uniform(0.3, 0.7)
        )
        cos, sin = math.cos(spot.yaw), math.sin(spot.yaw)
        x, y = spot.x + (dx * cos - dy * sin) * reach, spot.y + (dx * sin + dy * cos) * reach
        yaw = spot.yaw + math.atan2(dy, dx) - math.pi / 2 + float(layout.rng.normal(0, 0.12))
        where = Spot(x, y, yaw)
        inside = 0.3 < x < layout.size[0] - 0.3 and 0.3 < y < layout.size[1] - 0.3
        cells = layout.footprint(where, chair.width * 0.7, chair.depth * 0.5)
        own = layout.footprint(spot, item.width, item.depth)
        if inside and not np.any(cells & layout.taken & ~own):
            layout.put(chair, where)


def _chair_at_desk(layout: Layout, spot: Spot, item: Item) -> None:
    chair = seating.chair(layout.rng)
    reach = item.depth / 2 + chair.depth * float(layout.rng.uniform(0.25, 0.8))
    x, y = spot.x + math.sin(spot.yaw) * reach, spot.y - math.cos(spot.yaw) * reach
    turned = spot.yaw + math.pi + float(layout.rng.normal(0, 0.3))
    layout.put(chair, Spot(x, y, turned))


def _desk(layout: Layout) -> None:
    item = tables.desk(layout.rng)
    spot = _place(layout, item, 0.8, front=0.7)
    if spot is not None:
        _chair_at_desk(layout, spot, item)


def _bedroom(layout: Layout) -> None:
    rng = layout.rng
    bed = seating.bed(rng)
    spot = _place(layout, bed, 0.35, front=0.4)
    if spot is not None:
        stand_seed = int(rng.integers(1 << 31))
        for sx in (-1, 1):
            stand = storage.chest(np.random.Generator(np.random.PCG64(stand_seed)), c.NIGHT_STAND)
            away = bed.width / 2 + stand.width / 2 + 0.05
            back = bed.depth / 2 - stand.depth / 2
            cos, sin = math.cos(spot.yaw), math.sin(spot.yaw)
            where = Spot(
                spot.x + sx * away * cos - back * sin,
                spot.y + sx * away * sin + back * cos,
                spot.yaw,
            )
            inside = (
                0.25 < where.x < layout.size[0] - 0.25 and 0.25 < where.y < layout.size[1] - 0.25
            )
            if inside and rng.random() < 0.8 and layout.fits(stand, where):
                layout.put(stand, where)
                _dress(layout, stand, where, 0.95)
    _place(layout, storage.chest(rng, c.DRESSER), 0.8)
    if rng.random() < 0.75:
        _place(layout, storage.chest(rng, c.CABINET), 0.5)
    if rng.random() < 0.4:
        _place(layout, seating.armchair(rng))
    if rng.random() < 0.45:
        _place(layout, storage.shelf(rng))
    if rng.random() < 0.4:
        _desk(layout)
    if rng.random() < 0.4:
        w.mirror(layout, float(rng.uniform(0.4, 0.9)), 1.0, float(rng.uniform(0.5, 0.9)))
    if rng.random() < 0.4:
        w.hung_cloth(layout, c.CLOTHES)


def _living_room(layout: Layout) -> None:
    rng = layout.rng
    first = seating.sofa(rng)
    spot = _place(layout, first, front=1.0)
    if spot is not None and rng.random() < 0.8:
        low = tables.table(rng, c.TABLE, float(rng.uniform(0.36, 0.48)))
        reach = first.depth / 2 + low.depth / 2 + 0.35
        where = Spot(
            spot.x + math.sin(spot.yaw) * reach, spot.y - math.cos(spot.yaw) * reach, spot.yaw
        )
        if layout.fits(low, where):
            layout.put(low, where)
            _dress(layout, low, where, 0.7)
    if rng.random() < 0.7:
        _place(layout, storage.media_stand(rng))
    for _ in range(int(rng.integers(0, 3))):
        _place(layout, seating.armchair(rng), front=0.5)
    if rng.random() < 0.5:
        _place(layout, seating.sofa(rng), front=0.7)
    for make in (
        storage.shelf,
        lambda r: storage.chest(r, c.CABINET),
        storage.shelf,
        portable.floor_lamp,
        portable.plant,
        seating.ottoman,
    ):
        if rng.random() < 0.6:
            _place(layout, make(rng), front=0.2)
    if rng.random() < 0.4:
        item = tables.table(rng, c.TABLE, float(rng.uniform(0.7, 0.78)))
        where_ = layout.anywhere(item, turned=False, margin=0.5)
        if where_ is not None:
            _dress(layout, item, where_, 0.6)
            _seats_round(layout, where_, item, int(rng.integers(2, 5)))


def _office(layout: Layout) -> None:
    rng = layout.rng
    for _ in range(int(rng.integers(1, 4))):
        _desk(layout)
    for _ in range(int(rng.integers(0, 3))):
        _place(layout, storage.shelf(rng, int(rng.choice([c.BOOKSHELF, c.SHELVES]))))
    _place(layout, storage.chest(rng, c.CABINET), 0.6)
    if rng.random() < 0.6:
        w.whiteboard(layout)
    if rng.random() < 0.5:
        item = tables.table(rng, c.TABLE, 0.74)
        spot = layout.anywhere(item, turned=False, margin=0.4)
        if spot is not None:
            _dress(layout, item, spot, 0.6)
            _seats_round(layout, spot, item, int(rng.integers(1, 5)))


def _kitchen(layout: Layout) -> None:
    rng = layout.rng
    for _ in range(int(rng.integers(1, 4))):
        item = tables.counter(rng)
        spot = _place(layout, item, 0.8, corner=bool(rng.random() < 0.5))
        if spot is not None and rng.random() < 0.75:
            w.hanging_cabinet(layout, spot, item.width)
    _place(layout, storage.fridge(rng), 0.4)
    item = tables.table(rng, c.TABLE, float(rng.uniform(0.7, 0.78)))
    spot = layout.anywhere(item, turned=False, margin=0.4)
    if spot is not None:
        _dress(layout, item, spot, 0.7)
        _seats_round(layout, spot, item, int(rng.integers(2, 5)))
    if rng.random() < 0.5:
        w.hung_cloth(layout, c.TOWEL)
    if rng.random() < 0.4:
        _place(layout, storage.shelf(rng, c.SHELVES))


def _bathroom(layout: Layout) -> None:
    rng = layout.rng
    _place(layout, bathroom.bathtub(rng), front=0.3, corner=True)
    _place(layout, bathroom.toilet(rng), 0.5, front=0.3)
    basin = bathroom.washbasin(rng)
    spot = _place(layout, basin, 0.9, front=0.4)
    if spot is not None:
        w.mirror_over(layout, spot, float(rng.uniform(0.4, 0.8)), 1.1, 0.8)
    for _ in range(int(rng.integers(1, 3))):
        w.hung_cloth(layout, c.TOWEL)
    if rng.random() < 0.5:
        _place(layout, storage.chest(rng, c.CABINET), 0.6, front=0.2)


def _corridor(layout: Layout) -> None:
    rng = layout.rng
    for _ in range(int(rng.integers(1, 4))):
        w.door(layout)
    for make in (
        storage.shelf,
        lambda r: storage.chest(r, c.CABINET),
        portable.plant,
        seating.chair,
        lambda r: storage.chest(r, c.DRESSER),
    ):
        if rng.random() < 0.6:
            _place(layout, make(rng), 0.6, front=0.3)
    if rng.random() < 0.5:
        w.hung_cloth(layout, c.CLOTHES)


def _study(layout: Layout) -> None:
    rng = layout.rng
    _desk(layout)
    for _ in range(int(rng.integers(1, 4))):
        _place(layout, storage.shelf(rng))
    for make in (
        seating.armchair,
        portable.floor_lamp,
        lambda r: storage.chest(r, c.CABINET),
        storage.media_stand,
    ):
        if rng.random() < 0.5:
            _place(layout, make(rng))


#: How each kind of room is furnished.
FURNISH = {
    "bedroom": _bedroom,
    "living room": _living_room,
    "office": _office,
    "kitchen": _kitchen,
    "bathroom": _bathroom,
    "corridor": _corridor,
    "study": _study,
}


def add_extras(layout: Layout) -> None:
    """What any room may hold: pictures, shelves, mats, boxes, bags, people."""
    rng = layout.rng
    for _ in range(int(rng.integers(1, 6))):
        w.picture(layout)
    if rng.random() < 0.3:
        w.hanging_shelf(layout)
    if rng.random() < 0.15:
        w.mirror(layout, float(rng.uniform(0.4, 0.8)), 1.0, 0.8)
    for make, chance in (
        (portable.boxes, 0.4),
        (portable.boxes, 0.25),
        (portable.bag, 0.3),
        (portable.bin_, 0.35),
        (seating.chair, 0.25),
        (portable.plant, 0.2),
        (portable.floor_lamp, 0.2),
        (seating.ottoman, 0.15),
    ):
        if rng.random() < chance:
            layout.anywhere(make(rng))
    for _ in range(int(rng.choice([0, 1, 2], p=[0.6, 0.3, 0.1]))):
        layout.anywhere(portable.person(rng))
    if rng.random() < 0.5:
        x, y, _ = layout.size
        wide, deep = float(rng.uniform(0.5, 0.6 * x)), float(rng.uniform(0.4, 0.5 * y))
        at = (
            float(rng.uniform(wide / 2, x - wide / 2)),
            float(rng.uniform(deep / 2, y - deep / 2)),
            0.0,
        )
        layout.builder.box(
            c.FLOOR_MAT,
            random_material(rng, ("ornament", "weave", "stripes", "plaid")),
            (wide, deep, 0.012),
            at,
        )
