"""An organised cloud as sensor_msgs/PointCloud2."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

from asymformer_ros.perception.cloud import POINT

_DATATYPES = {np.dtype("<f4"): PointField.FLOAT32, np.dtype("<u4"): PointField.UINT32}


def point_cloud_message(header: Header, cloud: NDArray[Any]) -> PointCloud2:
    """Message of a cloud of POINT [H, W], with the given header itself; copied once."""
    height, width = cloud.shape
    message = PointCloud2(header=header, height=height, width=width, fields=_fields())
    message.point_step = POINT.itemsize
    message.row_step = width * POINT.itemsize
    message.is_bigendian = False  # POINT is little-endian on every machine
    # All three coordinates are NaN in the same pixels.
    message.is_dense = not np.isnan(cloud["x"]).any()
    message.data.frombytes(np.ascontiguousarray(cloud).view(np.uint8).data)
    return message


def _fields() -> list[PointField]:
    return [
        PointField(name=name, offset=offset, datatype=_DATATYPES[dtype], count=1)
        for name, (dtype, offset, *_) in (POINT.fields or {}).items()
    ]
