"""A float32 deploy graph retyped to half precision, with islands that stay float32.

The types are in the graph itself: a strongly typed TensorRT network takes them as they are, and
where TensorRT still chooses (8.x) the values typed float32 are those to pin. ONNX Runtime's own
converter would not do: it casts to half between two nodes of an island, where LAFS overflows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.engines.engine import EngineError
from asymformer_ros.engines.half_islands import float32_islands

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

# Inputs whose type is their own: the region and the scales of a Resize.
_OWN_TYPE = {"Resize": (1, 2)}
_ANY_TYPE = ("Shape", "Size")


def to_half(model: ModelProto) -> ModelProto:
    """Weights and products in float16, hazards in float32, explicit casts between the two.

    model: a graph in float32, opset 13 or newer; it is not changed. Inputs, outputs and metadata
    stay as they are, see `float32_islands` for what else does. Raises EngineError.
    """
    import onnx

    try:
        half = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
        _retype(half.graph)
        onnx.checker.check_model(half, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = str(error).strip().splitlines()[0]
        raise EngineError(f"the graph cannot be typed in half precision: {reason}") from error
    return half


def _retype(graph: GraphProto) -> None:
    constants = _lift_constants(graph)
    islands = float32_islands(graph, constants)
    floats = _float32_values(graph) | set(constants)
    casts = _Casts(constants)
    for index, node in enumerate(graph.node):
        half = index not in islands
        own_type = _OWN_TYPE.get(node.op_type, ())
        for position, name in enumerate(node.input):
            if name in floats and node.op_type not in _ANY_TYPE:
                node.input[position] = casts.typed(name, half and position not in own_type)
        casts.nodes.append(node)
        if half:
            casts.halves.update(name for name in node.output if name in floats)
    del graph.value_info[:]
    del graph.node[:]
    graph.node.extend(casts.nodes)
    _keep_used_initializers(graph, casts.half_constants)


class _Casts:
    """The nodes so far, the names of their values in half, and each value in its other type."""

    def __init__(self, constants: dict[str, NDArray[np.float32]]) -> None:
        self.nodes: list[NodeProto] = []
        self.halves: set[str] = set()
        self.half_constants: dict[str, NDArray[np.float16]] = {}
        self._constants = constants
        self._cast: set[str] = set()

    def typed(self, name: str, half: bool) -> str:
        """The name under which a float value has the wanted type; the cast is made once."""
        import onnx

        if half == (name in self.halves):
            return name
        other = f"{name}/{'float16' if half else 'float32'}"
        if name in self._constants:
            self.half_constants[other] = self._constants[name].astype(np.float16)
        elif other not in self._cast:
            to = onnx.TensorProto.FLOAT16 if half else onnx.TensorProto.FLOAT
            self.nodes.append(onnx.helper.make_node("Cast", [name], [other], other, to=to))
            self._cast.add(other)
        return other


def _lift_constants(graph: GraphProto) -> dict[str, NDArray[np.float32]]:
    """Turn float32 Constant nodes into initializers; returns every float32 initializer by name."""
    from onnx import TensorProto, numpy_helper

    for node in [node for node in graph.node if node.op_type == "Constant"]:
        (attribute,) = node.attribute
        if attribute.name == "value" and attribute.t.data_type == TensorProto.FLOAT:
            graph.initializer.add().CopyFrom(attribute.t)
            graph.initializer[-1].name = node.output[0]
            graph.node.remove(node)
    return {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in graph.initializer
        if tensor.data_type == TensorProto.FLOAT
    }


def _float32_values(graph: GraphProto) -> set[str]:
    from onnx import TensorProto

    values = [*graph.input, *graph.value_info, *graph.output]
    return {v.name for v in values if v.type.tensor_type.elem_type == TensorProto.FLOAT}


def _keep_used_initializers(graph: GraphProto, added: dict[str, NDArray[np.float16]]) -> None:
    from onnx import numpy_helper

    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    graph.initializer.extend(numpy_helper.from_array(v, name) for name, v in added.items())
