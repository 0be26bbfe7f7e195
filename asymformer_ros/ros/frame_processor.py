"""What the worker thread does with one pair of images: decode, segment, publish."""

from __future__ import annotations

import time
from collections.abc import Callable

from rclpy.clock import Clock
from rclpy.impl.rcutils_logger import RcutilsLogger
from sensor_msgs.msg import CameraInfo, Image

from asymformer_ros.perception.frames import RgbdFrame
from asymformer_ros.perception.segmenter import Segmenter
from asymformer_ros.ros.diagnostics import FrameTimes
from asymformer_ros.ros.images import decode_color, decode_depth, require_same_size
from asymformer_ros.ros.pipeline import FrameDropped, sentence_of, stage
from asymformer_ros.ros.publishers import SemanticPublishers
from asymformer_ros.ros.synchronizer import Pair

_LOG_PERIOD_S = 5.0


class FrameProcessor:
    """Turns a pair of images into the node's outputs.

    camera_info: the camera's latest, set by the receiving thread. overlay_alpha: asked for with
    every frame.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        publishers: SemanticPublishers,
        overlay_alpha: Callable[[], float],
        clock: Clock,
        logger: RcutilsLogger,
    ) -> None:
        self.camera_info: CameraInfo | None = None
        self.times = FrameTimes()
        self._segmenter = segmenter
        self._publishers = publishers
        self._overlay_alpha = overlay_alpha
        self._clock = clock
        self._logger = logger
        self._logged_s: dict[str, float] = {}

    def process(self, pair: Pair[Image, Image]) -> None:
        """Segment a pair and publish the outputs; raises FrameDropped."""
        color, depth = pair.color, pair.depth
        with stage("size_mismatch"):
            require_same_size(color, depth)
        with stage("bad_color"):
            rgb = decode_color(color)
        with stage("bad_depth"):
            depth_m = decode_depth(depth)
        with stage("engine_error"):
            started_s = time.monotonic()
            frame = RgbdFrame(rgb, depth_m, pair.color_stamp_ns, color.header.frame_id)
            segmentation = self._segmenter.segment(frame)
            inference_s = time.monotonic() - started_s
        with stage("publish_error"):
            self._publishers.publish_labels(color.header, segmentation)
        latency_ns = self._clock.now().nanoseconds - pair.color_stamp_ns
        self.times.add(time.monotonic(), latency_ns / 1e6, inference_s * 1e3)
        try:
            self._publishers.publish_others(
                color.header, rgb, segmentation, self.camera_info, self._overlay_alpha()
            )
        except Exception as error:  # The labels are out: the frame counts as segmented.
            self._log("other_outputs", f"only the labels were published: {sentence_of(error)}")

    def report_drop(self, drop: FrameDropped) -> None:
        """Log why a frame was dropped, every few seconds for each cause."""
        self._log(drop.cause, f"frame dropped ({drop.cause}): {drop}")

    def _log(self, key: str, sentence: str) -> None:
        now_s = time.monotonic()
        if now_s - self._logged_s.get(key, float("-inf")) >= _LOG_PERIOD_S:
            self._logged_s[key] = now_s
            self._logger.error(sentence)
