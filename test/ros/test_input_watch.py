"""What the watch says of each way in which cameras fail a node, over real DDS."""

from __future__ import annotations

import itertools
import os
import threading
import time

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from asymformer_ros.resources import resource
from asymformer_ros.ros.input_watch import InputWatch

S = 10**9
PERIOD = 33_333_333
PATIENCE_S = 30.0
BEST_EFFORT, RELIABLE = ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE
NAMESPACES = (f"/watch_{os.getpid()}_{k}" for k in itertools.count())
COLOR, DEPTH, INFO = "color/image_raw", "depth/image_raw", "color/camera_info"


class Setting:
    """A watch on three inputs, publishers, and a clock that only the test moves."""

    def __init__(self):
        self.namespace = next(NAMESPACES)
        self.camera = self._node("camera")
        self.node = self._node("segmentation")
        self.now_s = 100.0
        self.stamp_ns = 1_700_000_000 * S

    def close(self):
        for node in (self.camera, self.node):
            node.destroy_node()
            node.context.try_shutdown()
            node.context.destroy()

    def _node(self, name):
        # A context each: a DDS participant has one type for a topic.
        context = rclpy.Context()
        rclpy.init(context=context, domain_id=1 + (os.getpid() + 50) % 100)
        return rclpy.create_node(name, namespace=self.namespace, context=context)

    def publish(self, topic=COLOR, kind=Image, reliability=RELIABLE):
        """Have the camera publish, and the node know of it."""
        qos = QoSProfile(depth=1, reliability=reliability)
        publisher = self.camera.create_publisher(kind, topic, qos)
        self.wait_until(lambda: self.node.count_publishers(publisher.topic_name))

    def publish_all(self):
        for topic, kind in ((COLOR, Image), (DEPTH, Image), (INFO, CameraInfo)):
            self.publish(topic, kind)

    def watch(self, color=Image, depth=Image, reliability=BEST_EFFORT, ending=""):
        qos = QoSProfile(depth=1, reliability=reliability)
        subscriptions = {
            stream: self.node.create_subscription(kind, topic, lambda message: None, qos)
            for stream, kind, topic in (
                ("colour", color, COLOR + ending),
                ("depth", depth, DEPTH),
                ("camera info", CameraInfo, INFO),
            )
        }
        self.inputs = InputWatch(self.node, subscriptions, self.now_s)
        return self.inputs

    def second(self, color=30, depth=30, frames=("camera", "camera"), stamps=None):
        """A second passes in which so many images come; the sentences after it."""
        for k in range(max(color, depth)):
            stamp = self.stamp_ns + k * PERIOD if stamps is None else stamps
            if k < color:
                self.inputs.note_color(stamp, frames[0])
            if k < depth:
                self.inputs.note_depth(stamp, frames[1])
        self.stamp_ns += S
        self.now_s += 1.0
        return self.sentences()

    def findings(self):
        return self.inputs.findings(self.now_s)

    def sentences(self):
        return [finding.sentence.replace(self.namespace, "") for finding in self.findings()]

    def sentence(self, part):
        """The one sentence with this part, when the graph has come to know of it."""

        def found():
            self.now_s += 0.001
            return [sentence for sentence in self.sentences() if part in sentence]

        (sentence,) = self.wait_until(found)
        return sentence

    def wait_until(self, condition):
        """Of changes in the graph rclpy tells nobody."""
        end = time.monotonic() + PATIENCE_S
        while not (value := condition()):
            assert time.monotonic() < end, "waited in vain for the graph"
            threading.Event().wait(0.01)
        return value


@pytest.fixture
def setting():
    setting = Setting()
    yield setting
    setting.close()


def test_nothing_is_wrong_while_both_streams_arrive(setting):
    setting.publish_all()
    setting.watch()

    assert [setting.second() for _ in range(15)] == [[]] * 15


def test_a_topic_without_publisher_is_named_after_three_silent_seconds(setting):
    setting.publish("front/color/image_raw")
    setting.publish(DEPTH)
    setting.watch()

    assert [setting.second(color=0) for _ in range(2)] == [[], []]
    (sentence,) = setting.second(color=0)
    assert sentence == (
        "colour: /color/image_raw has no publisher: start the driver or remap the topic to one of "
        "/depth/image_raw, /front/color/image_raw"
    )
    assert setting.findings()[0].prevents_pairs


def test_a_stream_that_comes_back_is_no_longer_named(setting):
    setting.publish_all()
    setting.watch()
    assert [len(setting.second(depth=0)) for _ in range(3)] == [0, 0, 1]

    assert setting.second() == []


def test_a_publisher_that_sends_nothing_is_named(setting):
    setting.publish_all()
    setting.watch()
    setting.now_s += 3

    assert setting.sentence("depth/image_raw from /camera") == (
        "depth: nothing arrives on /depth/image_raw from /camera: see whether it sends images"
    )


def test_where_all_but_the_images_arrive_the_remedy_for_lost_images_is_told(setting):
    setting.publish_all()
    setting.watch()
    for _ in range(3):
        setting.inputs.note_camera_info(setting.stamp_ns)
        sentences = setting.second(color=0)

    (sentence,) = sentences
    assert sentence.startswith("colour: nothing arrives on /color/image_raw from ")
    assert "if it does, Fast DDS has too little shared memory for images" in sentence


@pytest.mark.parametrize(
    ("expected", "ending", "published", "advice"),
    [
        (Image, "", (COLOR + "/compressed", CompressedImage), "set color_transport to compressed"),
        (CompressedImage, "/compressed", (COLOR, Image), "set color_transport to raw"),
    ],
)
def test_an_image_that_is_published_in_the_other_form_only_is_pointed_out(
    setting, expected, ending, published, advice
):
    setting.publish(*published)
    setting.watch(color=expected, ending=ending)
    setting.now_s += 3

    assert setting.sentence(f"{ending} has no publisher but ").endswith(advice)


@pytest.mark.parametrize(
    ("color", "depth", "ending", "publishers", "advice"),
    [
        (
            Image,
            Image,
            "",
            [(COLOR, CompressedImage)],
            "colour: /color/image_raw carries sensor_msgs/msg/CompressedImage, this node reads "
            "sensor_msgs/msg/Image: set color_transport to compressed and remap "
            "/color/image_raw/compressed to /color/image_raw",
        ),
        (
            Image,
            Image,
            "/compressed",
            [(COLOR + "/compressed", CompressedImage)],
            "colour: /color/image_raw/compressed carries sensor_msgs/msg/CompressedImage, this "
            "node reads sensor_msgs/msg/Image: set color_transport to compressed and remap the "
            "topic to /color/image_raw",
        ),
        (
            Image,
            CompressedImage,
            "",
            [(DEPTH, Image)],
            "depth: /depth/image_raw carries sensor_msgs/msg/Image, this node reads "
            "sensor_msgs/msg/CompressedImage: set depth_transport to raw and remap the topic to "
            "/depth/image_raw",
        ),
        (
            Image,
            Image,
            "",
            [(INFO, Image)],
            "camera info: /color/camera_info carries sensor_msgs/msg/Image, this node reads "
            "sensor_msgs/msg/CameraInfo: check the remapping",
        ),
    ],
)
def test_another_message_type_is_named_at_once(setting, color, depth, ending, publishers, advice):
    for topic, kind in publishers:
        setting.publish(topic, kind)
    setting.watch(color=color, depth=depth, ending=ending)

    assert setting.sentence(" carries ") == advice


def test_a_publisher_whose_qos_does_not_fit_is_named_at_once_with_the_parameter(setting):
    setting.publish(DEPTH, reliability=BEST_EFFORT)
    setting.watch(reliability=RELIABLE)

    assert setting.sentence("/camera offers ") == (
        "depth: /camera offers best effort on /depth/image_raw, this node asks for reliable: set "
        "input_reliability or "
        "qos_overrides./depth/image_raw.subscription.reliability to best_effort and "
        "start it again"
    )
    assert [finding.prevents_pairs for finding in setting.findings()] == [False]
    setting.second(depth=0)
    setting.second(depth=0)
    setting.second(depth=0)
    assert [finding.prevents_pairs for finding in setting.findings()] == [True]


def test_a_qos_that_fits_is_not_named(setting):
    setting.publish(DEPTH, reliability=RELIABLE)
    setting.publish(COLOR, reliability=RELIABLE)
    setting.watch(reliability=BEST_EFFORT)

    assert setting.findings() == []


def test_depth_in_another_frame_is_named_with_what_drivers_call_registration(setting):
    setting.publish_all()
    setting.watch()

    (sentence,) = setting.second(frames=("color_optical", "depth_optical"))

    assert sentence.startswith("depth is in frame depth_optical but colour in color_optical")
    for advice in ("align_depth.enable:=true", "depth_registration:=true", "register_depth"):
        assert advice in sentence


@pytest.mark.parametrize("frames", [("", "camera"), ("camera", ""), ("/camera", "camera")])
def test_empty_frames_and_the_slash_of_ros_1_are_no_other_frames(setting, frames):
    setting.publish_all()
    setting.watch()

    assert setting.second(frames=frames) == []


def test_stamps_of_zero_are_named(setting):
    setting.publish_all()
    setting.watch()

    (sentence,) = setting.second(stamps=0)

    assert sentence.startswith("the stamps of colour and depth are zero: the driver has to fill in")
    (finding,) = setting.findings()
    assert not finding.prevents_pairs  # they are equal


def test_zero_stamps_of_one_stream_prevent_pairs(setting):
    setting.publish_all()
    setting.watch()
    setting.second(depth=0, stamps=0)

    sentences = setting.second(color=0)

    assert len(sentences) == 1
    (finding,) = setting.findings()
    assert finding.sentence.startswith("the stamps of colour are zero")
    assert finding.prevents_pairs


def test_the_first_stamp_of_a_simulation_may_be_zero(setting):
    setting.publish_all()
    setting.watch()

    assert setting.second(color=1, depth=1, stamps=0) == []


BURSTS = list(itertools.accumulate([1, 1, 9, 1, 1, 17, 1, 5, 1, 12, 1, 8, 1, 1, 22] * 10))


def play_bursts(setting, seconds):
    """Depth is whole, colour comes in bursts; the sentences after each second."""
    start, told = setting.stamp_ns, []
    for second in range(seconds):
        for k in range(30 * second, 30 * second + 30):
            setting.inputs.note_depth(start + k * PERIOD, "camera")
            setting.inputs.note_camera_info(start + k * PERIOD)
            if k in BURSTS:
                setting.inputs.note_color(start + k * PERIOD, "camera")
        setting.now_s += 1
        setting.stamp_ns += S
        told.append([finding.sentence for finding in setting.findings()])
    return told


def test_a_stream_that_arrives_far_below_its_publishers_rate_is_named_with_the_remedy(setting):
    setting.publish_all()
    setting.watch(reliability=BEST_EFFORT)

    *before, last = play_bursts(setting, 10)

    assert not any(before[:5])  # seconds without loss are rare, but a moment is not much
    (sentence,) = last
    assert sentence.startswith("colour: of 30 images a second only 5")
    assert f"FASTRTPS_DEFAULT_PROFILES_FILE={resource('config/fastdds.xml')}" in sentence
    assert sentence.endswith("or start this node with input_reliability set to reliable")
    assert not setting.findings()[0].prevents_pairs


def test_a_reliable_input_is_not_told_to_be_reliable(setting):
    setting.publish_all()
    setting.watch(reliability=RELIABLE)

    ((sentence,),) = play_bursts(setting, 10)[-1:]

    assert "input_reliability" not in sentence


def test_the_loss_is_forgotten_when_the_images_arrive_again_or_the_clock_goes_back(setting):
    setting.publish_all()
    setting.watch()
    assert play_bursts(setting, 10)[-1]

    setting.stamp_ns -= 1000 * S

    assert setting.second() == []


def test_the_graph_is_asked_seldom_while_all_is_well(setting, monkeypatch):
    setting.publish_all()
    setting.watch()
    asked = []
    ask = setting.node.get_publishers_info_by_topic
    monkeypatch.setattr(
        setting.node,
        "get_publishers_info_by_topic",
        lambda topic: asked.append(topic) or ask(topic),
    )

    for _ in range(20):
        setting.inputs.note_camera_info(setting.stamp_ns)
        setting.second()

    assert len(asked) == 3 * 4
