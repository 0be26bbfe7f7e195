"""Looks at the input streams and says in words what is wrong with them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rclpy.node import Node
from rclpy.qos import ReliabilityPolicy
from rclpy.subscription import Subscription
from rclpy.utilities import get_rmw_implementation_identifier

from asymformer_ros.perception.frames import REGISTERED_BY_DRIVERS
from asymformer_ros.resources import resource
from asymformer_ros.ros.arrival_rate import arrival_rate
from asymformer_ros.ros.input_graph import Input, PublisherCheck, check_publishers, why_no_publisher

COLOR, DEPTH, CAMERA_INFO = "colour", "depth", "camera info"
#: A stream counts as silent after this time.
SILENCE_S = 3.0

# While all is well; changes of the graph are not urgent then.
_GRAPH_PERIOD_S = 5.0
_REMEMBERED_STAMPS = 1000
# So large a share has to be lost for so long before it is told.
_MUCH = 0.5
_LOSS_S = 3.0


@dataclass(frozen=True)
class Finding:
    """What is wrong with a stream, and what to do, in one sentence.

    prevents_pairs: whether nothing can be paired while it is so.
    """

    stream: str
    sentence: str
    prevents_pairs: bool


class InputWatch:
    """Watches what arrives; all calls in the thread of the executor.

    subscriptions: at least `COLOR`, `DEPTH` and `CAMERA_INFO` (of colour); of any others only type
    and QoS are looked at. now_s: a steady clock.
    """

    def __init__(self, node: Node, subscriptions: Mapping[str, Subscription], now_s: float) -> None:
        self._node = node
        in_order = dict.fromkeys([COLOR, DEPTH, *subscriptions])
        self._streams = {
            name: _Stream(Input.of(name, subscriptions[name]), now_s) for name in in_order
        }
        self._color, self._depth, self._info = (
            self._streams[name] for name in (COLOR, DEPTH, CAMERA_INFO)
        )

    def note_color(self, stamp_ns: int, frame_id: str) -> None:
        """A colour image has arrived; takes about a microsecond."""
        self._color.note(stamp_ns, frame_id)

    def note_depth(self, stamp_ns: int, frame_id: str) -> None:
        """A depth image has arrived; frame_id: empty where it need not be that of colour."""
        self._depth.note(stamp_ns, frame_id)

    def note_camera_info(self, stamp_ns: int) -> None:
        """The info of the colour camera has arrived."""
        self._info.note(stamp_ns, "")

    def findings(self, now_s: float) -> list[Finding]:
        """All that is wrong now; to be asked about once a second."""
        found: list[Finding] = []
        some_arrive = any([stream.arrives(now_s) for stream in self._streams.values()])
        for stream in self._streams.values():
            found += stream.publisher_findings(self._node, some_arrive, now_s)
        found += self._color.loss_findings(self._info.stamps, now_s)
        found += self._depth.loss_findings((), now_s)
        found += self._zero_stamps()
        found += self._other_frame()
        return found

    def _zero_stamps(self) -> Iterator[Finding]:
        without = [stream.name for stream in (self._color, self._depth) if stream.has_zero_stamps]
        if without:
            yield Finding(
                without[0],
                f"the stamps of {' and '.join(without)} are zero: the driver has to fill in "
                "header.stamp, or labels cannot be matched with anything else",
                prevents_pairs=len(without) == 1,
            )

    def _other_frame(self) -> Iterator[Finding]:
        color, depth = (stream.frame_id.lstrip("/") for stream in (self._color, self._depth))
        if color and depth and color != depth:
            yield Finding(
                DEPTH,
                f"depth is in frame {depth} but colour in {color}, so it is not registered to "
                f"colour (REP 118): use the driver's registered depth ({REGISTERED_BY_DRIVERS}) "
                "or set register_depth to true",
                prevents_pairs=False,
            )


class _Stream:
    """One input: its recent stamps, and its publishers when last looked at."""

    def __init__(self, wanted: Input, now_s: float) -> None:
        self.name = wanted.stream
        self.stamps: deque[int] = deque(maxlen=_REMEMBERED_STAMPS)
        self.frame_id = ""
        self._input = wanted
        self._arrived = False
        self._arrived_s = now_s
        self._looked_s = float("-inf")
        self._publishers = PublisherCheck()
        self._intact_s = now_s

    def note(self, stamp_ns: int, frame_id: str) -> None:
        if self.stamps and stamp_ns < self.stamps[-1]:
            self.stamps.clear()
        self.stamps.append(stamp_ns)
        self.frame_id = frame_id
        self._arrived = True

    @property
    def has_zero_stamps(self) -> bool:
        # Two, because a simulation starts at zero.
        return len(self.stamps) > 1 and self.stamps[-1] == self.stamps[-2] == 0

    def arrives(self, now_s: float) -> bool:
        """Whether something has arrived since this was asked last; to be asked first."""
        arrived, self._arrived = self._arrived, False
        if arrived:
            self._arrived_s = now_s
        return arrived

    def publisher_findings(self, node: Node, some_arrive: bool, now_s: float) -> Iterator[Finding]:
        """Whether the publishers fit and send; some_arrive: whether any stream does."""
        if self._arrived_s < now_s or now_s - self._looked_s >= _GRAPH_PERIOD_S:
            self._looked_s = now_s
            self._publishers = check_publishers(node, self._input)
        is_silent = self.name in (COLOR, DEPTH) and now_s - self._arrived_s >= SILENCE_S
        if len(self._publishers.nodes) > 1:
            nodes = " and ".join(self._publishers.nodes)
            yield Finding(
                self.name,
                f"{self.name}: {nodes} all publish {self._input.topic}: remap all but one",
                prevents_pairs=False,
            )
        for mismatch in self._publishers.mismatches:
            yield Finding(self.name, f"{self.name}: {mismatch}", prevents_pairs=is_silent)
        if is_silent and not self._publishers.mismatches:
            yield Finding(self.name, f"{self.name}: {self._why_silent(node, some_arrive)}", True)

    def loss_findings(self, info_stamps: Sequence[int], now_s: float) -> Iterator[Finding]:
        """Whether much less arrives than is published."""
        rate = arrival_rate(self.stamps, info_stamps)
        if rate is None or rate.lost <= _MUCH or now_s - self._arrived_s >= SILENCE_S:
            self._intact_s = now_s
        elif now_s - self._intact_s >= _LOSS_S:
            yield Finding(
                self.name,
                f"{self.name}: of {rate.published_hz:.0f} images a second only "
                f"{rate.arriving_hz:.1f} arrive; unless the publisher itself skips them: "
                f"{self._loss_remedy()}",
                prevents_pairs=False,
            )

    def _why_silent(self, node: Node, some_arrive: bool) -> str:
        if not self._publishers.nodes:
            return why_no_publisher(node, self._input)
        nodes = ", ".join(dict.fromkeys(self._publishers.nodes))
        silence = (
            f"nothing arrives on {self._input.topic} from {nodes}: see whether it sends images"
        )
        # Where nothing at all arrives, a stopped driver is more likely.
        return f"{silence}; if it does, {self._loss_remedy()}" if some_arrive else silence

    def _loss_remedy(self) -> str:
        remedies = []
        if "fastrtps" in get_rmw_implementation_identifier():
            profile = resource("config/fastdds.xml")
            remedies.append(
                "Fast DDS has too little shared memory for images: start the driver with "
                f"FASTRTPS_DEFAULT_PROFILES_FILE={profile} (in Docker also --shm-size=256m)"
            )
        if self._input.qos.reliability == ReliabilityPolicy.BEST_EFFORT:
            remedies.append("start this node with input_reliability set to reliable")
        return ", or ".join(remedies) or "raise the buffers of the middleware and of the network"
