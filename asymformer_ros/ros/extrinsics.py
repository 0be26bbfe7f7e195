"""How a camera's sensors stand to each other, from /tf_static."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.subscription import Subscription
from rclpy.time import Time

from asymformer_ros.perception.frames import REGISTERED_BY_DRIVERS, FrameError
from asymformer_ros.perception.registration import RigidTransform
from asymformer_ros.ros.parameters import ConfigurationError

if TYPE_CHECKING:
    from geometry_msgs.msg import Quaternion
    from tf2_msgs.msg import TFMessage

_TOPIC = "/tf_static"
# As tf2_ros has it: every static broadcaster of the robot sends one message when we subscribe.
_HISTORY = 100


class Extrinsics:
    """The static transforms that have come since `start`, until `stop`.

    tf2's core without tf2_ros's listener, which would receive /tf as well, many messages a second.
    Raises ConfigurationError where tf2 is not installed.
    """

    def __init__(self, node: Node) -> None:
        try:
            from tf2_msgs.msg import TFMessage
            from tf2_py import BufferCore, TransformException
        except ImportError as error:
            raise ConfigurationError(
                f"register_depth needs tf2_ros, which is not installed ({error}): install "
                "ros-$ROS_DISTRO-tf2-ros-py, or set register_depth to false and have the driver "
                f"register depth to colour ({REGISTERED_BY_DRIVERS})"
            ) from None
        self._node = node
        self._message_type = TFMessage
        self._exception = TransformException
        self._new_buffer = BufferCore
        self._buffer = BufferCore()
        self._subscription: Subscription | None = None

    def start(self) -> None:
        """Subscribe to /tf_static."""
        self._buffer = self._new_buffer()
        self._subscription = self._node.create_subscription(
            self._message_type,
            _TOPIC,
            self._on_transforms,
            QoSProfile(depth=_HISTORY, durability=DurabilityPolicy.TRANSIENT_LOCAL),
        )

    def stop(self) -> None:
        """Unsubscribe; the transforms that have come stay until the next start."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def lookup(self, color_frame: str, depth_frame: str) -> RigidTransform:
        """From the depth camera's frame to the colour camera's; raises FrameError.

        May be called from any thread.
        """
        try:
            found = self._buffer.lookup_transform_core(color_frame, depth_frame, Time())
        except self._exception as error:
            reason = str(error).splitlines()[0].strip()
            raise FrameError(
                f"no transform from depth's frame {depth_frame!r} to colour's {color_frame!r} has "
                f"come on {_TOPIC} ({reason}): have the driver publish its transforms or register "
                f"depth itself ({REGISTERED_BY_DRIVERS})"
            ) from None
        moved = found.transform.translation
        return RigidTransform(
            _rotation(found.transform.rotation), (float(moved.x), float(moved.y), float(moved.z))
        )

    def _on_transforms(self, message: TFMessage) -> None:
        for transform in message.transforms:
            self._buffer.set_transform_static(transform, "asymformer_ros")


def _rotation(quaternion: Quaternion) -> tuple[float, ...]:
    """The quaternion's matrix, row by row."""
    x, y, z, w = (getattr(quaternion, axis) for axis in "xyzw")
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    matrix = np.eye(3) + 2 / (x * x + y * y + z * z + w * w) * (w * cross + cross @ cross)
    return tuple(float(value) for value in matrix.ravel())
