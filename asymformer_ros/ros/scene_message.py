"""asymformer_ros/SemanticScene of what is in view; only colcon builds the message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from std_msgs.msg import Header

from asymformer_ros.perception.scene import ClassInView


def scene_message(header: Header, classes: Sequence[ClassInView]) -> Any:
    """Message of the classes in their order, with the given header itself."""
    from geometry_msgs.msg import Point

    from asymformer_ros.msg import SemanticClass, SemanticScene

    message = SemanticScene(header=header)
    for seen in classes:
        x, y, z = seen.centroid
        message.classes.append(
            SemanticClass(
                class_id=seen.class_id,
                name=seen.name,
                pixel_share=seen.pixel_share,
                nearest_m=seen.nearest_m,
                median_m=seen.median_m,
                centroid=Point(x=x, y=y, z=z),
                confidence=seen.confidence,
            )
        )
    return message
