"""The CPU engines: the exported deploy graph in OpenVINO or ONNX Runtime, upsampled on the host."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.engines.engine import EngineError, contiguous_frame
from asymformer_ros.engines.upsample import labels_and_confidence
from asymformer_ros.network.profile import METADATA_KEY, Profile

LogProbabilities = Callable[[NDArray[np.uint8], NDArray[np.float32]], NDArray[np.float32]]


class OnnxEngine:
    """A deploy graph behind the `Engine` contract; made by `open_onnxruntime`, `open_openvino`.

    network: rgb and depth of one frame to float32 [classes, H/4, W/4].
    """

    def __init__(self, name: str, profile: Profile, network: LogProbabilities) -> None:
        self.name = name
        self.profile = profile
        self._network: LogProbabilities | None = network

    @property
    def input_size(self) -> tuple[int, int]:
        """Height and width of the frames that `infer` takes."""
        return self.profile.input_size

    def infer(
        self, rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """See `Engine.infer`."""
        if self._network is None:
            raise EngineError(f"engine {self.name} is closed")
        frame = contiguous_frame(rgb, depth_m, self.input_size)
        try:
            log_probabilities = self._network(*frame)
        except Exception as error:  # each runtime has exceptions of its own
            raise EngineError(f"{self.name} failed on a frame: {_first_line(error)}") from error
        return labels_and_confidence(log_probabilities)

    def close(self) -> None:
        """Free the runtime's session."""
        self._network = None


def open_onnxruntime(path: Path) -> OnnxEngine:
    """Load a deploy graph into ONNX Runtime on the CPU; raises EngineError."""
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineError("onnxruntime is not installed: pip install onnxruntime") from error
    options = onnxruntime.SessionOptions()
    # One thread a core that this process may use; the runtime's default ignores the affinity.
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise EngineError(f"onnxruntime cannot load {path}: {_first_line(error)}") from error
    profile = _profile(path, session.get_modelmeta().custom_metadata_map.get(METADATA_KEY))

    def network(rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]) -> NDArray[np.float32]:
        return session.run(None, {"rgb": rgb, "depth": depth_m})[0]

    return OnnxEngine("onnxruntime", profile, network)


def open_openvino(path: Path) -> OnnxEngine:
    """Load a deploy graph into OpenVINO on the CPU in float32; raises EngineError."""
    try:
        import openvino
    except ImportError as error:
        raise EngineError("openvino is not installed: pip install openvino") from error
    try:
        model = openvino.Core().read_model(path)
    except Exception as error:
        raise EngineError(f"openvino cannot load {path}: {_first_line(error)}") from error
    place = ["framework", METADATA_KEY]
    text = model.get_rt_info(place).value if model.has_rt_info(place) else None
    profile = _profile(path, text)
    # Without the hint OpenVINO takes bfloat16 where the CPU has it, and labels change unnoticed.
    settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    try:
        request = openvino.compile_model(model, "CPU", settings).create_infer_request()
    except Exception as error:
        raise EngineError(f"openvino cannot compile {path}: {_first_line(error)}") from error

    def network(rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]) -> NDArray[np.float32]:
        request.infer({"rgb": rgb, "depth": depth_m}, share_inputs=True)
        return request.get_output_tensor(0).data

    return OnnxEngine("openvino", profile, network)


def _profile(path: Path, text: str | None) -> Profile:
    if text is None:
        raise EngineError(
            f"{path} is not a deploy graph of this package: make one with 'asymformer export'"
        )
    return Profile.from_json(text)


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
