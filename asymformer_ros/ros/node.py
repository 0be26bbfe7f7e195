"""The segmentation node: wiring between ROS, the pipeline and the worker thread."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.publisher import Publisher
from rclpy.signals import SignalHandlerOptions
from rclpy.timer import Timer
from sensor_msgs.msg import Image

from asymformer_ros.perception.labels import load_label_space
from asymformer_ros.perception.segmenter import Segmenter
from asymformer_ros.ros.diagnostics import HealthMonitor, diagnostic_status
from asymformer_ros.ros.forwarded_log import forwarded_to
from asymformer_ros.ros.frame_processor import FrameProcessor
from asymformer_ros.ros.inputs import COLOR_TOPIC, DEPTH_TOPIC, CameraInputs
from asymformer_ros.ros.parameters import (
    ConfigurationError,
    Settings,
    declare_parameters,
    read_settings,
)
from asymformer_ros.ros.pipeline import FramePipeline, sentence_of
from asymformer_ros.ros.process_end import EndRequest
from asymformer_ros.ros.publishers import SemanticPublishers
from asymformer_ros.ros.synchronizer import RgbdSynchronizer

if TYPE_CHECKING:
    from asymformer_ros.engines.choose import LoadedEngine
    from asymformer_ros.engines.engine import Engine

#: Weights, engine, cache folder and profile to a warm engine; raises EngineError, CheckpointError.
EngineLoader = Callable[[str, str, str, str], "LoadedEngine"]

_REPORT_PERIOD_S = 1.0
_LAST_REPORT_WAIT = Duration(seconds=0.5)
_WORKER_END_S = 10.0
_LOG_PERIOD_S = 10.0


@dataclass(frozen=True)
class _Configured:
    """What exists between configure and cleanup."""

    settings: Settings
    engine: Engine
    publishers: SemanticPublishers
    diagnostics: Publisher
    processor: FrameProcessor
    pipeline: FramePipeline[Image, Image]


@dataclass(frozen=True)
class _Active:
    """What exists between activate and deactivate."""

    inputs: CameraInputs
    report_timer: Timer
    health: HealthMonitor


class SegmentationNode(LifecycleNode):
    """Colour and depth images in, label images out.

    load_engine: makes the engine at configure. Further arguments go to rclpy's LifecycleNode.
    Raises rclpy's ParameterException on a parameter of a wrong type or out of its range.
    """

    def __init__(self, load_engine: EngineLoader | None = None, **node_arguments: Any) -> None:
        super().__init__("segmentation_node", **node_arguments)
        declare_parameters(self)
        self.is_configuring = False
        self._load_engine = load_engine or _load_engine
        self._configured: _Configured | None = None
        self._active: _Active | None = None

    def start(self) -> bool:
        """Configure and activate, as a lifecycle manager would; False if that failed."""
        steps = (self.trigger_configure, self.trigger_activate)
        return all(step() == TransitionCallbackReturn.SUCCESS for step in steps)

    def end(self) -> None:
        """Stop the worker and free everything, in whatever state the node is."""
        self._deactivate()
        self._cleanup()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the engine and create the publishers; fails with one sentence."""
        self.is_configuring = True
        try:
            self._configured = self._configure()
        except Exception as error:
            self.get_logger().error(sentence_of(error))
            return TransitionCallbackReturn.FAILURE
        finally:
            self.is_configuring = False
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe to the camera and start the worker; fails with one sentence."""
        try:
            self._active = self._activate()
        except Exception as error:
            self.get_logger().error(sentence_of(error))
            return TransitionCallbackReturn.FAILURE
        return TransitionCallbackReturn.SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop listening and inference; engine and publishers stay."""
        self._deactivate()
        return TransitionCallbackReturn.SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the engine and remove the publishers."""
        self._cleanup()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop and free everything, from any state."""
        self.end()
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything, so that the node can be configured again."""
        self.end()
        return TransitionCallbackReturn.SUCCESS

    def _configure(self) -> _Configured:
        settings = read_settings(self)
        # Before the engine, which can take minutes to build.
        label_space = load_label_space(settings.label_space) if settings.label_space else None
        with ExitStack() as undo:
            loaded = self._load_engine(
                settings.weights, settings.engine, settings.cache_dir, settings.profile
            )
            undo.callback(loaded.engine.close)
            label_space = label_space or load_label_space(loaded.label_space)
            if len(label_space.classes) != loaded.num_classes:
                raise ConfigurationError(
                    f"label_space {label_space.name} has {len(label_space.classes)} classes, "
                    f"the weights {loaded.num_classes}: leave it empty or name one that fits"
                )
            publishers = SemanticPublishers(self, label_space)
            undo.pop_all()
        self.get_logger().info(
            f"{settings.weights}, {len(label_space.classes)} classes of {label_space.name}, "
            f"on {loaded.sentence}"
        )
        processor = FrameProcessor(
            Segmenter(loaded.engine),
            publishers,
            lambda: self.get_parameter("overlay_alpha").value,
            self.get_clock(),
            self.get_logger(),
        )
        return _Configured(
            settings=settings,
            engine=loaded.engine,
            publishers=publishers,
            diagnostics=self.create_publisher(DiagnosticArray, "/diagnostics", 10),
            processor=processor,
            pipeline=FramePipeline(
                RgbdSynchronizer(settings.slop_ns, settings.queue_size),
                processor.process,
                processor.report_drop,
            ),
        )

    def _activate(self) -> _Active:
        configured = self._configured
        assert configured is not None, "the state machine activates only what is configured"
        inputs = CameraInputs(
            self, configured.settings.input_reliability, configured.pipeline, configured.processor
        )
        configured.pipeline.start()
        return _Active(
            inputs=inputs,
            # Not the node's clock: a simulation that stands still must not silence the report.
            report_timer=self.create_timer(
                _REPORT_PERIOD_S, self._report, clock=Clock(clock_type=ClockType.STEADY_TIME)
            ),
            health=HealthMonitor(
                self.resolve_topic_name(COLOR_TOPIC),
                self.resolve_topic_name(DEPTH_TOPIC),
                configured.settings.slop_ns,
                configured.pipeline.account(),
                time.monotonic(),
            ),
        )

    def _report(self) -> None:
        configured, active = self._configured, self._active
        assert configured is not None and active is not None, "reports only while active"
        now_s = time.monotonic()
        account = configured.pipeline.account()
        timing = configured.processor.times.timing(now_s)
        judgement = active.health.judge(account, timing.rate_hz, now_s)
        if judgement.is_news:
            self.get_logger().warning(judgement.sentence, throttle_duration_sec=_LOG_PERIOD_S)
        report = DiagnosticArray()
        report.header.stamp = self.get_clock().now().to_msg()
        name = self.get_fully_qualified_name().lstrip("/")
        engine = f"{configured.engine.name} {configured.engine.precision}"
        report.status = [diagnostic_status(name, engine, judgement, account, timing)]
        configured.diagnostics.publish(report)

    def _deactivate(self) -> None:
        configured, active = self._configured, self._active
        if configured is None or active is None:
            return
        active.inputs.destroy()
        self.destroy_timer(active.report_timer)
        if not configured.pipeline.stop(_WORKER_END_S):
            self.get_logger().error(
                f"engine {configured.engine.name} is still busy with a frame after "
                f"{_WORKER_END_S:.0f} s: end this process"
            )
        self._report()
        configured.diagnostics.wait_for_all_acked(_LAST_REPORT_WAIT)
        self._active = None

    def _cleanup(self) -> None:
        configured, self._configured = self._configured, None
        if configured is None:
            return
        configured.publishers.destroy()
        self.destroy_publisher(configured.diagnostics)
        configured.engine.close()


def main(args: list[str] | None = None, load_engine: EngineLoader | None = None) -> int:
    """Run the node until SIGINT or SIGTERM; returns the exit code, 1 if it cannot be configured."""
    with EndRequest() as end:
        try:
            # Not rclpy's handlers: they end all communication before the last report is out.
            rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
            node = SegmentationNode(load_engine)
        except (ParameterException, RuntimeError) as error:
            print(f"segmentation_node: {sentence_of(error)}", file=sys.stderr)
            rclpy.try_shutdown()
            return 1
        try:
            with forwarded_to(node.get_logger()):
                return _run(node, end)
        finally:
            node.destroy_node()
            rclpy.try_shutdown()


def _run(node: SegmentationNode, end: EndRequest) -> int:
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    end.with_parent = node.get_parameter("exit_with_parent").value
    end.may_interrupt = lambda: node.is_configuring
    # A task and not wake(): spin_once only returns when it has had something to do.
    end.wake = lambda: executor.create_task(lambda: None)
    try:
        if node.get_parameter("autostart").value and not node.start():
            return 1
        while not end.requested and rclpy.ok():
            _spin_once(executor, node)
    except KeyboardInterrupt:
        node.get_logger().info("interrupted while it was being configured")
    finally:
        end.wake = lambda: None
        node.end()
        executor.shutdown()
    return 0


def _spin_once(executor: SingleThreadedExecutor, node: SegmentationNode) -> None:
    try:
        executor.spin_once()
    except ExternalShutdownException:
        pass
    except Exception as error:
        # rclpy raises here when a lifecycle transition is asked for that the state does not allow.
        node.get_logger().error(sentence_of(error), throttle_duration_sec=_LOG_PERIOD_S)


def _load_engine(weights: str, engine: str, cache_dir: str, profile: str) -> LoadedEngine:
    from asymformer_ros.engines.choose import load_engine

    return load_engine(weights, engine, cache_dir, profile)
