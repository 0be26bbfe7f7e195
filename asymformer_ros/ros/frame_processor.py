"""What the worker thread does with one pair of images: decode, segment, publish."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from rclpy.clock import Clock
from rclpy.impl.rcutils_logger import RcutilsLogger
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from asymformer_ros.perception.frame_drops import FrameDropped, sentence_of, stage
from asymformer_ros.perception.frames import RgbdFrame, Segmentation
from asymformer_ros.perception.refine import refine
from asymformer_ros.perception.segmenter import Segmenter
from asymformer_ros.perception.synchronizer import Pair
from asymformer_ros.ros.depth_registration import DepthRegistration
from asymformer_ros.ros.frame_outputs import FrameOutputs
from asymformer_ros.ros.frame_times import FrameTimes, FrameTiming
from asymformer_ros.ros.images import decode_color, decode_depth
from asymformer_ros.ros.live_settings import LiveParameters
from asymformer_ros.ros.publishers import SemanticPublishers
from asymformer_ros.ros.throttled_log import ThrottledLog

ImageMessage: TypeAlias = "Image | CompressedImage"

_LOG_PERIOD_S = 5.0


@dataclass(frozen=True)
class SegmentedFrame:
    """A frame's outputs, and what the network said at the camera's resolution."""

    outputs: FrameOutputs
    network: Segmentation


class OutputFailure(NamedTuple):
    """When outputs failed, by time.monotonic, and why."""

    at_s: float
    sentence: str


class FrameProcessor:
    """Turns a pair of images into the node's outputs.

    color_info, depth_info: the cameras' latest, set by the receiving thread. last: the newest
    segmented frame. last_failure: of outputs beside the labels. live: asked for the options with
    every frame. registration: None where depth comes registered to colour.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        publishers: SemanticPublishers,
        live: LiveParameters,
        registration: DepthRegistration | None,
        clock: Clock,
        logger: RcutilsLogger,
    ) -> None:
        self.color_info: CameraInfo | None = None
        self.depth_info: CameraInfo | None = None
        self.last: SegmentedFrame | None = None
        self.last_failure = OutputFailure(-math.inf, "")
        self.times = FrameTimes()
        self._segmenter = segmenter
        self._publishers = publishers
        self._live = live
        self._registration = registration
        self._clock = clock
        # One call here: rclpy ties a severity to the line that logs with it.
        self._log = ThrottledLog(lambda sentence: logger.error(sentence), _LOG_PERIOD_S)

    def process(self, pair: Pair[ImageMessage, ImageMessage], waited_s: float) -> None:
        """Segment a pair that waited this long and publish the outputs; raises FrameDropped."""
        header = pair.color.header
        color_info = self.color_info  # taken once: the receiving thread goes on meanwhile
        begun_s = time.monotonic()
        with stage("bad_color"):
            rgb = decode_color(pair.color)
        with stage("bad_depth"):
            depth_m = decode_depth(pair.depth)
        if self._registration is not None:
            with stage("not_registered"):
                depth_m = self._registration.register(
                    depth_m,
                    (rgb.shape[0], rgb.shape[1]),
                    header.frame_id,
                    pair.depth.header.frame_id,
                    color_info,
                    self.depth_info,
                )
        with stage("size_mismatch"):
            frame = RgbdFrame(rgb, depth_m, pair.color_stamp_ns, header.frame_id)
        decoded_s = time.monotonic()
        with stage("engine_error"):
            segmentation = self._segmenter.segment(frame)
        segmented_s = time.monotonic()
        # Not before: labels must be those that label_info tells now.
        options = self._live.current.options
        with stage("publish_error"):
            published = refine(segmentation, depth_m, options)
            self._publishers.publish_labels(header, published)
        published_s = time.monotonic()
        timing = FrameTiming(
            latency_ms=self._age_ms(pair.color_stamp_ns),
            waiting_ms=waited_s * 1e3,
            decode_ms=(decoded_s - begun_s) * 1e3,
            inference_ms=(segmented_s - decoded_s) * 1e3,
            publish_ms=(published_s - segmented_s) * 1e3,
        )
        self.times.add(published_s, timing)
        outputs = FrameOutputs(header, frame, published, color_info, options)
        self.last = SegmentedFrame(outputs, segmentation)
        try:
            self._publishers.publish_others(outputs)
        except Exception as error:  # The labels are out: the frame counts as segmented.
            self.last_failure = OutputFailure(time.monotonic(), sentence_of(error))
            self._log("other_outputs", self.last_failure.sentence)

    def _age_ms(self, stamp_ns: int) -> float:
        """NaN where the stamp, or the simulated clock that has not begun, is zero."""
        now_ns = self._clock.now().nanoseconds
        return (now_ns - stamp_ns) / 1e6 if now_ns and stamp_ns else math.nan

    def report_drop(self, drop: FrameDropped) -> None:
        """Log why a frame was dropped, every few seconds for each cause."""
        self._log(drop.cause, f"frame dropped ({drop.cause}): {drop}")
