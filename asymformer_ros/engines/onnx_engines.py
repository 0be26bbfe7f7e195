"""The CPU engines: the exported deploy graph in OpenVINO or ONNX Runtime."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.engines.engine import EngineError
from asymformer_ros.engines.host_engine import HostEngine, first_line
from asymformer_ros.network.profile import METADATA_KEY, Profile


def open_onnxruntime(path: Path) -> HostEngine:
    """Load a deploy graph into ONNX Runtime on the CPU; raises EngineError."""
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineError(f"onnxruntime cannot be imported: {first_line(error)}") from error
    options = onnxruntime.SessionOptions()
    # One thread a core that this process may use; the runtime's default ignores the affinity.
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise EngineError(f"onnxruntime cannot load {path}: {first_line(error)}") from error
    profile = _profile(path, session.get_modelmeta().custom_metadata_map.get(METADATA_KEY))

    def network(rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]) -> NDArray[np.float32]:
        return session.run(None, {"rgb": rgb, "depth": depth_m})[0]

    return HostEngine("onnxruntime", profile, network)


def open_openvino(path: Path) -> HostEngine:
    """Load a deploy graph into OpenVINO on the CPU in float32; raises EngineError."""
    try:
        import openvino
    except ImportError as error:
        raise EngineError(f"openvino cannot be imported: {first_line(error)}") from error
    try:
        model = openvino.Core().read_model(path)
    except Exception as error:
        raise EngineError(f"openvino cannot load {path}: {first_line(error)}") from error
    place = ["framework", METADATA_KEY]
    text = model.get_rt_info(place).value if model.has_rt_info(place) else None
    profile = _profile(path, text)
    # Without the hint OpenVINO takes bfloat16 where the CPU has it, and labels change unnoticed.
    settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    try:
        request = openvino.compile_model(model, "CPU", settings).create_infer_request()
    except Exception as error:
        raise EngineError(f"openvino cannot compile {path}: {first_line(error)}") from error

    def network(rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]) -> NDArray[np.float32]:
        request.infer({"rgb": rgb, "depth": depth_m}, share_inputs=True)
        return request.get_output_tensor(0).data

    return HostEngine("openvino", profile, network)


def _profile(path: Path, text: str | None) -> Profile:
    if text is None:
        raise EngineError(
            f"{path} is not a deploy graph of this package: make one with 'asymformer export'"
        )
    return Profile.from_json(text)
