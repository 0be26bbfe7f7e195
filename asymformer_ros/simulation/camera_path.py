"""Where the camera stands and how it moves through a room."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.simulation.geometry import camera_pose
from asymformer_ros.simulation.layout import CELL
from asymformer_ros.simulation.rooms import Room

#: Metres that the camera keeps from walls and furniture, seen from above.
CLEARANCE = 0.2
_RAYS = 72

Floats = NDArray[np.float64]


def clearance(room: Room) -> NDArray[np.float32]:
    """Distance of each floor cell from the next wall or thing, metres, float32 [rows, columns]."""
    free = np.pad((~room.blocked).astype(np.uint8), 1)
    distance = cv2.distanceTransform(free, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return (distance[1:-1, 1:-1] - 0.5) * np.float32(CELL)


def _viewpoint(room: Room, space: NDArray[np.float32]) -> tuple[Floats, float]:
    """Pick the free spot that overlooks most of the room's things, and its heading to them."""
    rows, columns = np.nonzero(space >= min(0.55, 0.8 * float(space.max())))
    spots = (np.stack([columns, rows], axis=-1)[::7] + 0.5) * CELL
    offset = room.targets[None, :, :2] - spots[:, None]
    distance = np.hypot(offset[..., 0], offset[..., 1])
    middle = offset.mean(axis=1)
    heading = np.arctan2(middle[:, 1], middle[:, 0])
    bearing = np.arctan2(offset[..., 1], offset[..., 0]) - heading[:, None]
    off_axis = np.abs((bearing + math.pi) % (2 * math.pi) - math.pi)
    overlooked = np.mean((off_axis < 1.0) & (distance > 1.4), axis=1) + 0.1 * distance.mean(axis=1)
    best = int(np.argmax(overlooked))
    return spots[best], float(heading[best])


def _reach(
    space: NDArray[np.float32], centre: Floats, angle: float, keep: float = CLEARANCE
) -> float:
    """How far one can walk from the centre in a direction and keep that clearance, metres."""
    steps = np.arange(0.0, 4.0, CELL / 2)
    points = centre + steps[:, None] * np.array([math.cos(angle), math.sin(angle)])
    cells = np.floor(points / CELL).astype(int)
    rows, columns = space.shape
    inside = (cells >= 0).all(axis=1) & (cells[:, 0] < columns) & (cells[:, 1] < rows)
    ok = inside & (
        space[np.clip(cells[:, 1], 0, rows - 1), np.clip(cells[:, 0], 0, columns - 1)] > keep
    )
    return float(steps[np.argmin(ok)]) if not ok.all() else float(steps[-1])


def camera_path(room: Room, frames: int) -> list[Floats]:
    """A smooth closed walk on free floor, sweeping the view over the room's things.

    Returns `frames` poses float64 [4, 4]; the one after the last would be the first again. The
    position keeps CLEARANCE from everything that stands on the floor.
    """
    rng = np.random.Generator(np.random.PCG64([room.seed, 11]))
    space = clearance(room)
    centre, heading = _viewpoint(room, space)
    angles = 2 * math.pi * np.arange(_RAYS) / _RAYS
    reach = np.array([_reach(space, centre, a) for a in angles])
    # The mean of a minimum over the same window never exceeds the reach at its middle.
    half = 6
    window = np.arange(-half, half + 1)
    lowest = np.array([reach[(i + window) % _RAYS].min() for i in range(_RAYS)])
    weights = np.hanning(2 * half + 3)[1:-1]
    smooth = np.array([np.dot(lowest[(i + window) % _RAYS], weights) for i in range(_RAYS)])
    smooth = np.minimum(0.85 * smooth / weights.sum(), 1.5)
    phase, height, sway = rng.uniform(0, 2 * math.pi, 3)
    level = rng.uniform(1.1, 1.5)
    poses = []
    for i in range(frames):
        turn = 2 * math.pi * i / frames
        angle = turn + phase
        radius = float(
            np.interp(
                angle % (2 * math.pi), np.append(angles, 2 * math.pi), np.append(smooth, smooth[0])
            )
        )
        x, y = centre + radius * np.array([math.cos(angle), math.sin(angle)])
        position = np.array([x, y, level + 0.2 * math.sin(turn + height)])
        look = heading + 0.9 * math.sin(turn + sway)
        poses.append(
            camera_pose(
                position,
                look,
                math.radians(-14 + 7 * math.sin(2 * turn + height)),
                math.radians(1.5 * math.sin(3 * turn + sway)),
            )
        )
    return poses


def random_pose(room: Room, rng: np.random.Generator) -> Floats:
    """A plausible hand-held pose that looks at one of the room's things from free floor."""
    space = clearance(room)
    rows, columns = np.nonzero(space > min(CLEARANCE, 0.9 * float(space.max())))
    best, best_score = None, -np.inf
    for _ in range(8):
        i = int(rng.integers(len(rows)))
        place = np.array([(columns[i] + 0.5) * CELL, (rows[i] + 0.5) * CELL])
        target = room.targets[int(rng.integers(len(room.targets)))]
        away = np.hypot(*(room.targets[:, :2] - place).T)
        yaw = math.atan2(target[1] - place[1], target[0] - place[0]) + rng.normal(0, 0.25)
        bearing = np.arctan2(room.targets[:, 1] - place[1], room.targets[:, 0] - place[0])
        off = np.abs((bearing - yaw + math.pi) % (2 * math.pi) - math.pi)
        in_view = (off < 0.5) & (away > 0.8)
        distance = float(np.hypot(*(target[:2] - place)))
        cramped = distance < 1.2 or _reach(space, place, yaw, 0.0) < 0.8
        score = min(np.sum(in_view), 12) - 6.0 * cramped + rng.normal(0, 2.0)
        if score > best_score:
            best_score, best = score, (place, yaw, distance, float(target[2]))
    assert best is not None
    place, yaw, distance, target_z = best
    height = float(np.clip(rng.normal(1.3, 0.25), 0.6, 1.8))
    pitch = math.atan2(target_z - height, max(distance, 1.0)) * 0.7 + rng.normal(-0.04, 0.12)
    return camera_pose(
        np.array([place[0], place[1], height]),
        yaw,
        float(np.clip(pitch, -0.75, 0.3)),
        float(rng.normal(0, 0.04)),
    )
