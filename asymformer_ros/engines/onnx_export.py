"""The deploy graph as an ONNX file that carries its profile."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.engines.deploy_graph import DeployGraph
from asymformer_ros.network.asymformer import AsymFormer
from asymformer_ros.network.profile import METADATA_KEY, Profile

if TYPE_CHECKING:
    from onnx import ModelProto

#: The newest opset that TensorRT 8.6 parses.
OPSET = 17


def export_onnx(network: AsymFormer, profile: Profile) -> bytes:
    """The deploy graph at the profile's input size, as the content of an .onnx file.

    Inputs ``rgb`` uint8 [H, W, 3] and ``depth`` float32 [H, W] (metres, NaN = no reading), outputs
    ``labels`` and ``confidence`` uint8 [H, W] and ``log_probabilities`` float32
    [classes, H/4, W/4]. The profile lies in the file's metadata.
    """
    import onnx
    import torch

    height, width = profile.input_size
    example = (torch.zeros(height, width, 3, dtype=torch.uint8), torch.zeros(height, width))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        exported = str(Path(folder) / "graph.onnx")
        # The scripting exporter is called legacy, yet it alone writes opset 17.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            DeployGraph(network, profile),
            example,
            exported,
            opset_version=OPSET,
            input_names=["rgb", "depth"],
            output_names=["labels", "confidence", "log_probabilities"],
            dynamo=False,
        )
        model = _with_constant_shapes(onnx.load(exported))
    onnx.helper.set_model_props(model, {METADATA_KEY: profile.to_json()})
    return bytes(model.SerializeToString())


def _with_constant_shapes(model: ModelProto) -> ModelProto:
    """Compute now what depends on shapes only; all of them are fixed.

    The exporter computes sizes in the graph, with operators that TensorRT 8.6 need not know.
    """
    import onnx
    from onnx.reference import ReferenceEvaluator

    constants: dict[str, NDArray[Any]] = {}
    count = -1
    while count != len(constants):  # a size that is known makes others known
        count = len(constants)
        graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
        shapes = {
            info.name: [dim.dim_value for dim in info.type.tensor_type.shape.dim]
            for info in (*graph.value_info, *graph.input)
            if info.type.tensor_type.HasField("shape")
        }
        kept = []
        for node in model.graph.node:
            if node.op_type == "Shape" and 0 not in shapes.get(node.input[0], [0]):
                constants[node.output[0]] = np.array(shapes[node.input[0]], np.int64)
            elif all(name in constants for name in node.input):
                inputs = {name: constants[name] for name in node.input}
                values: Any = ReferenceEvaluator(node).run(None, inputs)
                constants.update(zip(node.output, values, strict=True))
            else:
                kept.append(node)
        known = {tensor.name for tensor in model.graph.initializer}
        model.graph.initializer.extend(
            onnx.numpy_helper.from_array(constants[name], name)
            for name in sorted({name for node in kept for name in node.input})
            if name in constants and name not in known
        )
        del model.graph.node[:]
        model.graph.node.extend(kept)
    used = {name for node in model.graph.node for name in node.input}
    for tensor in [tensor for tensor in model.graph.initializer if tensor.name not in used]:
        model.graph.initializer.remove(tensor)
    return model
