"""Frames of the simulated world: colour, depth, labels and pose that belong together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.simulation.camera_path import camera_path, random_pose
from asymformer_ros.simulation.geometry import Intrinsics
from asymformer_ros.simulation.rasterizer import rasterize
from asymformer_ros.simulation.renderer import shade
from asymformer_ros.simulation.rooms import Room, make_room
from asymformer_ros.simulation.sensor import add_sensor_noise

#: Label of pixels that show nothing.
VOID = 255


@dataclass(frozen=True)
class SimulatedFrame:
    """What the camera sees at one pose.

    rgb: uint8 [H, W, 3]. depth_m: float32 [H, W], metres along the optical axis, NaN = no reading.
    labels: uint8 [H, W], NYU-40 class 0..39, 255 = void. camera_to_world: float64 [4, 4], pose of
    the optical frame (x right, y down, z forward) in the room's frame (z up).
    """

    rgb: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    labels: NDArray[np.uint8]
    camera_to_world: NDArray[np.float64]


def render(
    room: Room,
    camera_to_world: NDArray[np.float64],
    intrinsics: Intrinsics,
    sensor_noise: bool = False,
    noise_seed: int = 0,
) -> SimulatedFrame:
    """Render a room from a pose; depth is exact unless sensor_noise is set.

    noise_seed: drives the grain of the colour image and the sensor's noise.
    """
    rng = np.random.Generator(np.random.PCG64([room.seed, noise_seed]))
    mesh = room.mesh
    raster = rasterize(mesh, camera_to_world, intrinsics)
    rgb = shade(mesh, raster, camera_to_world, intrinsics, room.lighting, rng)
    labels = np.append(mesh.label, np.uint8(VOID)).take(raster.face)
    with np.errstate(divide="ignore"):
        depth = np.float32(1.0) / raster.inverse_depth
    depth[raster.inverse_depth <= 0] = np.nan
    if sensor_noise:
        absorption = np.append(mesh.absorption, 0.0).astype(np.float32).take(raster.face)
        depth = add_sensor_noise(depth, rng, intrinsics, absorption)
    return SimulatedFrame(rgb, depth, labels, camera_to_world)


def fly_through(
    seed: int, frames: int, intrinsics: Intrinsics, sensor_noise: bool = True
) -> Iterator[SimulatedFrame]:
    """Move a camera once round a closed path through the room of that seed."""
    room = make_room(seed)
    for number, pose in enumerate(camera_path(room, frames)):
        yield render(room, pose, intrinsics, sensor_noise, number)


def random_view(seed: int, intrinsics: Intrinsics, sensor_noise: bool = True) -> SimulatedFrame:
    """Render a new room from a random plausible pose, both following from the seed."""
    room = make_room(seed)
    pose = random_pose(room, np.random.Generator(np.random.PCG64([seed, 5])))
    return render(room, pose, intrinsics, sensor_noise)
