"""The deploy graph in PyTorch on CUDA: half precision, recorded once, replayed for every frame."""

from __future__ import annotations

import ctypes
import logging
import traceback
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asymformer_ros.engines.deploy_graph import DeployGraph
from asymformer_ros.engines.engine import (
    EngineError,
    StageTimes,
    contiguous_frame,
    first_line,
    gpu_failure,
)
from asymformer_ros.engines.torch_half import half_with_islands

log = logging.getLogger("asymformer_ros.engines")

#: Runs before the recording, as PyTorch's guide to CUDA graphs has it: libraries allocate in them.
_WARM_UP = 3
_GPU = "cuda"


class TorchCudaEngine:
    """See `Engine`; graph: on the CPU in float32, taken over and changed. Raises EngineError.

    Only a frame's bytes and its labels cross between host and GPU, through page-locked memory, on a
    stream of the engine's own: the default stream cannot be recorded.
    """

    name = "torch"
    precision = "fp16"
    # A recording that failed can spoil later ones of its process (pytorch#180395, #190348).
    _spoiled = False

    def __init__(self, graph: DeployGraph) -> None:
        self.profile = graph.profile
        self.input_size = graph.profile.input_size
        self.stages = StageTimes(0.0, 0.0, 0.0, 0.0)
        self._graph: DeployGraph | None = None
        self._recorded: torch.cuda.CUDAGraph | None = None
        self._inputs: tuple[Tensor, ...] = ()
        self._outputs: tuple[Tensor, ...] = ()
        self._host_inputs: tuple[Tensor, ...] = ()
        self._host_outputs: tuple[Tensor, ...] = ()
        self._marks: list[torch.cuda.Event] = []
        try:
            self._stream = torch.cuda.Stream()
            self._graph = graph
            self._marks = [torch.cuda.Event(enable_timing=True) for _ in range(4)]
            # Memory belongs to the stream that it is asked for on.
            with torch.cuda.stream(self._stream):
                self._load(graph)
        except Exception as error:
            # Before: what the frames hold could not be freed.
            traceback.clear_frames(error.__traceback__)
            self.close()
            raise EngineError(f"torch cannot use the GPU: {first_line(error)}") from error

    def infer(
        self, rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """See `Engine.infer`."""
        if self._graph is None:
            raise EngineError("engine torch is closed")
        frame = contiguous_frame(rgb, depth_m, self.input_size)
        try:
            return self._run(self._graph, *frame)
        except Exception as error:
            # Else the network would stay on the GPU while another engine is opened.
            traceback.clear_frames(error.__traceback__)
            raise gpu_failure(self.name, error, self._stream.synchronize) from error

    def close(self) -> None:
        """Free the engine's memory on the GPU; calling it again does nothing."""
        if self._graph is None:
            return
        held = (self._graph, self._recorded, self._host_inputs, self._host_outputs, self._marks)
        self._graph = None
        self._recorded = None
        self._inputs = self._outputs = self._host_inputs = self._host_outputs = ()
        self._marks = []
        try:
            self._stream.synchronize()
        except Exception as error:
            # After a fault PyTorch ends the process where it frees page-locked memory or a graph.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(held))
            log.warning("torch cannot free its GPU memory: %s", first_line(error))
            return
        del held
        torch.cuda.empty_cache()

    def _load(self, graph: DeployGraph) -> None:
        half_with_islands(graph).to(_GPU)
        graph.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        image = self.input_size
        self._host_inputs = (
            _page_locked((*image, 3), torch.uint8),
            _page_locked(image, torch.float32),
        )
        self._host_outputs = (_page_locked(image, torch.uint8), _page_locked(image, torch.uint8))
        self._inputs = tuple(host.to(_GPU) for host in self._host_inputs)
        # Every frame has one shape, so that trying all convolutions once pays.
        torch.backends.cudnn.benchmark = True
        for _ in range(_WARM_UP):
            self._execute(graph)
        if TorchCudaEngine._spoiled:
            return
        recording = torch.cuda.CUDAGraph()
        try:
            # Other threads may go on using CUDA meanwhile.
            with torch.cuda.graph(
                recording, stream=self._stream, capture_error_mode="thread_local"
            ):
                self._execute(graph)
        except Exception as error:
            TorchCudaEngine._spoiled = True
            log.warning("torch runs without a CUDA graph: %s", first_line(error))
        else:
            self._recorded = recording

    def _execute(self, graph: DeployGraph) -> None:
        self._outputs = graph(*self._inputs)[:2]

    def _run(
        self, graph: DeployGraph, rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        marks = self._marks
        called = perf_counter()
        for host, image in zip(self._host_inputs, (rgb, depth_m), strict=True):
            host.copy_(torch.from_numpy(image))
        staged = perf_counter()
        with torch.cuda.stream(self._stream):
            marks[0].record()
            for device, host in zip(self._inputs, self._host_inputs, strict=True):
                device.copy_(host, non_blocking=True)
            marks[1].record()
            if self._recorded is None:
                self._execute(graph)
            else:
                self._recorded.replay()
            marks[2].record()
            for host, device in zip(self._host_outputs, self._outputs, strict=True):
                host.copy_(device, non_blocking=True)
            marks[3].record()
        self._stream.synchronize()
        arrived = perf_counter()
        # The next frame overwrites the page-locked memory; what leaves here is the caller's.
        labels, confidence = (host.numpy().copy() for host in self._host_outputs)
        copied = perf_counter()
        self.stages = StageTimes(
            copy_in=1e3 * (staged - called) + marks[0].elapsed_time(marks[1]),
            network=marks[1].elapsed_time(marks[2]),
            copy_out=marks[2].elapsed_time(marks[3]) + 1e3 * (copied - arrived),
            postprocess=0.0,
        )
        return labels, confidence


def _page_locked(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Zeros in host memory that is copied to and from without waiting."""
    return torch.zeros(shape, dtype=dtype, pin_memory=True)
