"""The deploy graph in OpenVINO: x86 CPUs, bfloat16 where they have it."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.engines.cpu_threads import allowed_cpus, cpu_threads
from asymformer_ros.engines.engine import EngineError, first_line
from asymformer_ros.engines.host_engine import HostEngine
from asymformer_ros.engines.onnx_file import with_output
from asymformer_ros.network.profile import Profile

_HINTS = {"fp32": "f32", "bf16": "bf16"}


def open_openvino(graph: bytes, profile: Profile, precision: str) -> HostEngine:
    """Compile a deploy graph for the CPU; precision: ``fp32`` or ``bf16``. Raises EngineError."""
    # With this package missing, importing OpenVINO does not report to Google Analytics.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    # The labels that the graph could compute as well would take longer than the host.
    graph = with_output(graph, "log_probabilities")
    try:  # a broken installation raises anything
        import openvino
        from openvino.frontend.onnx import ConversionExtension

        core = openvino.Core()
        if precision == "bf16" and "BF16" not in core.get_property(
            "CPU", "OPTIMIZATION_CAPABILITIES"
        ):
            raise EngineError("this CPU does not compute in bfloat16")
        core.add_extension(ConversionExtension("LayerNormalization", _layer_norm))
        # Without the hint OpenVINO takes bfloat16 where the CPU has it, unchecked.
        hints: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
            "PERFORMANCE_HINT": "LATENCY",
        }
        # Its own choice is better where it sees the limit: it knows fast cores from slow ones.
        if cpu_threads() < allowed_cpus():
            hints["INFERENCE_NUM_THREADS"] = cpu_threads()
        request = core.compile_model(core.read_model(graph), "CPU", hints).create_infer_request()
    except EngineError:
        raise
    except Exception as error:
        raise EngineError(f"openvino cannot run the graph: {first_line(error)}") from error

    def network(rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]) -> NDArray[np.float32]:
        request.infer({"rgb": rgb, "depth": depth_m}, share_inputs=True)
        return request.get_output_tensor(0).data

    return HostEngine("openvino", precision, profile, network)


def _layer_norm(node: Any) -> list[Any]:
    """ONNX's LayerNormalization, kept in the layout of the convolutions around it.

    OpenVINO's own conversion moves channels to the end and back; this one saves 12 % of a frame.
    """
    from openvino import opset13 as op

    x, weight = node.get_input(0), node.get_input(1)
    has_bias = node.get_input_size() > 2
    bias = node.get_input(2) if has_bias else op.constant(np.float32(0)).output(0)
    epsilon = node.get_attribute("epsilon", 1e-5)
    rank = x.get_partial_shape().rank.get_length()
    axes = np.arange(node.get_attribute("axis", -1) % rank, rank)
    transpose = x.get_node()
    if len(axes) > 1 or not _moves_channels_last(transpose):
        normal = op.mvn(x, op.constant(axes), True, epsilon, "inside_sqrt")
        return list(op.add(op.multiply(normal, weight), bias).outputs())
    x = transpose.input_value(0)
    channels = op.constant(np.array([1], np.int64))
    centered = op.subtract(x, op.reduce_mean(x, channels, True))
    variance = op.reduce_mean(op.multiply(centered, centered), channels, True)
    deviation = op.sqrt(op.add(variance, op.constant(np.float32(epsilon))))
    shape = op.constant(np.array([1, -1, 1, 1], np.int64))
    weight, bias = (op.reshape(value, shape, False) for value in (weight, bias))
    normal = op.add(op.multiply(op.divide(centered, deviation), weight), bias)
    return list(op.transpose(normal, transpose.input_value(1)).outputs())


def _moves_channels_last(node: Any) -> bool:
    if node.get_type_name() != "Transpose":
        return False
    order = node.input_value(1).get_node()
    return order.get_type_name() == "Constant" and list(order.data) == [0, 2, 3, 1]
