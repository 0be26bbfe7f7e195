"""What the fake TensorRT makes of a real ONNX file, and what its inspector says of it."""

import onnx

_KINDS = {"Conv": "CONVOLUTION", "Cast": "CAST", "Constant": "CONSTANT", "Shape": "SHAPE"}
_KINDS |= {"MatMul": "MATRIX_MULTIPLY", "Softmax": "SOFTMAX", "ArgMax": "TOPK", "Resize": "RESIZE"}


def parse(fake, network, serialized):
    """Fill a fake INetworkDefinition with the layers and typed tensors of an ONNX file."""
    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(serialized))
    graph = model.graph
    types = {
        onnx.TensorProto.FLOAT: "FLOAT",
        onnx.TensorProto.FLOAT16: "HALF",
        onnx.TensorProto.UINT8: "UINT8",
        onnx.TensorProto.BOOL: "BOOL",
        # TensorRT 8 has no 64-bit integers, its parser makes them 32-bit ones.
        onnx.TensorProto.INT64: "INT64" if fake.strongly_typed else "INT32",
        onnx.TensorProto.INT32: "INT32",
    }
    tensors = {}
    for value in (*graph.input, *graph.value_info, *graph.output):
        dtype = getattr(fake.module.DataType, types[value.type.tensor_type.elem_type])
        tensors[value.name] = fake.module.ITensor(value.name, dtype)
        network._shapes[value.name] = [d.dim_value for d in value.type.tensor_type.shape.dim]
    for weights in graph.initializer:
        dtype = getattr(fake.module.DataType, types[weights.data_type])
        tensors[weights.name] = fake.module.ITensor(weights.name, dtype)
    for node in graph.node:
        kind = getattr(fake.module.LayerType, _KINDS.get(node.op_type, "ELEMENTWISE"))
        inputs = [tensors.get(name) for name in node.input]
        outputs = [tensors[name] for name in node.output]
        network._layers.append(fake.module.ILayer(kind, inputs, outputs))
    network._inputs = [tensors[value.name] for value in graph.input]
    network._outputs = [tensors[value.name] for value in graph.output]


def layer_report(layer, reports_half):
    """What an engine inspector writes of a layer, in the two spellings that TensorRT has."""
    formats = {"HALF": "Half", "FLOAT": "Row major linear FP32", "UINT8": "Row major linear UInt8"}
    if not reports_half:
        formats["HALF"] = "Float"
    return {
        "Name": "layer",
        "LayerType": layer.type.name,
        "Outputs": [
            {"Name": tensor.name, "Format/Datatype": formats.get(tensor.dtype.name, "Int32")}
            for tensor in layer._outputs
        ],
    }
