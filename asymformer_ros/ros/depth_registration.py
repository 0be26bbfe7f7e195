"""Depth images of a camera that does not register them to colour, registered here."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo

from asymformer_ros.perception.camera_model import CameraModel
from asymformer_ros.perception.frames import FrameError
from asymformer_ros.perception.registration import IDENTITY, DepthReprojection, RigidTransform
from asymformer_ros.ros.camera_info import camera_model
from asymformer_ros.ros.extrinsics import Extrinsics


class DepthRegistration:
    """Registers depth to colour; what it computes of the cameras is kept until they change."""

    def __init__(
        self, extrinsics: Extrinsics, color_info_topic: str, depth_info_topic: str
    ) -> None:
        self._extrinsics = extrinsics
        self._color_info_topic = color_info_topic
        self._depth_info_topic = depth_info_topic
        self._setup: tuple[CameraModel, CameraModel, RigidTransform] | None = None
        self._reprojection: DepthReprojection | None = None

    def register(
        self,
        depth_m: NDArray[np.float32],
        color_size: tuple[int, int],
        color_frame: str,
        depth_frame: str,
        color_info: CameraInfo | None,
        depth_info: CameraInfo | None,
    ) -> NDArray[np.float32]:
        """Depth as the colour camera would measure it: float32 metres of color_size, NaN = none.

        depth_m: float32 [H, W], metres, NaN = no reading; itself where it is registered already.
        color_size: height and width of the colour image. Frames of headers and latest camera infos,
        None if none came. Raises FrameError.
        """
        depth_model = _model(depth_info, self._depth_info_topic, depth_m.shape, "depth")
        color_model = _model(color_info, self._color_info_topic, color_size, "colour")
        if color_frame == depth_frame:
            if depth_model == color_model:
                return depth_m
            depth_to_color = IDENTITY
        else:
            depth_to_color = self._extrinsics.lookup(color_frame, depth_frame)
        setup = depth_model, color_model, depth_to_color
        if self._reprojection is None or setup != self._setup:
            self._reprojection = DepthReprojection(*setup)
            self._setup = setup
        return self._reprojection.to_color(depth_m)


def _model(info: CameraInfo | None, topic: str, size: tuple[int, ...], what: str) -> CameraModel:
    if info is None:
        raise FrameError(
            f"register_depth needs the {what} camera's calibration but nothing came on {topic}: "
            f"remap it to the driver's camera_info of the {what} image"
        )
    if size != (info.height, info.width):
        raise FrameError(
            f"{what} is {size[1]}x{size[0]} but {topic} is of a {info.width}x{info.height} image: "
            f"remap it to the driver's camera_info of this {what} image"
        )
    try:
        return camera_model(info)
    except FrameError as error:
        raise FrameError(f"{topic}: {error}") from None
