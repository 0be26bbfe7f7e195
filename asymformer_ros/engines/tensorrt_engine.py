"""A TensorRT plan on the GPU: a frame's bytes in, its labels out, nothing else crosses.

At 480x640 that is 0.9 MB of colour and 1.2 MB of depth in, 0.6 MB of labels and confidence out.
"""

from __future__ import annotations

import re
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.engines.cuda_device import CudaDevice
from asymformer_ros.engines.cuda_graph import CudaGraph, captured
from asymformer_ros.engines.engine import (
    EngineError,
    StageTimes,
    contiguous_frame,
    first_line,
    gpu_failure,
)
from asymformer_ros.engines.tensorrt_log import collecting_logger
from asymformer_ros.network.profile import Profile

# Without memory or a GPU TensorRT gives no engine either, but then the plan is as good as ever.
_NOT_THE_PLAN = re.compile(
    "out ?of ?memory|could not be allocated|cuda (?:runtime|driver|initiali[sz]ation)",
    re.IGNORECASE,
)


class PlanUnreadable(EngineError):
    """The plan itself is useless here and must be built again."""


def open_plan(plan: bytes, profile: Profile) -> TensorRtEngine:
    """The engine in a plan that `build_plan` made for this GPU.

    Raises PlanUnreadable for a plan of another kind, EngineError for all that it is not to blame
    for: no GPU, too little memory, a first run that fails.
    """
    try:
        import tensorrt as trt
    except Exception as error:  # a broken install raises more than ImportError
        raise EngineError(f"tensorrt cannot be imported: {first_line(error)}") from error
    return TensorRtEngine(trt, plan, profile)


class TensorRtEngine:
    """See `Engine`: opened, used and closed on one thread, which has the CUDA context."""

    name = "tensorrt"
    precision = "fp16"

    def __init__(self, trt: Any, plan: bytes, profile: Profile) -> None:
        self.profile = profile
        self.stages = StageTimes(0.0, 0.0, 0.0, 0.0)
        self._log = collecting_logger(trt)
        self._runtime: Any = None
        self._engine: Any = None
        self._execution: Any = None
        self._graph: CudaGraph | None = None
        self._marks: list[Any] = []
        # Before any TensorRT object: without a driver trt.Runtime ends the process.
        self._device = CudaDevice()
        try:
            self._load(trt, plan)
        except BaseException as error:  # an interrupt, too, must not leave a context behind
            self.close()
            if isinstance(error, EngineError) or not isinstance(error, Exception):
                raise
            raise EngineError(f"tensorrt cannot open the plan: {first_line(error)}") from error

    @property
    def input_size(self) -> tuple[int, int]:
        """Height and width of the frames that `infer` takes."""
        return self.profile.input_size

    def infer(
        self, rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """See `Engine.infer`."""
        if self._execution is None:
            raise EngineError("engine tensorrt is closed")
        frame = contiguous_frame(rgb, depth_m, self.input_size)
        try:
            return self._run(*frame)
        except Exception as error:
            raise gpu_failure(self.name, error, self._device.synchronize) from error

    def close(self) -> None:
        """Free the engine, what depends first and the CUDA context last; again does nothing."""
        if self._graph is not None:
            self._graph.close()
        self._graph = None
        # TensorRT's objects have no close: the last reference frees them, in the owned context.
        self._execution = None
        self._engine = None
        self._runtime = None
        # So do pycuda's events; not a new list, a traceback may have this one.
        self._marks.clear()
        self._device.close()

    def _load(self, trt: Any, plan: bytes) -> None:
        # No local names for TensorRT's objects: a traceback would keep them past their context.
        self._log.take_errors()
        self._runtime = trt.Runtime(self._log)
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            errors = self._log.take_errors()
            kind = EngineError if _NOT_THE_PLAN.search(errors) else PlanUnreadable
            raise kind(f"TensorRT cannot read the plan: {errors}")
        self._check_tensors(trt)
        self._execution = self._engine.create_execution_context()
        if self._execution is None:
            raise EngineError(f"TensorRT cannot run the plan: {self._log.take_errors()}")

        height, width = self.input_size
        device = self._device
        self._rgb = device.mirrored((height, width, 3), np.uint8)
        self._depth = device.mirrored((height, width), np.float32)
        self._labels = device.mirrored((height, width), np.uint8)
        self._confidence = device.mirrored((height, width), np.uint8)
        self._marks = [device.cuda.Event() for _ in range(4)]
        for name, array in (
            ("rgb", self._rgb),
            ("depth", self._depth),
            ("labels", self._labels),
            ("confidence", self._confidence),
        ):
            if not self._execution.set_tensor_address(name, array.address):
                raise EngineError(f"TensorRT refuses {name}: {self._log.take_errors()}")

        # The first run allocates, which a capture may not.
        self._run(self._rgb.host, self._depth.host)
        self._graph = captured(self._execute, int(device.stream.handle))

    def _check_tensors(self, trt: Any) -> None:
        frame, color = self.input_size, (*self.input_size, 3)
        uint8, float32 = trt.DataType.UINT8, trt.DataType.FLOAT
        inward, outward = trt.TensorIOMode.INPUT, trt.TensorIOMode.OUTPUT
        expected = {
            "rgb": (inward, uint8, color),
            "depth": (inward, float32, frame),
            "labels": (outward, uint8, frame),
            "confidence": (outward, uint8, frame),
        }
        names = [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]
        found = {
            name: (
                self._engine.get_tensor_mode(name),
                self._engine.get_tensor_dtype(name),
                tuple(self._engine.get_tensor_shape(name)),
            )
            for name in names
        }
        for name in expected | found:
            if expected.get(name) != found.get(name):
                raise PlanUnreadable(
                    f"the plan's tensor {name} is {_words(found.get(name))}, "
                    f"not {_words(expected.get(name))}: build the engine again"
                )

    def _run(
        self, rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        device, marks = self._device, self._marks
        called = perf_counter()
        np.copyto(self._rgb.host, rgb)
        np.copyto(self._depth.host, depth_m)
        staged = perf_counter()
        marks[0].record(device.stream)
        device.copy_in(self._rgb)
        device.copy_in(self._depth)
        marks[1].record(device.stream)
        if self._graph is None:
            self._execute()
        else:
            self._graph.launch()
        marks[2].record(device.stream)
        device.copy_out(self._labels)
        device.copy_out(self._confidence)
        marks[3].record(device.stream)
        device.synchronize()
        arrived = perf_counter()
        # The next frame overwrites the page-locked arrays; what leaves here is the caller's.
        outputs = self._labels.host.copy(), self._confidence.host.copy()
        copied = perf_counter()
        self.stages = StageTimes(
            copy_in=1000 * (staged - called) + marks[0].time_till(marks[1]),
            network=marks[1].time_till(marks[2]),
            copy_out=marks[2].time_till(marks[3]) + 1000 * (copied - arrived),
            postprocess=0.0,
        )
        return outputs

    def _execute(self) -> None:
        if not self._execution.execute_async_v3(int(self._device.stream.handle)):
            raise EngineError(f"TensorRT cannot run a frame: {self._log.take_errors()}")


def _words(tensor: tuple[Any, Any, tuple[int, ...]] | None) -> str:
    if tensor is None:
        return "absent"
    mode, dtype, shape = tensor
    return f"{mode.name} {dtype.name} {list(shape)}"
