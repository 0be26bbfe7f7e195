"""The segmentation node: wiring between ROS, the pipeline and the worker thread."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import SetParametersResult
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from std_srvs.srv import SetBool, Trigger

from asymformer_ros.perception.camera_model import forget_rays
from asymformer_ros.perception.frame_drops import sentence_of
from asymformer_ros.perception.labels import LabelSpace, read_label_file
from asymformer_ros.perception.refine import OutputOptions
from asymformer_ros.perception.segmenter import Segmenter
from asymformer_ros.ros.depth_registration import DepthRegistration
from asymformer_ros.ros.extrinsics import Extrinsics
from asymformer_ros.ros.frame_processor import FrameProcessor, ImageMessage
from asymformer_ros.ros.inputs import (
    COLOR_INFO_TOPIC,
    DEPTH_INFO_TOPIC,
    CameraInputs,
)
from asymformer_ros.ros.live_settings import (
    Admission,
    LiveParameters,
    network_space,
)
from asymformer_ros.ros.output_watch import OutputWatch
from asymformer_ros.ros.parameters import (
    LIVE_NAMES,
    SETTABLE_NAMES,
    ConfigurationError,
    Settings,
    declare_parameters,
    read_live,
    read_settings,
    require_live,
    require_valid,
    unknown_names,
    whole_as_real,
)
from asymformer_ros.ros.pipeline import FramePipeline
from asymformer_ros.ros.publishers import SemanticPublishers
from asymformer_ros.ros.quiet_events import NO_PUBLISHER_EVENTS
from asymformer_ros.ros.reporter import Reporter
from asymformer_ros.ros.saved_frame import describe_node, save_folder, save_frame
from asymformer_ros.ros.stock_synchronizer import make_synchronizer

if TYPE_CHECKING:
    from asymformer_ros.engines.choose import LoadedEngine

#: Weights, engine, cache folder and profile to a warm engine; raises EngineError, CheckpointError.
EngineLoader = Callable[[str, str, str, str], "LoadedEngine"]

# ros2 launch goes from SIGINT to SIGTERM after 5 s.
_WORKER_END_S = 4.0


@dataclass(frozen=True)
class _Configured:
    """What exists between configure and cleanup."""

    settings: Settings
    loaded: LoadedEngine
    live: LiveParameters
    extrinsics: Extrinsics | None
    publishers: SemanticPublishers
    diagnostics: Publisher
    processor: FrameProcessor
    pipeline: FramePipeline[ImageMessage, ImageMessage]


@dataclass(frozen=True)
class _Active:
    """What exists between activate and deactivate; working: closed to stop all but reports."""

    reporter: Reporter
    working: ExitStack


class SegmentationNode(LifecycleNode):
    """Colour and depth images in, label images out.

    load_engine: makes the engine at configure. Further arguments go to rclpy's LifecycleNode.
    Raises rclpy's ParameterException on a parameter of a wrong type or out of its range.
    """

    def __init__(self, load_engine: EngineLoader | None = None, **node_arguments: Any) -> None:
        super().__init__("segmentation_node", **node_arguments)
        declare_parameters(self)
        if unknown := unknown_names(self):
            self.get_logger().warning(f"ignored, no parameters of this node: {', '.join(unknown)}")
        self.is_configuring = False
        self._load_engine = load_engine or _load_engine
        self._configured: _Configured | None = None
        self._active: _Active | None = None
        self.add_on_set_parameters_callback(self._on_set_parameters)
        self.create_service(SetBool, "~/enable", self._on_enable)
        self.create_service(Trigger, "~/save_frame", self._on_save_frame)

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

    def set_parameters_atomically(self, parameter_list: list[Parameter]) -> SetParametersResult:
        """As rclpy's, which the services call; a whole number will do for a real one."""
        return super().set_parameters_atomically([whole_as_real(p) for p in parameter_list])

    def _configure(self) -> _Configured:
        settings, values = read_settings(self), read_live(self)
        with ExitStack() as undo:
            # Before the engine, which can take minutes to build.
            synchronizer = make_synchronizer(
                settings.sync_policy, settings.slop_ns, settings.queue_size
            )
            extrinsics = Extrinsics(self) if settings.register_depth else None
            if values["label_space"]:
                read_label_file(values["label_space"])
            loaded = self._load_engine(
                settings.weights, settings.engine, settings.cache_dir, settings.profile
            )
            undo.callback(loaded.engine.close)
            network = network_space(loaded.label_space, loaded.num_classes, values["label_space"])
            publishers = SemanticPublishers(self)
            undo.callback(publishers.destroy)
            live = LiveParameters(network, values, publishers.announce)
            diagnostics = self.create_publisher(
                DiagnosticArray, "/diagnostics", 10, event_callbacks=NO_PUBLISHER_EVENTS
            )
            undo.pop_all()
        self.get_logger().info(
            f"{settings.weights}, {_described(live.current.options, network)}, on {loaded.sentence}"
        )
        processor = FrameProcessor(
            Segmenter(loaded.engine, settings.rotate),
            publishers,
            live,
            self._registration(extrinsics),
            self.get_clock(),
            self.get_logger(),
        )
        return _Configured(
            settings=settings,
            loaded=loaded,
            live=live,
            extrinsics=extrinsics,
            publishers=publishers,
            diagnostics=diagnostics,
            processor=processor,
            pipeline=FramePipeline(
                synchronizer, Admission(live).refuse, processor.process, processor.report_drop
            ),
        )

    def _registration(self, extrinsics: Extrinsics | None) -> DepthRegistration | None:
        if extrinsics is None:
            return None
        topics = (self.resolve_topic_name(topic) for topic in (COLOR_INFO_TOPIC, DEPTH_INFO_TOPIC))
        return DepthRegistration(extrinsics, *topics)

    def _activate(self) -> _Active:
        configured = self._configured
        assert configured is not None, "the state machine activates only what is configured"
        pipeline, processor = configured.pipeline, configured.processor
        if pipeline.is_working:
            raise ConfigurationError(
                f"engine {configured.loaded.engine.name} is still busy with a frame from before: "
                "try again later, or end this process"
            )
        with ExitStack() as undo:
            inputs = CameraInputs(self, configured.settings, pipeline, processor)
            undo.callback(inputs.destroy)
            if configured.extrinsics is not None:
                configured.extrinsics.start()
                undo.callback(configured.extrinsics.stop)
            pipeline.start()
            undo.callback(pipeline.stop, _WORKER_END_S)
            reporter = Reporter(
                self,
                configured.diagnostics,
                configured.settings,
                configured.loaded.engine,
                configured.live,
                pipeline,
                processor,
                inputs.watch,
                OutputWatch(self, configured.publishers.all),
            )
            return _Active(reporter, undo.pop_all())

    def _deactivate(self) -> None:
        configured, active = self._configured, self._active
        if configured is None or active is None:
            return
        active.working.close()
        if configured.pipeline.is_working:
            self.get_logger().error(
                f"engine {configured.loaded.engine.name} is still busy with a frame after "
                f"{_WORKER_END_S:.0f} s: if it stays so, end this process"
            )
        active.reporter.close()
        self._active = None

    def _cleanup(self) -> None:
        configured, self._configured = self._configured, None
        if configured is None:
            return
        configured.publishers.destroy()
        self.destroy_publisher(configured.diagnostics)
        configured.loaded.engine.close()
        forget_rays()

    def _on_set_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        # A label space is read again when it is set again: its file may be another now.
        changed = {
            p.name: p.value
            for p in parameters
            if p.name in SETTABLE_NAMES
            and (p.name == "label_space" or p.value != self.get_parameter(p.name).value)
        }
        try:
            require_valid(changed)
            if self._configured is not None:
                require_live(changed)
                self._configured.live.take(
                    {name: changed[name] for name in LIVE_NAMES.intersection(changed)}
                )
        except Exception as error:
            return SetParametersResult(successful=False, reason=sentence_of(error))
        return SetParametersResult(successful=True)

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        (result,) = self.set_parameters([Parameter("enabled", value=request.data)])
        response.success = result.successful
        response.message = result.reason or ("enabled" if request.data else "disabled")
        return response

    def _on_save_frame(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        configured = self._configured
        if configured is None or configured.processor.last is None:
            response.message = (
                "no frame has been segmented since it was configured: nothing to save"
            )
            return response
        report = describe_node(self, configured.loaded.sentence, configured.pipeline.account())
        try:
            folder = save_folder(self.get_parameter("save_dir").value)
            response.message = str(save_frame(folder, configured.processor.last, report))
            response.success = True
        except Exception as error:  # whatever it is, the client waits for an answer
            response.message = f"the frame could not be saved, set save_dir: {error}"
        return response


def _described(options: OutputOptions, network: LabelSpace) -> str:
    space = options.labelling.space
    of_network = "" if options.labelling.is_identity else f" made of the {len(network.classes)}"
    return f"{len(space.classes)} classes of {space.name}{of_network}"


def _load_engine(weights: str, engine: str, cache_dir: str, profile: str) -> LoadedEngine:
    from asymformer_ros.engines.choose import load_engine

    return load_engine(weights, engine, cache_dir, profile)
