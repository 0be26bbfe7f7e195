"""The outputs over real DDS: what is computed for whom, what fails alone, what is not there."""

from __future__ import annotations

import sys
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")
pytest.importorskip("asymformer_ros.msg", reason="needs the messages: colcon builds them")

from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from robot import HEIGHT, INFO, KINDS, OPTIONS, SEGMENTATION, WIDTH, Robot, pixels
from sensor_msgs.msg import CameraInfo, Image

from asymformer_ros.ros import frame_outputs
from asymformer_ros.ros.publishers import OutputError


@pytest.fixture
def make_robot():
    with ExitStack() as ends:
        yield lambda *arguments: ends.enter_context(closing(Robot(*arguments)))


@pytest.fixture
def robot(make_robot):
    return make_robot().start()


@pytest.fixture
def computed(monkeypatch):
    """Names of what was computed for the outputs, in order."""
    calls = []

    def noting(name, function):
        def called(*arguments, **options):
            calls.append(name)
            return function(*arguments, **options)

        return called

    for name in (
        *("mask", "colorize", "blend", "encode_jpeg", "labelled_cloud", "classes_in_view"),
        *("to_message", "point_cloud_message", "scene_message", "output_camera_info"),
    ):
        monkeypatch.setattr(frame_outputs, name, noting(name, getattr(frame_outputs, name)))
    return calls


class TestOnlyForSubscribers:
    def test_without_subscribers_nothing_but_the_labels_is_computed(self, robot, computed):
        labels = robot.listen("semantic", Image)

        robot.publish()

        assert pixels(robot.only(labels)).tolist() == SEGMENTATION.labels.tolist()
        assert computed == []

    @pytest.mark.parametrize(
        ("topic", "work"),
        {
            "semantic/camera_info": ["output_camera_info"],
            "semantic/mask": ["mask", "to_message"],
            "semantic/confidence": ["to_message"],
            "semantic/points": ["labelled_cloud", "point_cloud_message"],
            "semantic/color": ["colorize", "to_message"],
            "semantic/overlay": ["colorize", "blend", "to_message"],
            "semantic/overlay/compressed": ["colorize", "blend", "encode_jpeg"],
            "semantic/scene": ["classes_in_view", "scene_message"],
        }.items(),
    )
    def test_a_subscriber_is_given_its_output_and_no_other_is_computed(
        self, robot, computed, topic, work
    ):
        robot.first(topic)

        assert computed == work

    def test_what_pictures_share_is_computed_once(self, robot, computed):
        heard = robot.listen_to_all()

        robot.publish()

        for messages in heard.values():
            robot.only(messages)
        assert computed.count("colorize") == computed.count("blend") == 1


class TestFailures:
    """An output that cannot be made is named with the reason when all others are published."""

    @pytest.mark.parametrize(
        ("info", "failing", "reason"),
        [
            (
                None,
                {"semantic/points", "semantic/camera_info"},
                "no message has come on color/camera_info",
            ),
            (
                CameraInfo(width=WIDTH, height=HEIGHT),
                {"semantic/points"},
                "camera_info is of an uncalibrated camera",
            ),
            (
                CameraInfo(width=640, height=480, k=INFO.k),
                {"semantic/points"},
                f"camera_info is of a 640x480 image, this one is {WIDTH}x{HEIGHT}",
            ),
        ],
    )
    def test_of_the_camera_info(self, robot, info, failing, reason):
        self.check(robot, failing, reason, info=info)

    def test_of_the_work(self, robot, monkeypatch):
        def fails(*arguments):
            raise MemoryError("no room for colours")

        monkeypatch.setattr(frame_outputs, "colorize", fails)

        pictures = {"semantic/color", "semantic/overlay", "semantic/overlay/compressed"}
        self.check(robot, pictures, "MemoryError: no room for colours")

    @staticmethod
    def check(robot, failing, reason, **frame):
        heard = robot.listen_to_all()
        labels = robot.listen("semantic", Image)

        with pytest.raises(OutputError) as raised:
            robot.publish(**frame)

        for topic in KINDS.keys() - failing:
            robot.only(heard[topic])
        robot.only(labels)
        assert not any(heard[topic] for topic in failing)
        error, prefix = raised.value, f"{robot.namespace}/"
        assert {topic.removeprefix(prefix) for topic in error.reasons} == failing
        assert {topic.removeprefix(prefix) for topic in error.published} == {
            "semantic",
            *(KINDS.keys() - failing),
        }
        for sentence in error.reasons.values():
            assert sentence.startswith(reason)
        for topic in failing:
            assert f"{prefix}{topic}: {reason}" in str(error)


class TestLabelInfo:
    def test_reaches_who_subscribes_later(self, robot):
        messages = pytest.importorskip("vision_msgs.msg", reason="vision_msgs is not on PyPI")
        robot.outputs.announce(OPTIONS)
        robot.outputs.announce(replace(OPTIONS, min_confidence=0.25))

        heard = robot.listen(
            "semantic/label_info", messages.LabelInfo, durability=DurabilityPolicy.TRANSIENT_LOCAL
        )

        message = robot.only(heard)
        assert message.threshold == 0.25
        assert message.header.stamp.sec > 0
        # Without 255: of a uint8 image the largest value is unlabelled by LabelInfo's definition.
        named = [(entry.class_id, entry.class_name) for entry in message.class_map]
        assert named == [(0, "floor"), (1, "person"), (2, "lamp")]


class TestMessagesThatAreNotInstalled:
    @pytest.mark.parametrize(
        ("module", "topic", "remedy"),
        [
            ("vision_msgs.msg", "semantic/label_info", "install vision_msgs 4"),
            ("asymformer_ros.msg", "semantic/scene", "build this package with colcon"),
        ],
    )
    def test_switch_their_topic_off_and_nothing_else(
        self, make_robot, monkeypatch, module, topic, remedy
    ):
        monkeypatch.setitem(sys.modules, module, None)
        robot = make_robot()
        log = Log()
        monkeypatch.setattr(robot.node, "get_logger", lambda: log)

        robot.start()
        robot.outputs.announce(OPTIONS)
        robot.first("semantic/mask")

        assert topic not in robot.outputs_made()
        (line,) = [line for line in log.lines if line.startswith(f"{topic} is off: ")]
        assert line.endswith(f"{remedy} to have it")


class Log:
    """Stands for the node's logger: rclpy writes to the process's own output."""

    def __init__(self):
        self.lines = []

    def info(self, line, *, once):
        assert once
        self.lines.append(line)


class TestTopics:
    def test_are_gone_after_destroying(self, robot):
        assert KINDS.keys() | {"semantic"} <= robot.outputs_made()

        robot.outputs.destroy()

        assert robot.outputs_made() == set()

    def test_have_qos_overrides_of_their_own(self, make_robot):
        robot = make_robot("-p", f"{QOS_OF_MASK}.reliability:=best_effort").start()

        def reliability(topic):
            (publisher,) = robot.node.get_publishers_info_by_topic(f"{robot.namespace}/{topic}")
            return publisher.qos_profile.reliability

        assert reliability("semantic/mask") == ReliabilityPolicy.BEST_EFFORT
        assert reliability("semantic/points") == ReliabilityPolicy.RELIABLE

    def test_are_made_all_or_none(self, make_robot):
        robot = make_robot("-p", f"{QOS_OF_MASK}.reliability:=sometimes")

        with pytest.raises(Exception, match="sometimes"):
            robot.start()

        assert robot.outputs_made() == set()


QOS_OF_MASK = "qos_overrides.{namespace}/semantic/mask.publisher"
