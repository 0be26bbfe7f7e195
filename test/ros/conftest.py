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
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import asymformer_ros
from asymformer_ros.resources import resource

pytest.register_assert_rewrite("faults")
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

    def subscription_of_node(self, topic, condition):
        """Wait until the only subscription of a topic meets the condition."""
        for _ in range(int(PATIENCE_S / 0.05)):
            ends = self.node.get_subscriptions_info_by_topic(topic)
            # The graph changes without an event.
            if self.sees(lambda ends=ends: len(ends) == 1 and condition(ends[0]), 0.05):
                return
        raise AssertionError(f"in vain for a subscription of {topic}: {ends}")

    def sees(self, condition, timeout_s):
        """Whether the condition becomes true within the time."""
        with self.changed:
            return self.changed.wait_for(condition, timeout_s)

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
        from sensor_msgs.msg import CameraInfo

        super().__init__("camera", domain)
        self.published = 0
        matched = PublisherEventCallbacks(matched=self.note)
        qos = QoSProfile(depth=1000)
        self._color, self._depth, self._info = (
            self.node.create_publisher(kind, topic, qos, event_callbacks=matched)
            for kind, topic in (*self._image_topics(), (CameraInfo, "color/camera_info"))
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

    def _image_topics(self):
        from sensor_msgs.msg import Image

        return (Image, "color/image_raw"), (Image, "depth/image_raw")

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


class CompressedCamera(Camera):
    """The same with image_transport's compressed and compressedDepth."""

    def color(self, stamp_ns, data=None, message_format="rgb8; jpeg compressed bgr8"):
        """Publish a colour image, a good one for no data; returns the message."""
        self.published += 1
        if data is None:
            data = self._file(".jpg", np.full((HEIGHT, WIDTH, 3), 7, dtype=np.uint8))
        return self._publish_file(self._color, stamp_ns, data, message_format)

    def depth(self, stamp_ns, data=None, message_format="16UC1; compressedDepth png"):
        """Publish a depth image, a good one for no data; returns the message."""
        if data is None:
            millimetres = np.full((HEIGHT, WIDTH), 1500, dtype=np.uint16)
            data = bytes(12) + self._file(".png", millimetres)
        return self._publish_file(self._depth, stamp_ns, data, message_format)

    def _image_topics(self):
        from sensor_msgs.msg import CompressedImage

        return (
            (CompressedImage, "color/image_raw/compressed"),
            (CompressedImage, "depth/image_raw/compressedDepth"),
        )

    @staticmethod
    def _file(kind, array):
        import cv2

        return cv2.imencode(kind, array)[1].tobytes()

    @staticmethod
    def _publish_file(publisher, stamp_ns, data, message_format):
        from sensor_msgs.msg import CompressedImage

        message = CompressedImage(format=message_format)
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 10**9)
        message.data.frombytes(data)
        publisher.publish(message)
        return message


class Consumer(Participant):
    """Keeps what the node publishes: labels, diagnostics, and what else is asked for."""

    def __init__(self, domain, others=()):
        from diagnostic_msgs.msg import DiagnosticArray
        from sensor_msgs.msg import Image

        super().__init__("consumer", domain)
        self.messages = defaultdict(list)
        self.subscriptions = {}
        self.controls = Controls(self)
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

    def wait_for_publishers(self, count=1):
        """Wait until every output has as many publishers."""
        for topic, subscription in self.subscriptions.items():
            self.wait_for(
                lambda subscription=subscription: subscription.get_publisher_count() == count,
                f"{count} publishers of {topic}",
            )

    def _subscribe(self, kind, topic):
        from rclpy.event_handler import SubscriptionEventCallbacks
        from rclpy.qos import QoSProfile

        def keep(message):
            self.messages[topic].append(message)
            self.note()

        self.subscriptions[topic] = self.node.create_subscription(
            kind,
            topic,
            keep,
            QoSProfile(depth=1000),
            event_callbacks=SubscriptionEventCallbacks(matched=self.note),
        )

    def output_of(self, color, topic="semantic"):
        """The output that carries the stamp of this colour image."""
        stamp = color.header.stamp
        return self.wait_for(
            lambda: next((m for m in self.messages[topic] if m.header.stamp == stamp), None),
            f"{topic} of the image stamped {stamp.sec}.{stamp.nanosec:09d}",
        )

    def first_output(self, publish):
        """Call `publish` with ever later stamps until labels come; returns them.

        For nodes that have just started: the two sides do not discover each other at once.
        """
        self.messages["semantic"].clear()
        for stamp_ns in itertools.count(10**9, 10**9):
            publish(stamp_ns)
            if self.sees(lambda: self.messages["semantic"], 0.05):
                return self.messages["semantic"][0]
            assert stamp_ns < PATIENCE_S / 0.05 * 10**9, "in vain for labels"

    def status(self):
        """The last diagnostic status, None before the first."""
        arrays = self.messages["/diagnostics"]
        return arrays[-1].status[0] if arrays else None

    def reports(self):
        """All diagnostic statuses of the node so far."""
        return [array.status[0] for array in self.messages["/diagnostics"]]

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


class Controls:
    """The services of the node, called by a participant."""

    NODE = "segmentation_node"

    def __init__(self, participant):
        self._client = cache(lambda kind, name: participant.client(kind, f"{self.NODE}/{name}"))

    def transition(self, name):
        """Ask for a transition by its name, such as "configure"; whether it went well."""
        from lifecycle_msgs.msg import Transition
        from lifecycle_msgs.srv import ChangeState

        number = getattr(Transition, f"TRANSITION_{name.upper()}")
        request = ChangeState.Request(transition=Transition(id=number))
        return self._client(ChangeState, "change_state")(request).success

    def state(self):
        from lifecycle_msgs.srv import GetState

        return self._client(GetState, "get_state")(GetState.Request()).current_state.label

    def set(self, values):
        """Set parameters one by one, as `ros2 param set` does; the reasons of those refused."""
        from rcl_interfaces.srv import SetParameters

        request = SetParameters.Request(parameters=_parameters(values))
        results = self._client(SetParameters, "set_parameters")(request).results
        return [result.reason for result in results if not result.successful]

    def set_atomically(self, values):
        """Set parameters together; the reason why they were refused, if they were."""
        from rcl_interfaces.srv import SetParametersAtomically

        request = SetParametersAtomically.Request(parameters=_parameters(values))
        result = self._client(SetParametersAtomically, "set_parameters_atomically")(request).result
        return [] if result.successful else [result.reason]

    def parameters(self):
        """All values by name, asked for as `ros2 param dump` does."""
        from rcl_interfaces.srv import GetParameters, ListParameters
        from rclpy.parameter import parameter_value_to_python

        names = self._client(ListParameters, "list_parameters")(ListParameters.Request())
        names = sorted(names.result.names)
        values = self._client(GetParameters, "get_parameters")(GetParameters.Request(names=names))
        return dict(zip(names, map(parameter_value_to_python, values.values), strict=True))

    def descriptors(self, names):
        from rcl_interfaces.srv import DescribeParameters

        request = DescribeParameters.Request(names=list(names))
        answer = self._client(DescribeParameters, "describe_parameters")(request)
        return {descriptor.name: descriptor for descriptor in answer.descriptors}

    def enable(self, wanted):
        from std_srvs.srv import SetBool

        return self._client(SetBool, "enable")(SetBool.Request(data=wanted))

    def save_frame(self):
        from std_srvs.srv import Trigger

        return self._client(Trigger, "save_frame")(Trigger.Request())


def _parameters(values):
    from rclpy.parameter import Parameter

    # rclpy takes an empty list for bytes; here only a list of texts can be empty.
    kinds = {name: Parameter.Type.STRING_ARRAY for name, value in values.items() if value == []}
    return [
        Parameter(name, kinds.get(name), value).to_parameter_msg() for name, value in values.items()
    ]


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
