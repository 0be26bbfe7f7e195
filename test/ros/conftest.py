"""A camera, a consumer and the node, each a DDS participant; the node a process of its own."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

import asymformer_ros
from asymformer_ros.resources import resource

os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ.setdefault("FASTRTPS_DEFAULT_PROFILES_FILE", str(resource("config/fastdds.xml")))

#: One for each rig, so that no test hears another's nodes.
DOMAINS = (1 + (os.getpid() + k) % 100 for k in itertools.count())
PATIENCE_S = 30.0
HEIGHT, WIDTH = 48, 64


class Participant:
    """A ROS node with a context of its own, spun by a thread."""

    def __init__(self, name, domain):
        import rclpy
        from rclpy.executors import SingleThreadedExecutor

        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = rclpy.create_node(name, context=self.context)
        self.changed = threading.Condition()
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self._ended = False
        self._thread = threading.Thread(target=self._spin, name=name, daemon=True)
        self._thread.start()

    def close(self):
        if self._ended:
            return
        self._ended = True
        self._executor.create_task(lambda: None)
        self._thread.join(PATIENCE_S)
        self._executor.shutdown()
        self.node.destroy_node()
        self.context.try_shutdown()
        self.context.destroy()  # or its shared memory stays behind

    def wait_for(self, condition, what):
        """Wait until the condition, looked at after every event, is true; returns its value."""
        with self.changed:
            if not self.changed.wait_for(condition, PATIENCE_S):
                raise AssertionError(f"waited {PATIENCE_S:.0f} s in vain for {what}")
            return condition()

    def client(self, kind, service):
        """A function that calls the service; its `send` does not wait for the answer."""
        client = self.node.create_client(kind, service)
        assert client.wait_for_service(PATIENCE_S), f"no service {service}"

        def send(request):
            future = client.call_async(request)
            future.add_done_callback(self.note)
            return future

        def call(request):
            future = send(request)
            self.wait_for(future.done, f"an answer of {service}")
            return future.result()

        call.send = send
        return call

    def note(self, event=None):
        with self.changed:
            self.changed.notify_all()

    def _spin(self):
        while not self._ended:
            self._executor.spin_once()


class Camera(Participant):
    """Publishes colour, depth and camera info like a driver."""

    def __init__(self, domain):
        from rclpy.event_handler import PublisherEventCallbacks
        from rclpy.qos import QoSProfile
        from sensor_msgs.msg import CameraInfo, Image

        super().__init__("camera", domain)
        self.published = 0
        matched = PublisherEventCallbacks(matched=self.note)
        qos = QoSProfile(depth=1000)
        self._color, self._depth, self._info = (
            self.node.create_publisher(kind, topic, qos, event_callbacks=matched)
            for kind, topic in (
                (Image, "color/image_raw"),
                (Image, "depth/image_raw"),
                (CameraInfo, "color/camera_info"),
            )
        )

    def wait_for_subscribers(self, count=1):
        for publisher in (self._color, self._depth, self._info):
            self.wait_for(
                lambda publisher=publisher: publisher.get_subscription_count() == count,
                f"{count} subscribers of {publisher.topic_name}",
            )

    def color(self, stamp_ns, array=None, encoding="rgb8", **fields):
        """Publish a colour image; returns the message."""
        self.published += 1
        if array is None:
            array = np.full((HEIGHT, WIDTH, 3), 7, dtype=np.uint8)
        return self._publish(self._color, stamp_ns, array, encoding, fields)

    def depth(self, stamp_ns, array=None, encoding="16UC1", **fields):
        """Publish a depth image; returns the message."""
        if array is None:
            array = np.full((HEIGHT, WIDTH), 1500, dtype=np.uint16)
        return self._publish(self._depth, stamp_ns, array, encoding, fields)

    def pair(self, stamp_ns, offset_ns=0):
        """Publish a good pair; returns the colour message."""
        self.depth(stamp_ns + offset_ns)
        return self.color(stamp_ns)

    def info(self, **fields):
        from sensor_msgs.msg import CameraInfo

        self._info.publish(CameraInfo(**fields))

    def _publish(self, publisher, stamp_ns, array, encoding, fields):
        from sensor_msgs.msg import Image

        on_wire = fields.pop("on_wire", lambda message: message)
        rows = array.reshape(len(array), -1).view(np.uint8)
        padded = np.pad(rows, ((0, 0), (0, fields.pop("padding", 0))))
        message = Image(height=array.shape[0], width=array.shape[1], encoding=encoding)
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 10**9)
        message.header.frame_id = "camera_color_optical_frame"
        message.step = padded.shape[1]
        message.data.frombytes(padded.tobytes())
        for name, value in fields.items():
            setattr(message, name, value)
        publisher.publish(on_wire(message))
        return message


class Consumer(Participant):
    """Keeps what the node publishes: labels, diagnostics, and what else is asked for."""

    def __init__(self, domain, others=()):
        from diagnostic_msgs.msg import DiagnosticArray
        from sensor_msgs.msg import Image

        super().__init__("consumer", domain)
        self.messages = defaultdict(list)
        for topic, kind in {
            "semantic": Image,
            **dict(others),
            "/diagnostics": DiagnosticArray,
        }.items():
            self._subscribe(kind, topic)

    def wait_for_node(self):
        """Wait until the node publishes to every subscription.

        Subscriptions become known in the order of their making, and diagnostics is the last.
        """
        self.wait_for(self.status, "diagnostics")

    def _subscribe(self, kind, topic):
        from rclpy.qos import QoSProfile

        def keep(message):
            self.messages[topic].append(message)
            self.note()

        self.node.create_subscription(kind, topic, keep, QoSProfile(depth=1000))

    def output_of(self, color, topic="semantic"):
        """The output that carries the stamp of this colour image."""
        stamp = color.header.stamp
        return self.wait_for(
            lambda: next((m for m in self.messages[topic] if m.header.stamp == stamp), None),
            f"{topic} of the image stamped {stamp.sec}.{stamp.nanosec:09d}",
        )

    def status(self):
        """The last diagnostic status, None before the first."""
        arrays = self.messages["/diagnostics"]
        return arrays[-1].status[0] if arrays else None

    def account(self):
        """The figures of the last diagnostics, whole numbers as int."""
        status = self.status()
        values = {} if status is None else {v.key: v.value for v in status.values}
        account = defaultdict(int)
        account |= {k: int(v) if v.isdigit() else v for k, v in values.items()}
        return account

    def account_when(self, condition, what):
        """The first account that meets the condition."""
        self.wait_for(lambda: condition(self.account()), what)
        return self.account()


class NodeProcess:
    """node_under_test.py, its output kept line by line.

    launcher: Python code of a process between the test and the node, whose arguments are the
    node's command line.
    """

    def __init__(self, domain, *ros_arguments, launcher=None):
        script = Path(__file__).parent / "node_under_test.py"
        command = [sys.executable, str(script), "--ros-args", *ros_arguments]
        if launcher is not None:
            command = [sys.executable, "-c", launcher, *command]
        package = str(Path(asymformer_ros.__file__).parents[1])
        self.process = subprocess.Popen(
            command,
            env=os.environ
            | {
                "ROS_DOMAIN_ID": str(domain),
                "RCUTILS_COLORIZED_OUTPUT": "0",
                "PYTHONPATH": package,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines = []
        self._changed = threading.Condition()
        self._at_end = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for_line(self, part):
        with self._changed:
            self._changed.wait_for(
                lambda: self._at_end or any(part in line for line in self.lines), PATIENCE_S
            )
            assert any(part in line for line in self.lines), f"no {part!r} in {self.lines}"

    def wait_for_end(self):
        """The exit code."""
        code = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return code

    def close(self):
        # First in good order: a killed process leaves its shared memory behind.
        for number in (signal.SIGINT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(self.process.pid, number)
                self.wait_for_end()

    def _read(self):
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.rstrip())
                self._changed.notify_all()
        with self._changed:
            self._at_end = True
            self._changed.notify_all()


class Rig:
    """A node that loses nothing between the camera and its account, matched on both sides."""

    # Reliable and deep: otherwise a burst would be cut short before the node has seen it.
    ARGUMENTS = (
        *("-p", "input_reliability:=reliable"),
        *("-p", "qos_overrides./color/image_raw.subscription.depth:=1000"),
        *("-p", "qos_overrides./depth/image_raw.subscription.depth:=1000"),
    )

    def __init__(self, outputs=()):
        self._domain = next(DOMAINS)
        self.camera = Camera(self._domain)
        self.consumer = Consumer(self._domain, outputs)
        self.node = NodeProcess(self._domain, *self.ARGUMENTS)
        self.camera.wait_for_subscribers()
        self.consumer.wait_for_node()
        self._published_before = 0
        self._now_ns = 1_700_000_000 * 10**9

    def later(self):
        """A stamp a thousand seconds after the last that it gave."""
        self._now_ns += 1000 * 10**9
        return self._now_ns

    def restart_camera(self):
        """Another process would do no more: the new camera is a new participant."""
        self.camera.close()
        self._published_before += self.camera.published
        self.camera = Camera(self._domain)
        self.camera.wait_for_subscribers()

    def segment_last_of(self, stamps):
        """Publish pairs and wait until the last is segmented: all before have been received."""
        self.consumer.messages["semantic"].clear()
        *_, last = [self.camera.pair(stamp) for stamp in stamps]
        self.consumer.output_of(last)

    def settled_account(self):
        """The account when everything published has been received and worked on."""
        published = self._published_before + self.camera.published
        return self.consumer.account_when(
            lambda account: account["received_color"] == published and account["pending"] == 0,
            f"an account of all {published} images",
        )

    def close(self):
        for one in (self.node, self.consumer, self.camera):
            one.close()


@pytest.fixture(scope="module")
def rig():
    """One rig for the tests of a module."""
    from sensor_msgs.msg import CameraInfo, Image

    images = ("semantic/confidence", "semantic/color", "semantic/overlay")
    rig = Rig(dict.fromkeys(images, Image) | {"semantic/camera_info": CameraInfo})
    yield rig
    rig.close()


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
