"""A procedural indoor world with exact depth and labels: no robot and no download needed."""

from asymformer_ros.simulation.camera_path import camera_path, random_pose
from asymformer_ros.simulation.geometry import Intrinsics
from asymformer_ros.simulation.rooms import Room, make_room
from asymformer_ros.simulation.scene import SimulatedFrame, fly_through, random_view, render
from asymformer_ros.simulation.sensor import add_sensor_noise

__all__ = [
    "Intrinsics",
    "Room",
    "SimulatedFrame",
    "add_sensor_noise",
    "camera_path",
    "fly_through",
    "make_room",
    "random_pose",
    "random_view",
    "render",
]
