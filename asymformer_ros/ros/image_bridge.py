"""Encodings that this package does not read itself, read by cv_bridge where that works."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import subprocess
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image

from asymformer_ros.engines.other_process import run_python
from asymformer_ros.perception.frames import FrameError

_TRIAL_TIMEOUT_S = 30.0
_TRIAL = """
from cv_bridge import CvBridge
from sensor_msgs.msg import Image
message = Image(height=2, width=2, step=4, encoding="yuv422")
message.data.frombytes(bytes(8))
CvBridge().imgmsg_to_cv2(message, "rgb8")
"""


def convert(message: Image, encoding: str) -> NDArray[Any]:
    """The message as cv_bridge converts it: [H, W] or [H, W, channels].

    encoding: that of the array, "passthrough" for the message's own. Raises FrameError with half a
    sentence: what cv_bridge says, or what to install. The first call may take a second.
    """
    bridge = _bridge()
    if isinstance(bridge, str):
        raise FrameError(bridge)
    try:
        array = bridge.imgmsg_to_cv2(message, encoding)
    except Exception as error:
        raise FrameError(f"cv_bridge cannot convert it either ({_said(error)})") from error
    if array is None:  # of an image whose step is 0
        raise FrameError("cv_bridge makes nothing of it either")
    # cv_bridge takes the width from the step: too small a step gives too few columns.
    if array.shape[:2] != (message.height, message.width):
        raise FrameError(f"cv_bridge made {array.shape} of {message.width}x{message.height}")
    return np.asarray(array)


@functools.cache
def _bridge() -> Any:
    """A CvBridge, or why there is none and what to install."""
    if importlib.util.find_spec("cv_bridge") is None:
        return "or install cv_bridge (apt install ros-${ROS_DISTRO}-cv-bridge)"
    # Built for another numpy it does not raise but crashes the process (vision_opencv issue 535).
    if failure := _failure_of_trial():
        return (
            f"or install a cv_bridge that was built for numpy {np.__version__}: "
            f"the installed one fails ({failure})"
        )
    return importlib.import_module("cv_bridge").CvBridge()


def _failure_of_trial() -> str:
    """Why a process that converts an image with cv_bridge fails, empty if it does not."""
    try:
        trial = run_python(_TRIAL, _TRIAL_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        return _said(error)
    if trial.code <= 0:
        return f"it is killed by signal {-trial.code}" if trial.code else ""
    return trial.last_complaint or f"exit code {trial.code}"


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
