"""A node with the semantic outputs and a consumer of them, over real DDS in one process."""

from __future__ import annotations

import itertools
import os
import time
from functools import partial

import numpy as np
import rclpy
from asymformer_ros.msg import SemanticScene
from builtin_interfaces.msg import Time
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
from std_msgs.msg import Header

from asymformer_ros.perception.frames import UNLABELLED, RgbdFrame, Segmentation
from asymformer_ros.perception.labels import Labelling, LabelSpace
from asymformer_ros.perception.refine import OutputOptions, mask_table, refine
from asymformer_ros.ros.frame_outputs import FrameOutputs
from asymformer_ros.ros.publishers import SemanticPublishers

os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
_NUMBERS = itertools.count()

PATIENCE_S = 30.0
KINDS = {
    "semantic/camera_info": CameraInfo,
    "semantic/mask": Image,
    "semantic/confidence": Image,
    "semantic/points": PointCloud2,
    "semantic/color": Image,
    "semantic/overlay": Image,
    "semantic/overlay/compressed": CompressedImage,
    "semantic/scene": SemanticScene,
}

HEIGHT, WIDTH = 5, 7
FLOOR, PERSON, LAMP = 0, 1, 2
HEADER = Header(stamp=Time(sec=1700000000, nanosec=123456789), frame_id="camera_optical")
FX, FY, CX, CY = 10.0, 20.0, 3.0, 2.0
INFO = CameraInfo(
    header=Header(stamp=Time(sec=3), frame_id="of the driver"),
    width=WIDTH,
    height=HEIGHT,
    distortion_model="plumb_bob",
    d=[0.0] * 5,
    k=[FX, 0.0, CX, 0.0, FY, CY, 0.0, 0.0, 1.0],
    p=[FX, 0.0, CX, 0.5, 0.0, FY, CY, 0.0, 0.0, 0.0, 1.0, 0.0],
)
PALETTE = np.zeros((256, 3), dtype=np.uint8)
PALETTE[:3] = [[10, 20, 30], [40, 50, 60], [70, 80, 90]]
LABELLING = Labelling(
    LabelSpace("home", ("floor", "person", "lamp"), PALETTE), np.arange(256, dtype=np.uint8)
)
OPTIONS = OutputOptions(LABELLING, mask_table(LABELLING, ["person"]))


def camera_frame():
    rgb = np.arange(HEIGHT * WIDTH * 3, dtype=np.uint8).reshape(HEIGHT, WIDTH, 3)
    depth_m = np.linspace(1, 4, HEIGHT * WIDTH, dtype=np.float32).reshape(HEIGHT, WIDTH)
    depth_m[0, 3] = np.nan
    return RgbdFrame(rgb, depth_m)


def segmentation():
    labels = np.full((HEIGHT, WIDTH), FLOOR, dtype=np.uint8)
    labels[1:4, 2:5] = PERSON
    labels[0, 0] = UNLABELLED
    confidence = np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH) * 7
    return Segmentation(labels, confidence)


FRAME, SEGMENTATION = camera_frame(), segmentation()


class Robot:
    """A node with the outputs and a consumer, in a namespace of their own."""

    def __init__(self, *arguments):
        self.namespace = f"/robot_{next(_NUMBERS)}_{os.getpid()}"
        self._context = rclpy.Context()
        arguments = [argument.format(namespace=self.namespace) for argument in arguments]
        rclpy.init(context=self._context, args=["--ros-args", *arguments])
        create = partial(rclpy.create_node, context=self._context, namespace=self.namespace)
        self.node, self._consumer = create("segmentation"), create("consumer")
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._consumer)
        self._before = self.topics()
        self.outputs = None

    def start(self):
        self.outputs = SemanticPublishers(self.node)
        return self

    def topics(self):
        """The topics that the node publishes."""
        prefix = f"{self.namespace}/"
        return {p.topic_name.removeprefix(prefix) for p in self.node.publishers}

    def outputs_made(self):
        return self.topics() - self._before

    def listen(self, topic, kind, **qos):
        """Subscribe, wait until the publisher knows it; returns the list of what will come."""
        heard = []
        subscription = self._consumer.create_subscription(
            kind, topic, heard.append, QoSProfile(depth=10, **qos)
        )
        publisher = next(p for p in self.node.publishers if p.topic_name == subscription.topic_name)
        self.wait_for(publisher.get_subscription_count, f"a subscriber of {topic}")
        return heard

    def listen_to_all(self):
        return {topic: self.listen(topic, kind) for topic, kind in KINDS.items()}

    def publish(self, frame=FRAME, labelled=SEGMENTATION, info=INFO, options=OPTIONS):
        """As the frame processor does it."""
        published = refine(labelled, frame.depth_m, options)
        self.outputs.publish_labels(HEADER, published)
        self.outputs.publish_others(FrameOutputs(HEADER, frame, published, info, options))

    def first(self, topic, **frame):
        """Subscribe to an output, publish a frame and return what came."""
        heard = self.listen(topic, KINDS[topic])
        self.publish(**frame)
        return self.only(heard)

    def only(self, heard):
        self.wait_for(lambda: heard, "a message")
        assert len(heard) == 1
        return heard[0]

    def wait_for(self, condition, what):
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < end, f"waited {PATIENCE_S:.0f} s in vain for {what}"
            self._executor.spin_once(timeout_sec=0.01)

    def close(self):
        if self.outputs is not None:
            self.outputs.destroy()
        self._executor.shutdown()
        self.node.destroy_node()
        self._consumer.destroy_node()
        self._context.try_shutdown()
        self._context.destroy()


def pixels(message, channels=()):
    return np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, *channels)
