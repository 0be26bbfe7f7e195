"""What half precision does to a graph, on a CPU that has none.

ONNX Runtime computes a graph of half precision in float32 on most CPUs and drops the rounding
between two operators. Here every value that is half precision is rounded by casts that it keeps.
"""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def value_types(model):
    """Element type of every value of a graph by name."""
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    values = [*graph.input, *graph.value_info, *graph.output]
    types = {value.name: value.type.tensor_type.elem_type for value in values}
    return types | {tensor.name: tensor.data_type for tensor in graph.initializer}


def between_products(model):
    """Float32 values of a graph from its first convolution to its last, weights included."""
    nodes = list(model.graph.node)
    products = [index for index, node in enumerate(nodes) if node.op_type == "Conv"]
    inside = nodes[products[0] : products[-1] + 1]
    names = {name for node in inside for name in (*node.input, *node.output)}
    return {name for name, of in value_types(model).items() if of == TensorProto.FLOAT} & names


def rounded(model, halves=None):
    """A float32 graph with the values `halves`, by default those typed half, rounded to half."""
    types = value_types(model)
    if halves is None:
        halves = {name for name, of in types.items() if of == TensorProto.FLOAT16}
    twin = onnx.ModelProto()
    twin.CopyFrom(model)
    graph, nodes = twin.graph, []
    for tensor in graph.initializer:
        if tensor.name in halves:
            with np.errstate(over="ignore"):
                values = numpy_helper.to_array(tensor).astype(np.float16).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    for node in graph.node:
        nodes.append(node)
        for position, name in enumerate(node.output):
            if name in halves:
                node.output[position] = f"{name}/exact"
                steps = (f"{name}/exact", f"{name}/half", name)
                for given, made, to in zip(
                    steps[:-1], steps[1:], (TensorProto.FLOAT16, TensorProto.FLOAT), strict=True
                ):
                    nodes.append(helper.make_node("Cast", [given], [made], to=to))
    del graph.value_info[:]
    del graph.node[:]
    graph.node.extend(nodes)
    return twin


def run(model, feed, optimised=False):
    """The outputs of a graph in ONNX Runtime on the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, feed)
