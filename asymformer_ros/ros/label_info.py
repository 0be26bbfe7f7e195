"""vision_msgs/LabelInfo: what the numbers in the label image mean. The package may be missing."""

from __future__ import annotations

from typing import Any

from builtin_interfaces.msg import Time

from asymformer_ros.perception.labels import LabelSpace


def label_info_message(stamp: Time, space: LabelSpace, threshold: float) -> Any:
    """Names of the published labels and the confidence below which pixels are unlabelled, 0..1.

    255 is left out: LabelInfo itself says that a uint8's largest value is unlabelled, and nav2's
    semantic_segmentation_layer complains of classes that it is not told of.
    """
    from vision_msgs.msg import LabelInfo, VisionClass

    message = LabelInfo(threshold=threshold)
    message.header.stamp = stamp
    message.class_map = [
        VisionClass(class_id=index, class_name=name) for index, name in enumerate(space.classes)
    ]
    return message
