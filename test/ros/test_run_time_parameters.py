"""Parameters and services of the running node: what changes at once, what is refused and why."""

from __future__ import annotations

import math

import numpy as np
import pytest
from posed_scene import (
    COLOR,
    CONFIDENCE,
    DEPTH_MM,
    FLOOR,
    FX,
    HEIGHT,
    IMAGES,
    LABELS,
    LAMP,
    NYU40,
    PERSON,
    WIDTH,
    calibrate,
    image_outputs,
    pixels,
    publish_scene,
)

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

from diagnostic_msgs.msg import DiagnosticStatus
from rcl_interfaces.msg import ParameterType

from asymformer_ros.perception.labels import load_labelling
from asymformer_ros.ros.parameters import LIVE_NAMES

OUTPUTS = image_outputs()


class Scene:
    """The rig with its outputs of the scene, by topic."""

    def __init__(self, rig):
        self.rig = rig
        self.controls = rig.consumer.controls

    def segment(self):
        """The labels of the scene."""
        color = publish_scene(self.rig.camera, self.rig.later())
        return pixels(self.rig.consumer.output_of(color))

    def outputs(self):
        """Images as arrays, and the other outputs as messages."""
        color = publish_scene(self.rig.camera, self.rig.later())
        consumer = self.rig.consumer
        images = {topic: pixels(consumer.output_of(color, topic)) for topic in IMAGES}
        images["semantic"] = pixels(consumer.output_of(color))
        return images, {
            topic: consumer.output_of(color, topic)
            for topic in ("semantic/camera_info", "semantic/points")
        }

    def dropped(self, cause):
        return self.rig.settled_account()[f"dropped.{cause}"]


@pytest.fixture(scope="module")
def calibrated(rig):
    """The rig, its camera info received."""
    calibrate(rig)
    return rig


@pytest.fixture
def scene(calibrated):
    """The scene, with the parameters as they were when the test is over."""
    scene = Scene(calibrated)
    before = {name: scene.controls.parameters()[name] for name in LIVE_NAMES}
    yield scene
    assert scene.controls.set_atomically(before) == []


def test_by_default_the_labels_are_the_networks(scene):
    images, messages = scene.outputs()

    assert (images["semantic"] == LABELS).all()
    assert (images["semantic/confidence"] == CONFIDENCE).all()
    assert (images["semantic/mask"] == np.where(LABELS == PERSON, 255, 0)).all()
    assert (messages["semantic/points"].height, messages["semantic/camera_info"].width) == (48, 64)


def test_label_space_groups_every_output(scene):
    nav = load_labelling("nav", NYU40)

    assert scene.controls.set({"label_space": "nav"}) == []

    images, messages = scene.outputs()
    assert (images["semantic"] == nav.table[LABELS]).all()
    assert (images["semantic/color"] == nav.space.palette[nav.table[LABELS]]).all()
    assert (images["semantic/mask"] == np.where(LABELS == PERSON, 255, 0)).all()
    points = messages["semantic/points"]
    (field,) = [field for field in points.fields if field.name == "label"]
    cells = np.frombuffer(points.data, np.uint8).reshape(HEIGHT, WIDTH, points.point_step)
    labels = np.ascontiguousarray(cells[..., field.offset : field.offset + 4]).view(np.uint32)
    assert (labels.squeeze() == nav.table[LABELS]).all()


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ({"min_confidence": 0.5}, np.where(CONFIDENCE / 255 < 0.5, 255, LABELS)),
        ({"drop_without_depth": True}, np.where(DEPTH_MM == 0, 255, LABELS)),
        (
            {"min_confidence": 0.5, "drop_without_depth": True},
            np.where((CONFIDENCE / 255 < 0.5) | (DEPTH_MM == 0), 255, LABELS),
        ),
    ],
    ids=["min_confidence", "drop_without_depth", "both"],
)
def test_doubtful_pixels_become_unlabelled(scene, values, labels):
    assert scene.controls.set(values) == []

    assert (scene.segment() == labels).all()


def test_output_stride_thins_every_output(scene):
    assert scene.controls.set({"output_stride": 3}) == []

    images, messages = scene.outputs()
    sizes = {topic: image.shape[:2] for topic, image in images.items()}
    sizes |= {topic: (m.height, m.width) for topic, m in messages.items()}
    assert sizes == dict.fromkeys(sizes, (16, 22))
    assert (images["semantic"] == LABELS[::3, ::3]).all()
    assert messages["semantic/camera_info"].k[0] == FX / 3


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_overlay_alpha_weighs_the_class_colours(scene, alpha):
    assert scene.controls.set({"overlay_alpha": alpha}) == []

    images, _ = scene.outputs()
    expected = COLOR if alpha == 0.0 else NYU40.palette[LABELS]
    assert (images["semantic/overlay"] == expected).all()


@pytest.mark.parametrize(
    ("names", "shown"),
    [(["floor", "lamp"], [FLOOR, LAMP]), ([], []), ([""], [])],
    ids=["two", "none", "none_as_a_file_has_to_say_it"],
)
def test_mask_classes_choose_what_the_mask_shows(scene, names, shown):
    assert scene.controls.set({"mask_classes": names}) == []

    images, _ = scene.outputs()
    assert (images["semantic/mask"] == np.where(np.isin(LABELS, shown), 255, 0)).all()


def test_max_rate_drops_what_comes_too_soon(scene):
    scene.segment()
    before = scene.dropped("rate_limited")
    assert scene.controls.set({"max_rate": 0.001}) == []
    scene.rig.camera.pair(scene.rig.later())
    assert scene.dropped("rate_limited") == before + 1

    assert scene.controls.set({"max_rate": 0.0}) == []
    scene.segment()


@pytest.mark.parametrize("way", ["set", "set_atomically"])
def test_a_whole_number_will_do_for_a_real_one(scene, way):
    assert getattr(scene.controls, way)({"max_rate": 1000}) == []

    assert scene.controls.parameters()["max_rate"] == 1000.0
    scene.segment()


@pytest.mark.parametrize("by_service", [True, False], ids=["service", "parameter"])
def test_disabled_it_drops_every_pair_until_it_is_enabled(scene, by_service):
    def enable(wanted):
        if not by_service:
            return scene.controls.set({"enabled": wanted}) == []
        answer = scene.controls.enable(wanted)
        return answer.success and answer.message == ("enabled" if wanted else "disabled")

    before = scene.dropped("disabled")
    assert enable(False)
    assert scene.controls.parameters()["enabled"] is False
    for _ in range(3):
        scene.rig.camera.pair(scene.rig.later())
    assert scene.dropped("disabled") == before + 3

    assert enable(True)
    scene.segment()
    assert scene.dropped("disabled") == before + 3


@pytest.mark.parametrize(
    ("values", "sentence"),
    [({"enabled": False}, "disabled"), ({"max_rate": 0.01}, "segmenting")],
    ids=["disabled", "rate_limited"],
)
def test_what_was_asked_for_is_no_fault_in_diagnostics(scene, values, sentence):
    scene.segment()
    assert scene.controls.set(values) == []
    consumer = scene.rig.consumer
    reports = consumer.messages["/diagnostics"]
    reports.clear()

    # Longer than the output may be silent.
    while not reports or reports[-1].header.stamp.sec - reports[0].header.stamp.sec < 5:
        scene.rig.camera.pair(scene.rig.later())
        consumer.sees(lambda: False, 0.1)

    status = consumer.status()
    assert status.level == DiagnosticStatus.OK, status.message
    assert sentence in status.message


REFUSED = [
    ({"min_confidence": 1.5}, "min_confidence out of range"),
    ({"min_confidence": math.nan}, "min_confidence out of range"),
    ({"overlay_alpha": -0.1}, "overlay_alpha out of range"),
    ({"overlay_alpha": math.nan}, "overlay_alpha out of range"),
    ({"max_rate": -1.0}, "max_rate out of range"),
    ({"max_rate": 1001}, "max_rate out of range"),
    ({"max_rate": "fast"}, "Wrong parameter type"),
    ({"max_rate": math.nan}, "max_rate out of range"),
    ({"max_rate": math.inf}, "max_rate out of range"),
    ({"output_stride": 0}, "output_stride out of range"),
    ({"output_stride": 17}, "output_stride out of range"),
    ({"output_stride": 2.0}, "Wrong parameter type"),
    ({"enabled": 1}, "Wrong parameter type"),
    ({"min_confidence": None}, "Static parameter cannot be undeclared"),
    ({"mask_classes": ["persn"]}, "did you mean 'person'?"),
    ({"label_space": "moon"}, "'moon' is no file and no bundled name"),
    ({"label_space": "sunrgbd37"}, "has 37 classes, the weights 40"),
    ({"autostart": False}, "read-only parameter: autostart"),
    ({"overlay_alpha": 0.9, "mask_classes": ["persn"]}, "did you mean 'person'?"),
    ({"label_space": "nav", "mask_classes": ["lamp"]}, "'lamp' is not published by nav"),
    ({"output_stride": 2, "weights": "other"}, "weights is read when the node is configured"),
    ({"output_stride": 2, "use_sim_time": "yes"}, "Wrong parameter type"),
]


@pytest.mark.parametrize(("values", "sentence"), REFUSED, ids=lambda value: str(value)[:60])
def test_what_cannot_be_is_refused_with_a_sentence_and_nothing_changes(scene, values, sentence):
    before = scene.controls.parameters()

    (reason,) = scene.controls.set_atomically(values)

    assert sentence in reason
    assert scene.controls.parameters() == before
    images, _ = scene.outputs()
    assert (images["semantic"] == LABELS).all()
    assert (images["semantic/mask"] == np.where(LABELS == PERSON, 255, 0)).all()


def test_parameters_set_together_may_depend_on_each_other(scene):
    assert scene.controls.set({"mask_classes": ["lamp"]}) == []
    (reason,) = scene.controls.set({"label_space": "nav"})
    assert "'lamp' is not published by nav" in reason

    assert scene.controls.set_atomically({"label_space": "nav", "mask_classes": ["object"]}) == []

    images, _ = scene.outputs()
    assert (images["semantic/mask"] == np.where(LABELS == LAMP, 255, 0)).all()


#: Another value for every parameter that is read at configure.
OTHER_SETTINGS = {
    "weights": "other",
    "profile": "nyu-bgr",
    "engine": "openvino",
    "cache_dir": "/elsewhere",
    "color_transport": "compressed",
    "depth_transport": "compressedDepth",
    "register_depth": True,
    "rotate": 180,
    "sync.policy": "message_filters",
    "sync.slop": 0.0,
    "sync.queue_size": 3,
}


@pytest.mark.parametrize(("name", "value"), OTHER_SETTINGS.items(), ids=OTHER_SETTINGS)
def test_what_is_read_at_configure_is_refused_with_the_way_to_change_it(scene, name, value):
    before = scene.controls.parameters()

    (reason,) = scene.controls.set({name: value})

    assert reason == (
        f"{name} is read when the node is configured: deactivate and clean it up (ros2 lifecycle "
        "set), set the parameter, then configure and activate it"
    )
    assert scene.controls.parameters() == before


def test_every_parameter_of_ours_is_live_or_needs_a_reload_or_a_restart(scene):
    ours = {name for name in scene.controls.parameters() if not name.startswith("qos_overrides.")}
    rclpys = {"use_sim_time", "start_type_description_service"}

    at_start = {"autostart", "exit_with_parent", "input_reliability"}
    assert ours - rclpys == {*LIVE_NAMES, *OTHER_SETTINGS, *at_start}


def test_descriptors_tell_type_range_and_choices(scene):
    values = scene.controls.parameters()
    descriptors = scene.controls.descriptors(values)

    assert set(descriptors) == set(values)
    assert all(d.description for name, d in descriptors.items() if name in OTHER_SETTINGS)
    assert all(descriptors[name].description for name in LIVE_NAMES)
    for name, low, high in (
        ("min_confidence", 0.0, 1.0),
        ("overlay_alpha", 0.0, 1.0),
        ("max_rate", 0.0, 1000.0),
        ("sync.slop", 0.0, 10.0),
    ):
        (bounds,) = descriptors[name].floating_point_range
        assert (bounds.from_value, bounds.to_value) == (low, high)
    for name, low, high in (
        ("output_stride", 1, 16),
        ("rotate", 0, 270),
        ("sync.queue_size", 1, 1000),
    ):
        (bounds,) = descriptors[name].integer_range
        assert (bounds.from_value, bounds.to_value, bounds.step) == (low, high, 1)
    assert descriptors["mask_classes"].type == ParameterType.PARAMETER_STRING_ARRAY
    constraints = descriptors["depth_transport"].additional_constraints
    assert constraints == "one of: raw, compressedDepth"
    assert descriptors["autostart"].read_only
