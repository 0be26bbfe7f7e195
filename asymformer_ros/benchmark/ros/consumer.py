"""Who the node works for: takes its outputs and notes when each was published and came in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage, Image, PointCloud2

from asymformer_ros.benchmark.ros.camera import stamp_of
from asymformer_ros.benchmark.ros.figures import Passage
from asymformer_ros.benchmark.ros.participant import PATIENCE_S, ParticipantError

_HISTORY = 10
_KINDS = {"semantic/points": PointCloud2, "semantic/overlay/compressed": CompressedImage}
_POLL_S = 0.05
#: All of the node's topics must have been found before the first image.
_SETTLE_S = 0.5
# Humble's rclpy does not hand out when a message was published: there its arrival counts.
_TELLS_PUBLISHED = hasattr(Subscription, "CallbackType")


class Consumer:
    """Subscribes to outputs, serialized as they come, and to /diagnostics; spun by a thread."""

    def __init__(self, outputs: Sequence[str], name: str = "consumer") -> None:
        self.passages: dict[str, list[Passage]] = {topic: [] for topic in outputs}
        self._reports: list[dict[str, str]] = []
        self._node = rclpy.create_node(name)
        self._outputs = [self._subscribe(topic) for topic in outputs]
        self._node.create_subscription(DiagnosticArray, "/diagnostics", self._on_report, 10)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._ended = False
        self._thread = threading.Thread(target=self._spin, name="consumer", daemon=True)

    def __enter__(self) -> Consumer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended = True
        self._executor.create_task(lambda: None)
        self._thread.join(PATIENCE_S)
        self._executor.shutdown()
        self._node.destroy_node()

    @property
    def report(self) -> dict[str, str]:
        """Key values of the node's last diagnostics; empty if it made none."""
        return self._reports[-1] if self._reports else {}

    def wait_for_publisher(self) -> None:
        """Until the first of the outputs has one; raises ParticipantError."""
        first = self._outputs[0]

        # Not the subscription's own count, which Humble has not.
        def is_there() -> bool:
            return bool(self._node.count_publishers(first.topic_name))

        self._wait(is_there, f"nobody publishes {first.topic_name}")
        time.sleep(_SETTLE_S)

    def wait_until_quiet(self, quiet_s: float) -> None:
        """Until no output has come for that long."""
        count, since_s = -1, time.monotonic()
        while time.monotonic() - since_s < quiet_s:
            time.sleep(_POLL_S)
            if (now := sum(map(len, self.passages.values()))) != count:
                count, since_s = now, time.monotonic()

    def wait_for_report(self) -> dict[str, str]:
        """The next diagnostics that the node makes; raises ParticipantError."""
        count = len(self._reports)
        self._wait(lambda: len(self._reports) > count, "no diagnostics of the node")
        return self.report

    def forget(self) -> None:
        """Drop the passages so far; call it while nothing is published."""
        for passages in self.passages.values():
            passages.clear()

    def _subscribe(self, topic: str) -> Subscription:
        take: Callable[..., None] = self._take if _TELLS_PUBLISHED else self._take_alone
        callback = partial(take, self.passages[topic])
        return self._node.create_subscription(
            _KINDS.get(topic, Image), topic, callback, QoSProfile(depth=_HISTORY), raw=True
        )

    def _take(self, passages: list[Passage], message: bytes, info: dict[str, Any]) -> None:
        passages.append(Passage(stamp_of(message), info["source_timestamp"], time.time_ns()))

    def _take_alone(self, passages: list[Passage], message: bytes) -> None:
        now_ns = time.time_ns()
        passages.append(Passage(stamp_of(message), now_ns, now_ns))

    def _on_report(self, message: DiagnosticArray) -> None:
        for status in message.status:
            values = {item.key: item.value for item in status.values}
            if "received_color" in values:
                self._reports.append(values)

    def _wait(self, condition: Callable[[], bool], failure: str) -> None:
        end_s = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > end_s:
                raise ParticipantError(f"{failure} within {PATIENCE_S:.0f} s")
            time.sleep(_POLL_S)

    def _spin(self) -> None:
        try:
            while not self._ended:
                self._executor.spin_once()
        except ExternalShutdownException:  # Ctrl-C: the main thread has it, too
            pass
