"""Things to sit and lie on. Local frame: centre of the footprint, back towards +y."""

from __future__ import annotations

from asymformer_ros.simulation import classes as c
from asymformer_ros.simulation.furniture.parts import (
    CLOTH,
    WOOD,
    Item,
    Rng,
    Top,
    legs,
    pillow,
)
from asymformer_ros.simulation.materials import (
    random_material,
)
from asymformer_ros.simulation.mesh import Builder


def chair(rng: Rng) -> Item:
    """A kitchen, office or arm chair; its back is at +y."""
    w, d = rng.uniform(0.4, 0.55), rng.uniform(0.4, 0.55)
    seat, back = rng.uniform(0.42, 0.5), rng.uniform(0.35, 0.6)
    frame, cloth = random_material(rng, WOOD), random_material(rng, CLOTH)
    style = rng.choice(["four", "four", "office", "slats", "arms"])
    thick = rng.uniform(0.025, 0.05)
    pad = rng.uniform(0.03, 0.09)

    def build(b: Builder) -> None:
        if style == "office":
            for i in range(5):
                b.at(0, 0, 0, i * 1.257).box(
                    c.CHAIR, frame, (w * 0.6, 0.04, 0.05), (w * 0.25, 0, 0.03)
                )
            b.lathe(c.CHAIR, frame, [(0.03, 0.05), (0.03, seat)], sides=6)
        else:
            legs(b, c.CHAIR, frame, w, d, seat, thick, False)
        b.box(c.CHAIR, cloth, (w, d, pad), (0, 0, seat))
        if style == "slats":
            for x in (-0.42, 0.42):
                b.box(c.CHAIR, frame, (thick, thick, back + pad), (x * w, d / 2 - thick, seat))
            for i in range(4):
                b.box(
                    c.CHAIR,
                    frame,
                    (w * 0.8, 0.02, back * 0.13),
                    (0, d / 2 - thick, seat + pad + back * (0.15 + 0.22 * i)),
                )
        else:
            raised = 0.12 if style == "office" else 0.0
            b.box(c.CHAIR, cloth, (w * 0.95, 0.05, back), (0, d / 2 - 0.025, seat + pad + raised))
            if raised:
                b.box(c.CHAIR, frame, (0.06, 0.03, 0.14), (0, d / 2 - 0.02, seat + pad - 0.01))
        if style in ("arms", "office"):
            for sx in (-1, 1):
                b.box(c.CHAIR, frame, (0.05, d * 0.7, 0.03), (sx * w * 0.52, 0.03, seat + 0.24))
                b.box(c.CHAIR, frame, (0.03, 0.04, 0.24), (sx * w * 0.52, -d * 0.2, seat))

    return Item(w * 1.1, d, seat + back, build)


def armchair(rng: Rng) -> Item:
    """An upholstered chair for one."""
    return sofa(rng, c.CHAIR, rng.uniform(0.75, 0.95))


def sofa(rng: Rng, label: int = c.SOFA, width: float | None = None) -> Item:
    """A sofa with arms, seat cushions and loose pillows."""
    w = width or rng.uniform(1.4, 2.3)
    d, seat, high = rng.uniform(0.75, 0.95), rng.uniform(0.36, 0.45), rng.uniform(0.72, 0.95)
    arm, arm_h = rng.uniform(0.1, 0.24), rng.uniform(0.5, 0.66)
    cloth = random_material(rng, CLOTH)
    cushion = cloth if rng.random() < 0.7 else random_material(rng, CLOTH)
    seats = max(1, round((w - 2 * arm) / 0.65))
    pillows = [
        (rng.uniform(-0.4, 0.4), rng.uniform(0.3, 0.45), random_material(rng, CLOTH))
        for _ in range(int(rng.integers(0, 4)))
    ]

    def build(b: Builder) -> None:
        inner = w - 2 * arm
        b.box(label, cloth, (w, d, seat - 0.14), (0, 0, 0.04))
        b.box(label, cloth, (w, 0.2, high - 0.05), (0, d / 2 - 0.1, 0.05))
        for sx in (-1, 1):
            b.box(label, cloth, (arm, d, arm_h - 0.05), (sx * (w - arm) / 2, 0, 0.05))
        for i in range(seats):
            x = (i + 0.5) * inner / seats - inner / 2
            b.box(label, cushion, (inner / seats - 0.015, d - 0.22, 0.13), (x, -0.1, seat - 0.11))
            b.box(
                label,
                cushion,
                (inner / seats - 0.015, 0.14, high - seat - 0.02),
                (x, d / 2 - 0.25, seat + 0.02),
            )
        for x, size, material in pillows:
            if seats > 1:
                pillow(
                    b.at(x * inner, d / 2 - 0.42, seat + 0.02),
                    material,
                    size,
                    size * 0.9,
                    upright=True,
                )

    return Item(w, d, high, build)


def ottoman(rng: Rng) -> Item:
    """A stool or another small piece of furniture."""
    w, h = rng.uniform(0.35, 0.6), rng.uniform(0.35, 0.5)
    m, leg = random_material(rng, CLOTH), random_material(rng, WOOD)

    def build(b: Builder) -> None:
        legs(b, c.OTHER_FURNITURE, leg, w, w, h * 0.4, 0.04, True)
        b.box(c.OTHER_FURNITURE, m, (w, w, h * 0.6), (0, 0, h * 0.4))

    return Item(w, w, h, build)


def bed(rng: Rng) -> Item:
    """A bed with headboard, mattress, blanket and pillows; the head is at +y."""
    w, d = float(rng.choice([0.95, 1.4, 1.7])) * rng.uniform(0.95, 1.08), rng.uniform(1.95, 2.15)
    base, mattress = rng.uniform(0.2, 0.35), rng.uniform(0.18, 0.28)
    head, foot = rng.uniform(0.75, 1.25), rng.random() < 0.3
    wood, sheet = random_material(rng, WOOD), random_material(rng, CLOTH)
    blanket = random_material(rng, CLOTH)
    cover = rng.uniform(0.55, 0.95)
    count = (1 if w < 1.2 else 2) + (int(rng.integers(0, 3)) if w > 1.2 else 0)
    cloths = [random_material(rng, CLOTH) for _ in range(2)]
    tilt = bool(rng.random() < 0.3)

    def build(b: Builder) -> None:
        b.box(c.BED, wood, (w, d - 0.06, base - 0.05), (0, -0.03, 0.05))
        b.box(c.BED, sheet, (w * 0.98, d - 0.08, mattress), (0, -0.03, base))
        length = (d - 0.1) * cover
        b.box(
            c.BED,
            blanket,
            (w * 1.03, length, mattress + 0.1),
            (0, -d / 2 + length / 2 - 0.01, base - 0.07),
        )
        b.box(c.BED, wood, (w * 1.04, 0.06, head), (0, d / 2 - 0.03, 0))
        if foot:
            b.box(c.BED, wood, (w * 1.04, 0.05, base + mattress + 0.15), (0, -d / 2 - 0.03, 0))
        per_row = 1 if w < 1.2 else 2
        for i in range(count):
            row, column = divmod(i, per_row)
            x = 0.0 if per_row == 1 else (column - 0.5) * w * 0.48
            at = b.at(x, d / 2 - 0.32 - 0.25 * row, base + mattress)
            pillow(at, cloths[row % 2], min(0.65, w * 0.45), 0.4, upright=row > 0 or tilt)

    return Item(
        w * 1.06,
        d,
        head,
        build,
        [Top(0, -d * 0.2, base + mattress + 0.03, w * 0.8, d * 0.4, "bed")],
    )
