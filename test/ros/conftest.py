"""The node between a camera and a consumer, over real DDS."""

from __future__ import annotations

import contextlib
import itertools
import os

import pytest
from dds_participants import Camera, CompressedCamera, Consumer
from node_process import NodeProcess

from asymformer_ros.resources import resource

pytest.register_assert_rewrite("faults")
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ.setdefault("FASTRTPS_DEFAULT_PROFILES_FILE", str(resource("config/fastdds.xml")))

#: One for each rig, so that no test hears another's nodes.
DOMAINS = (1 + (os.getpid() + k) % 100 for k in itertools.count())


class Rig:
    """A node that loses nothing between the camera and its account, matched on both sides.

    arguments: more of the node's. compressed: whether the camera compresses. managed: whether the
    test activates the node itself, and then calls `wait_until_matched`.
    """

    # Reliable and deep: otherwise a burst would be cut short before the node has seen it.
    ARGUMENTS = (
        *("-p", "input_reliability:=reliable"),
        *("-p", "qos_overrides./color/image_raw.subscription.depth:=1000"),
        *("-p", "qos_overrides./depth/image_raw.subscription.depth:=1000"),
    )

    COMPRESSED = (
        *("-p", "color_transport:=compressed"),
        *("-p", "depth_transport:=compressedDepth"),
    )

    def __init__(self, outputs=(), arguments=(), compressed=False, managed=False):
        self.domain = next(DOMAINS)
        self._camera_kind = CompressedCamera if compressed else Camera
        self.camera = self._camera_kind(self.domain)
        self.consumer = Consumer(self.domain, outputs)
        transports = self.COMPRESSED if compressed else ()
        autostart = ("-p", f"autostart:={str(not managed).lower()}")
        self.node = NodeProcess(self.domain, *self.ARGUMENTS, *transports, *autostart, *arguments)
        self._published_before = 0
        self._now_ns = 1_700_000_000 * 10**9
        if not managed:
            self.wait_until_matched()

    def wait_until_matched(self):
        self.camera.wait_for_subscribers()
        self.consumer.wait_for_node()

    def later(self):
        """A stamp a thousand seconds after the last that it gave."""
        self._now_ns += 1000 * 10**9
        return self._now_ns

    def restart_camera(self):
        """Another process would do no more: the new camera is a new participant."""
        self.camera.close()
        self._published_before += self.camera.published
        self.camera = self._camera_kind(self.domain)
        self.camera.wait_for_subscribers()

    def segment_last_of(self, stamps):
        """Publish pairs and wait until the last is segmented: all before have been received."""
        self.consumer.messages["semantic"].clear()
        *_, last = [self.camera.pair(stamp) for stamp in stamps]
        self.consumer.output_of(last)

    def settled_account(self, pending=0):
        """The account when everything published has been received, and worked on or `pending`."""
        settled = self._published_before + self.camera.published, pending
        return self.consumer.account_when(
            lambda account: (account["received_color"], account["pending"]) == settled,
            f"an account of all {settled[0]} images",
        )

    def close(self):
        for one in (self.node, self.consumer, self.camera):
            one.close()


@pytest.fixture(scope="module")
def rig(request):
    """One rig for the tests of a module, which may name the OUTPUTS that are subscribed to."""
    from sensor_msgs.msg import CameraInfo, Image

    images = ("semantic/confidence", "semantic/color", "semantic/overlay")
    outputs = dict.fromkeys(images, Image) | {"semantic/camera_info": CameraInfo}
    rig = Rig(getattr(request.module, "OUTPUTS", outputs))
    yield rig
    rig.close()


@pytest.fixture(scope="session")
def new_rig():
    """Makes rigs, each to be used in a `with`."""
    return lambda *arguments, **options: contextlib.closing(Rig(*arguments, **options))


@pytest.fixture
def own_rig():
    """A rig for a test that ends its node or needs its log."""
    rig = Rig()
    yield rig
    rig.close()


@pytest.fixture
def start():
    """Starts a Camera, Consumer or NodeProcess in the test's own domain that ends with the test."""
    domain = next(DOMAINS)
    started = []

    def start_one(kind, *arguments, **options):
        kinds = {"camera": Camera, "consumer": Consumer, "node": NodeProcess}
        started.append(kinds[kind](domain, *arguments, **options))
        return started[-1]

    yield start_one
    for one in reversed(started):
        one.close()
