"""A TensorRT plan from the deploy graph: FP16 where it is safe, as the graph's types say."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import closing
from types import ModuleType
from typing import Any

from asymformer_ros.engines.cuda_device import CudaDevice
from asymformer_ros.engines.engine import EngineError, first_line
from asymformer_ros.engines.half_precision import to_half
from asymformer_ros.engines.tensorrt_log import collecting_logger
from asymformer_ros.engines.tensorrt_precision import assert_half, pin_precisions
from asymformer_ros.engines.tensorrt_progress import BuildProgress

#: Of the GPU memory that is free before the build; a Jetson shares it with the rest of the robot.
WORKSPACE_SHARE = 0.5

_OUTPUTS = ("labels", "confidence")


def build_plan(
    graph: bytes,
    timings: bytes,
    keep_timings: Callable[[bytes], None],
    progress: Callable[[str], None],
) -> bytes:
    """Build a deploy graph, the content of an ONNX file, for GPU 0; takes minutes.

    timings: of an earlier build, or empty; those that are damaged or of another GPU are ignored.
    keep_timings: takes what shortens the next build, also of one that is refused in the end.
    progress: takes a line at once, and every few seconds from another thread. To cancel the build
    it raises: TensorRT stops (8: ends the build first) and the exception comes out of this
    function. Raises EngineError.
    """
    try:
        import onnx
        import tensorrt as trt
    except Exception as error:  # a broken install raises more than ImportError
        raise EngineError(f"tensorrt cannot build an engine: {first_line(error)}") from error
    try:
        model = onnx.load_from_string(graph)
    except Exception as error:
        raise EngineError(f"onnx cannot read the deploy graph: {first_line(error)}") from error
    half = to_half(model).SerializeToString()
    logger = collecting_logger(trt)
    logger.take_errors()
    # The device first, and for as long: without a driver TensorRT ends the process.
    with closing(CudaDevice()) as device, BuildProgress(progress) as told:
        try:
            workspace = int(WORKSPACE_SHARE * device.free_memory)
            return _build(trt, logger, half, workspace, timings, keep_timings, told)
        except BaseException as error:
            # The traceback would keep TensorRT's objects past the context that they live in.
            traceback.clear_frames(error.__traceback__)
            if isinstance(error, EngineError) or not isinstance(error, Exception):
                raise
            raise EngineError(f"TensorRT cannot build the engine: {first_line(error)}") from error


def _build(
    trt: ModuleType,
    logger: Any,
    graph: bytes,
    workspace: int,
    timings: bytes,
    keep_timings: Callable[[bytes], None],
    progress: BuildProgress,
) -> bytes:
    builder = trt.Builder(logger)
    network = builder.create_network(_network_flags(trt))
    # The network's weights lie in the parser's and the graph's memory until it is built.
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(graph):
        errors = [_parser_error(parser.get_error(i)) for i in range(parser.num_errors)]
        raise EngineError(f"TensorRT cannot parse the graph: {'; '.join(errors)}")
    _keep_outputs(network)

    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, workspace)
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED  # for `assert_half`
    cache = _attached_timing_cache(config, timings)
    logger.take_errors()  # TensorRT's words on a damaged cache explain nothing that follows
    if not hasattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED"):
        config.set_flag(trt.BuilderFlag.FP16)
        config.set_flag(trt.BuilderFlag.OBEY_PRECISION_CONSTRAINTS)
        pin_precisions(trt, network)
    if hasattr(trt, "IProgressMonitor"):
        monitor = progress.monitor(trt)
        config.progress_monitor = monitor

    serialized = builder.build_serialized_network(network, config)
    if serialized is None:
        raise EngineError(f"TensorRT cannot build the engine: {logger.take_errors()}")
    plan = bytes(serialized)
    if cache is not None:
        keep_timings(bytes(cache.serialize()))
    engine = trt.Runtime(logger).deserialize_cuda_engine(plan)
    if engine is None:
        raise EngineError(f"TensorRT cannot read the plan it built: {logger.take_errors()}")
    assert_half(trt, engine)
    return plan


def _network_flags(trt: ModuleType) -> int:
    # By name: the integers of TensorRT's enums move between versions.
    flag = trt.NetworkDefinitionCreationFlag
    flags = 0
    if int(trt.__version__.split(".")[0]) < 10:
        flags |= 1 << int(flag.EXPLICIT_BATCH)
    if hasattr(flag, "STRONGLY_TYPED"):
        flags |= 1 << int(flag.STRONGLY_TYPED)
    return flags


def _keep_outputs(network: Any) -> None:
    """A GPU upsamples in the graph, so the log-probabilities for the host need not leave it."""
    outputs = [network.get_output(i) for i in range(network.num_outputs)]
    names = [tensor.name for tensor in outputs]
    if missing := [name for name in _OUTPUTS if name not in names]:
        raise EngineError(
            f"the graph has no output {missing[0]}, only {', '.join(names)}: "
            "make it with 'asymformer export'"
        )
    for tensor in outputs:
        if tensor.name not in _OUTPUTS:
            network.unmark_output(tensor)


def _attached_timing_cache(config: Any, timings: bytes) -> Any | None:
    for serialized in (timings, b""):
        cache = config.create_timing_cache(serialized)
        if cache is not None and config.set_timing_cache(cache, False):
            return cache
    return None


def _parser_error(error: Any) -> str:
    # TensorRT 8 knows the node's index alone.
    node = error.node_name() if hasattr(error, "node_name") else error.node()
    return f"node {node}: {error.desc()}"
