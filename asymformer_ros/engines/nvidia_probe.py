"""Starts TensorRT and CUDA in a process of its own and prints what it finds, one JSON line.

``{"tensorrt": version, "pycuda": version, "cuda_python": version or ""}`` or ``{"error": why}``.
Run by `require_tensorrt`: where TensorRT and the driver do not fit, this process crashes and not
the one that asked.
"""

from __future__ import annotations

import json
from contextlib import closing

from asymformer_ros.engines.cuda_device import CudaDevice
from asymformer_ros.engines.engine import EngineError, first_line


def main() -> None:
    """Print the line."""
    try:
        answer = _versions()
    except EngineError as error:
        answer = {"error": str(error)}
    print(json.dumps(answer), flush=True)


def _versions() -> dict[str, str]:
    import_name = "onnx"
    try:
        import onnx  # noqa: F401

        import_name = "tensorrt"
        import tensorrt as trt

        import_name = "pycuda"
        import pycuda
    except Exception as error:
        raise EngineError(f"{import_name} cannot be imported: {first_line(error)}") from error
    try:
        from cuda.bindings import __version__ as cuda_python
    except Exception:  # optional
        cuda_python = ""
    with closing(CudaDevice()):
        try:
            logger = trt.Logger(trt.Logger.ERROR)
            trt.Runtime(logger)
            trt.Builder(logger)
        except Exception as error:
            raise EngineError(f"tensorrt cannot start: {first_line(error)}") from error
    return {"tensorrt": trt.__version__, "pycuda": pycuda.VERSION_TEXT, "cuda_python": cuda_python}
