"""What counts from the next configuration on, and a dump of the parameters as a start file."""

from __future__ import annotations

from functools import partial

import pytest
import yaml
from posed_scene import LABELS, NYU40, WIDTH, pixels, publish_scene

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

from asymformer_ros.perception.labels import load_labelling
from asymformer_ros.ros.images import stamp_ns

PERIOD_NS = 33_333_333
MS = 1_000_000


@pytest.fixture
def managed(start):
    """A configured and active node under a manager's control."""
    camera, consumer = start("camera"), start("consumer")
    start("node", "-p", "autostart:=false")
    return camera, consumer


def reconfigured(consumer, values):
    """Set the values while unconfigured, then bring the node up."""
    controls = consumer.controls
    if controls.state() == "active":
        assert controls.transition("deactivate")
        assert controls.transition("cleanup")
    assert controls.set(values) == []
    assert controls.transition("configure")
    assert controls.transition("activate")


def test_what_is_read_at_configure_counts_from_the_next_configuration_on(managed):
    camera, consumer = managed
    publish = partial(publish_scene, camera)
    reconfigured(consumer, {})
    assert (pixels(consumer.first_output(publish)) == LABELS).all()

    reconfigured(consumer, {"sync.slop": 0.0, "label_space": "nav"})
    labels = consumer.first_output(publish)
    assert (pixels(labels) == load_labelling("nav", NYU40).table[LABELS]).all()
    late_ns = stamp_ns(labels) + 1000 * 10**9
    camera.pair(late_ns, offset_ns=5 * MS)
    consumer.output_of(camera.pair(late_ns + PERIOD_NS))
    assert all(stamp_ns(m) != late_ns for m in consumer.messages["semantic"])


def test_another_transport_subscribes_to_another_topic(managed):
    camera, consumer = managed
    reconfigured(consumer, {})

    reconfigured(consumer, {"color_transport": "compressed"})

    camera.subscription_of_node(
        "/color/image_raw/compressed",
        lambda end: end.topic_type == "sensor_msgs/msg/CompressedImage",
    )
    assert camera.node.count_subscribers("/color/image_raw") == 0
    reconfigured(consumer, {"color_transport": "raw"})
    consumer.first_output(partial(publish_scene, camera))


CHANGED = {
    "label_space": "nav",
    "mask_classes": ["person", "object"],
    "min_confidence": 0.25,
    "output_stride": 2,
    "max_rate": 90.0,
    "save_dir": "/elsewhere",
}


@pytest.mark.parametrize(
    "changed", [CHANGED, {"mask_classes": []}, {}], ids=["changed", "empty_list", "defaults"]
)
def test_a_dump_of_the_parameters_starts_the_same_node(start, tmp_path, changed):
    camera, consumer = start("camera"), start("consumer")
    depth = "qos_overrides./color/image_raw.subscription.depth"
    first = start("node", "-p", f"{depth}:=7")
    consumer.first_output(partial(publish_scene, camera))
    assert consumer.controls.set_atomically(changed) == []
    dumped = consumer.controls.parameters()
    path = tmp_path / "dump.yaml"
    path.write_text(yaml.dump({"/segmentation_node": {"ros__parameters": nested(dumped)}}))
    first.close()
    consumer.wait_for_publishers(0)

    start("node", "--params-file", str(path))

    labels = consumer.first_output(partial(publish_scene, camera))
    assert labels.width == (WIDTH / 2 if changed is CHANGED else WIDTH)
    assert dumped[depth] == 7
    assert consumer.controls.parameters() == dumped


def nested(values):
    """Names split at their dots, as `ros2 param dump` writes them."""
    document = {}
    for name, value in values.items():
        *parts, last = name.split(".")
        folder = document
        for part in parts:
            folder = folder.setdefault(part, {})
        folder[last] = value
    return document
