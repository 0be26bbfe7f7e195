"""The deploy graph in ONNX Runtime: on any CPU, and on CUDA where its provider is installed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.engines.cpu_threads import cpu_threads
from asymformer_ros.engines.engine import EngineError, first_line
from asymformer_ros.engines.host_engine import HostEngine
from asymformer_ros.engines.onnx_file import with_output
from asymformer_ros.network.profile import Profile


def open_onnxruntime(graph: bytes, profile: Profile, provider: str) -> HostEngine:
    """Load a deploy graph; provider: ``CPUExecutionProvider`` or another one of ONNX Runtime's.

    Raises EngineError.
    """
    # The labels that the graph could compute as well would take longer than the host.
    graph = with_output(graph, "log_probabilities")
    try:  # a broken installation raises anything
        import onnxruntime

        if provider not in onnxruntime.get_available_providers():
            raise EngineError(f"onnxruntime {onnxruntime.__version__} has no {provider}")
        if provider == "CUDAExecutionProvider" and hasattr(onnxruntime, "preload_dlls"):
            onnxruntime.preload_dlls()  # or pip's CUDA libraries are not found
        options = onnxruntime.SessionOptions()
        # The runtime's default looks neither at the affinity nor at a container's quota.
        options.intra_op_num_threads = cpu_threads()
        # Its threads would burn 25 ms of CPU after each frame, waiting for the next.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3  # its warnings are about its own optimiser
        session = onnxruntime.InferenceSession(graph, options, providers=[provider])
        started = session.get_providers()[0]
    except EngineError:
        raise
    except Exception as error:
        raise EngineError(f"onnxruntime cannot run the graph: {first_line(error)}") from error
    if started != provider:  # it falls back by itself, and only prints so
        raise EngineError(
            f"onnxruntime cannot start its {provider}, usually for want of its CUDA libraries: "
            "pip install 'onnxruntime-gpu[cuda,cudnn]'"
        )

    def network(rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]) -> NDArray[np.float32]:
        return session.run(None, {"rgb": rgb, "depth": depth_m})[0]

    return HostEngine("onnxruntime", "fp32", profile, network)
