"""Once a second: looks at the node, judges it, says so on /diagnostics and in the log."""

from __future__ import annotations

import re
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher

from asymformer_ros.ros.diagnostics import NodeReport, diagnostic_status, resident_mb
from asymformer_ros.ros.frame_processor import FrameProcessor, ImageMessage
from asymformer_ros.ros.gpu_usage import GpuMeter
from asymformer_ros.ros.health import HealthMonitor, Judgement
from asymformer_ros.ros.input_watch import Finding, InputWatch
from asymformer_ros.ros.live_settings import LiveParameters
from asymformer_ros.ros.output_watch import OutputWatch
from asymformer_ros.ros.parameters import Settings
from asymformer_ros.ros.pipeline import FramePipeline
from asymformer_ros.ros.throttled_log import ThrottledLog

if TYPE_CHECKING:
    from asymformer_ros.engines.failover import FailoverEngine

REPORT_PERIOD_S = 1.0
_LAST_REPORT_WAIT = Duration(seconds=0.5)
_LOG_PERIOD_S = 10.0
_FAILURE_SHOWN_S = 3.0


class Reporter:
    """Reports from its making until `close`; everything it is given is only looked at."""

    def __init__(
        self,
        node: Node,
        publisher: Publisher,
        settings: Settings,
        engine: FailoverEngine,
        live: LiveParameters,
        pipeline: FramePipeline[ImageMessage, ImageMessage],
        processor: FrameProcessor,
        inputs: InputWatch,
        outputs: OutputWatch,
    ) -> None:
        self._node = node
        self._publisher = publisher
        self._settings = settings
        self._engine = engine
        self._live = live
        self._pipeline = pipeline
        self._processor = processor
        self._inputs = inputs
        self._outputs = outputs
        self._health = HealthMonitor(settings.slop_ns, pipeline.account(), time.monotonic())
        logger = node.get_logger()
        self._warn = ThrottledLog(lambda sentence: logger.warning(sentence), _LOG_PERIOD_S)
        self._has_warned = False
        self._gpus = GpuMeter() if find_spec("pynvml") else None
        # Not the node's clock: a simulation that stands still must not silence the report.
        self._timer = node.create_timer(
            REPORT_PERIOD_S, self._report, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def close(self) -> None:
        """Report a last time and stop."""
        self._node.destroy_timer(self._timer)
        self._report()
        self._publisher.wait_for_all_acked(_LAST_REPORT_WAIT)

    def _findings(self, now_s: float) -> list[Finding]:
        findings = [*self._inputs.findings(now_s), *self._outputs.findings(now_s)]
        failure = self._processor.last_failure
        if now_s - failure.at_s < _FAILURE_SHOWN_S:
            findings.append(Finding("outputs", failure.sentence, prevents_pairs=False))
        return findings

    def _tell(self, judgement: Judgement, rate_hz: float) -> None:
        """Say on the console what is wrong, and after that when it is right."""
        if judgement.is_news:
            # The figures in it change from second to second.
            key = re.sub(r"\d+", "", judgement.sentence)
            self._has_warned |= self._warn(key, judgement.sentence)
        elif self._has_warned and judgement.level == DiagnosticStatus.OK and rate_hz > 0:
            self._has_warned = False
            self._node.get_logger().info(f"all is well now: {judgement.sentence}")

    def _report(self) -> None:
        node, now_s = self._node, time.monotonic()
        account = self._pipeline.account()
        timing = self._processor.times.timing(now_s)
        judgement = self._health.judge(
            account,
            self._findings(now_s),
            timing.rate_hz,
            self._live.current.enabled,
            now_s,
        )
        self._tell(judgement, timing.rate_hz)
        report = NodeReport(
            engine=f"{self._engine.name} {self._engine.precision}",
            agreement=self._engine.agreement,
            sync_policy=self._settings.sync_policy,
            account=account,
            timing=timing,
            pairs_hz=self._health.pairs_hz,
            resident_mb=resident_mb(),
            gpus=self._gpus.latest() if self._gpus is not None else (),
        )
        message = DiagnosticArray()
        message.header.stamp = node.get_clock().now().to_msg()
        name = node.get_fully_qualified_name().lstrip("/")
        message.status = [diagnostic_status(name, judgement, report)]
        self._publisher.publish(message)
