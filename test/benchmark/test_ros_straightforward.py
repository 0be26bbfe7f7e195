"""The node that ours is compared with does what the stock parts do."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

from sensor_msgs.msg import Image

from asymformer_ros.benchmark.ros.straightforward_node import PlainBridge, PlainSynchronizer
from asymformer_ros.ros.images import to_message

MS = 1_000_000


def paired(*messages, queue=10, slop_s=0.05):
    """Pairs of (stream, stamp in ms) messages, in the order in which they leave."""
    pairs = []
    synchronizer = PlainSynchronizer(queue, slop_s, lambda *pair: pairs.append(pair))
    for stream, stamp_ms in messages:
        synchronizer.add(stream, stamp_ms * MS, (stream, stamp_ms))
    return pairs


def test_equal_stamps_pair_colour_first_whichever_came_first():
    assert paired((0, 10), (1, 10), (1, 40), (0, 40)) == [((0, 10), (1, 10)), ((0, 40), (1, 40))]


def test_the_nearest_within_the_slop_is_taken_and_used_once():
    assert paired((1, 0), (1, 30), (0, 25), (0, 26)) == [((0, 25), (1, 30)), ((0, 26), (1, 0))]


def test_a_difference_as_large_as_the_slop_does_not_pair():
    assert paired((0, 0), (1, 50)) == []
    assert paired((0, 0), (1, 49)) == [((0, 0), (1, 49))]


def test_the_oldest_stamp_leaves_a_full_queue():
    assert paired((0, 0), (0, 100), (0, 200), (1, 0), (1, 200), queue=2) == [((0, 200), (1, 200))]


@pytest.mark.parametrize(
    ("shape", "kind", "encoding"),
    [((4, 6, 3), np.uint8, "rgb8"), ((4, 6), np.uint16, "16UC1")],
)
def test_images_become_arrays(shape, kind, encoding):
    array = np.arange(np.prod(shape), dtype=kind).reshape(shape)
    message = to_message(Image().header, array, encoding)
    seen = PlainBridge().imgmsg_to_cv2(message, encoding)
    assert seen.dtype == kind
    np.testing.assert_array_equal(seen, array)


@pytest.mark.parametrize(("shape", "encoding"), [((4, 6, 3), "rgb8"), ((4, 6), "mono8")])
def test_arrays_become_images(shape, encoding):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    assert PlainBridge().cv2_to_imgmsg(array, encoding) == to_message(
        Image().header, array, encoding
    )
