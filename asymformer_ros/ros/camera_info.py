"""sensor_msgs/CameraInfo: what it says of the camera, and the one that belongs to the outputs."""

from __future__ import annotations

import copy

from sensor_msgs.msg import CameraInfo, RegionOfInterest
from std_msgs.msg import Header

from asymformer_ros.evaluation.recordings import RecordedCameraInfo
from asymformer_ros.perception.camera_model import CameraModel, strided_matrix


def camera_model(info: CameraInfo) -> CameraModel:
    """Where the pixels of the unrectified image look; raises FrameError."""
    return CameraModel(
        tuple(float(value) for value in info.k),
        info.distortion_model,
        tuple(float(value) for value in info.d),
        info.width,
        info.height,
    )


def camera_info_message(recorded: RecordedCameraInfo) -> CameraInfo:
    """The message of what a recording or the simulation says of its camera, without a stamp."""
    message = CameraInfo(
        height=recorded.height,
        width=recorded.width,
        distortion_model=recorded.distortion_model,
    )
    message.header.frame_id = recorded.frame_id
    message.d, message.k = list(recorded.d), list(recorded.k)
    message.r, message.p = list(recorded.r), list(recorded.p)
    return message


def output_camera_info(header: Header, info: CameraInfo, stride: int) -> CameraInfo:
    """The info of an image that holds every stride-th pixel and row, with the given header itself.

    At stride 1 all else is the driver's word for word.
    """
    # A copy: the message may be the latest of the next frame, too.
    output = copy.copy(info)
    output.header = header
    if stride > 1:
        output.width, output.height = _strided(info.width, stride), _strided(info.height, stride)
        output.k, output.p = strided_matrix(info.k, stride), strided_matrix(info.p, stride)
        output.roi = RegionOfInterest(
            x_offset=info.roi.x_offset // stride,
            y_offset=info.roi.y_offset // stride,
            width=_strided(info.roi.width, stride),
            height=_strided(info.roi.height, stride),
            do_rectify=info.roi.do_rectify,
        )
    return output


def _strided(pixels: int, stride: int) -> int:
    return -(-pixels // stride)
