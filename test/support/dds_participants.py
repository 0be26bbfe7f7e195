"""A camera and a consumer of the node's outputs, each a DDS participant of its own."""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict

import numpy as np
from node_controls import Controls

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
