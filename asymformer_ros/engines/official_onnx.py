"""The official ONNX export made one of our deploy graphs: camera frame in, labels out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from asymformer_ros.network.profile import (
    METADATA_KEY,
    OFFICIAL,
    CheckpointError,
    Profile,
    official_profile,
)
from asymformer_ros.perception.frames import UNLABELLED

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto

_OLDEST_OPSET = 13
_PREFIX = "official/"
_STANDARD = ("", "ai.onnx")
# Bilinear without align_corners, as exporters have called it.
_HALF_PIXEL = (b"half_pixel", b"pytorch_half_pixel")


def wrap_official(model: ModelProto, profile: str = "") -> ModelProto:
    """Put pre- and post-processing around an official export; its names do not matter.

    model: takes the normalised image float32 [1, 3, H, W] and depth float32 [1, 1, H, W] and gives
    logits or their soft-max, float32 [1, classes, H, W]; it is not changed. H and W are fixed, a
    dynamic batch becomes 1. profile: name of the preprocessing, see `official_profile`; empty is
    ``nyu-bgr``. Returns a graph with the inputs, outputs and metadata of `export_onnx`, whose
    log-probabilities have full size if the export does not end with bilinear upsampling. Raises
    CheckpointError.
    """
    import onnx

    if not model.graph.node:
        raise CheckpointError("the ONNX file holds no network: it is empty or was cut off")
    opset = _opset(model)
    _require_standard_operators(model)
    _require_float32(model.graph)
    try:
        static = _static(model)
        _, classes, height, width = _shape(static.graph.output[0])
        found = official_profile(profile or OFFICIAL[0], classes)
        found = replace(found, input_size=(height, width))
        core = onnx.compose.add_prefix(_before_upsampling(static), _PREFIX)
        image, depth, logits = (v.name for v in (*core.graph.input, *core.graph.output))
        before, after = (
            onnx.helper.make_model(
                onnx.parser.parse_graph(text),
                opset_imports=[onnx.helper.make_opsetid("", opset)],
                ir_version=core.ir_version,
            )
            for text in (_preparation(found), _tail(found, opset))
        )
        wrapped = onnx.compose.merge_models(before, core, [("image", image), ("z", depth)])
        wrapped = onnx.compose.merge_models(wrapped, after, [(logits, "logits")])
        onnx.helper.set_model_props(wrapped, {METADATA_KEY: found.to_json()})
        onnx.checker.check_model(wrapped, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = str(error).strip().splitlines()[0]
        raise CheckpointError(f"the official export is no valid ONNX graph: {reason}") from error
    return wrapped


def _opset(model: ModelProto) -> int:
    opset = next((entry.version for entry in model.opset_import if not entry.domain), 0)
    if opset < _OLDEST_OPSET:
        raise CheckpointError(
            f"the official export has opset {opset}: export it with {_OLDEST_OPSET} or a newer one "
            "(TensorRT 8.6 reads up to 17)"
        )
    return opset


def _require_standard_operators(model: ModelProto) -> None:
    own = {(function.domain, function.name) for function in model.functions}
    for node in model.graph.node:
        if node.domain not in _STANDARD and (node.domain, node.op_type) not in own:
            raise CheckpointError(
                f"the official export holds {node.op_type} of {node.domain}, which one runtime "
                "alone has: give the file from before its optimisation"
            )


def _require_float32(graph: GraphProto) -> None:
    from onnx import TensorProto

    small = (TensorProto.FLOAT16, TensorProto.BFLOAT16)
    types = [tensor.data_type for tensor in graph.initializer]
    types += [value.type.tensor_type.elem_type for value in (*graph.input, *graph.output)]
    for node in graph.node:
        types += [a.i if a.name == "to" else a.t.data_type for a in node.attribute]
    if not set(small).isdisjoint(types):
        raise CheckpointError(
            "the official export is in half precision already: give the export in float32, "
            "half precision is made of it here and checked"
        )


def _static(model: ModelProto) -> ModelProto:
    """The export with two inputs and one output of fixed shape, or a CheckpointError."""
    import onnx

    static = onnx.ModelProto()
    static.CopyFrom(model)
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in static.graph.input if value.name not in weights]
    if [_shape(value)[1:2] for value in inputs] == [[1], [3]]:  # depth comes first
        inputs.reverse()
    values = [*inputs, *static.graph.output]
    found = [_shape(value) for value in values]
    floats = all(v.type.tensor_type.elem_type == onnx.TensorProto.FLOAT for v in values)
    if len(inputs) == 2 and [len(shape) for shape in found] == [4, 4, 4] and floats:
        size = found[0][2:]
        if 0 in (*size, *found[1][2:]):
            # Exporters leave it open and still write their example's size into the nodes.
            raise CheckpointError(
                "the official export leaves the size of its inputs open: "
                "export it with a fixed size"
            )
        classes = found[2][1] or _last_channels(static.graph)
        wanted = [[1, channels, *size] for channels in (3, 1, classes)]
        if classes and all(map(_fits, found, wanted)):
            for value, shape in zip(values, wanted, strict=True):
                fixed = onnx.helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, shape)
                value.type.CopyFrom(fixed)
            del static.graph.input[:]
            static.graph.input.extend(inputs)
            # What the exporter noted of a dynamic batch contradicts the fixed one.
            del static.graph.value_info[:]
            return onnx.shape_inference.infer_shapes(static, strict_mode=True)
    raise CheckpointError(
        "an official export takes float [1, 3, H, W] and float [1, 1, H, W] and gives float "
        f"[1, classes, H, W]; this one takes {_described(inputs)} and gives "
        f"{_described(static.graph.output)}"
    )


def _shape(value: ValueInfoProto) -> list[int]:
    """Sizes of a tensor, 0 where one is dynamic."""
    return [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]


def _last_channels(graph: GraphProto) -> int:
    """Channels of the last convolution, which makes the logits; 0 if there is none.

    Exporters lose the number of classes along with a dynamic batch.
    """
    kernels = {tensor.name: tensor.dims for tensor in graph.initializer}
    last = [kernels.get(node.input[1], [0]) for node in graph.node if node.op_type == "Conv"][-1:]
    return last[0][0] if last else 0


def _fits(found: list[int], wanted: list[int]) -> bool:
    return all(size in (0, want) for size, want in zip(found, wanted, strict=True))


def _described(values: Iterable[ValueInfoProto]) -> str:
    from onnx import TensorProto

    return " and ".join(
        f"{TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower()} "
        f"[{', '.join(str(size or '?') for size in _shape(value))}]"
        for value in values
    )


def _before_upsampling(model: ModelProto) -> ModelProto:
    """The part of a model that makes its logits, without the bilinear upsampling at its end."""
    import onnx

    inputs, output = [value.name for value in model.graph.input], model.graph.output[0].name
    last, attributes = _producer(model.graph, output)
    if last.op_type == "Softmax" and attributes.get("axis", -1) in (1, -3):
        output = last.input[0]  # the tail takes the soft-max
        last, attributes = _producer(model.graph, output)
    bilinear = last.op_type == "Resize" and attributes.get("mode") == b"linear"
    if bilinear and attributes.get("coordinate_transformation_mode", _HALF_PIXEL[0]) in _HALF_PIXEL:
        output = last.input[0]
    cut = onnx.utils.Extractor(model).extract_model(inputs, [output])
    # Exporters' arithmetic on shapes hides the size from ONNX; runtimes work it out.
    _, classes, _, _ = _shape(model.graph.output[0])
    logits = onnx.helper.make_tensor_type_proto(
        onnx.TensorProto.FLOAT, (1, classes, "rows", "columns")
    )
    cut.graph.output[0].type.CopyFrom(logits)
    return cut


def _producer(graph: GraphProto, name: str) -> tuple[NodeProto, dict[str, Any]]:
    """The node that gives a value, and its attributes."""
    import onnx

    node = next(node for node in graph.node if name in node.output)
    return node, {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def _preparation(profile: Profile) -> str:
    """Camera values to network values, see `normalise`; official networks see holes at 0 m."""
    height, width = profile.input_size
    order = "2, 1, 0" if profile.channel_order == "bgr" else "0, 1, 2"
    mean = ", ".join(str(255.0 * value) for value in profile.rgb_mean)
    std = ", ".join(str(255.0 * value) for value in profile.rgb_std)
    return f"""preparation (uint8[{height}, {width}, 3] rgb, float[{height}, {width}] depth)
        => (float[1, 3, {height}, {width}] image, float[1, 1, {height}, {width}] z)
        <int64[3] order = {{{order}}}, int64[1] batch = {{0}}, int64[2] plane = {{0, 1}},
         float[1, 3, 1, 1] mean = {{{mean}}}, float[1, 3, 1, 1] std = {{{std}}},
         float nothing = {{0.0}}, float scale = {{{profile.depth_scale / profile.depth_std}}},
         float shift = {{{profile.depth_mean / profile.depth_std}}}>
    {{
        bytes = Cast<to = 1>(rgb)
        planes = Transpose<perm = [2, 0, 1]>(bytes)
        ordered = Gather<axis = 0>(planes, order)
        colour = Unsqueeze(ordered, batch)
        centred = Sub(colour, mean)
        image = Div(centred, std)
        missing = IsNaN(depth)
        metres = Where(missing, nothing, depth)
        scaled = Mul(metres, scale)
        shifted = Sub(scaled, shift)
        z = Unsqueeze(shifted, plane)
    }}"""


def _tail(profile: Profile, opset: int) -> str:
    """Logits of any size to labels, confidence and log-probabilities, see `DeployGraph.tail`."""
    height, width = profile.input_size
    full = f"1, {profile.num_classes}, {height}, {width}"
    # The axes of ReduceMax became an input.
    peak, best = (
        ("ReduceMax<axes = [1]>(logits)", "ReduceMax<axes = [0], keepdims = 0>(volume)")
        if opset < 18
        else ("ReduceMax(logits, channels)", "ReduceMax<keepdims = 0>(volume, leading)")
    )
    return f"""tail (float[1, {profile.num_classes}, rows, columns] logits)
        => (uint8[{height}, {width}] labels, uint8[{height}, {width}] confidence,
            float[{profile.num_classes}, rows, columns] log_probabilities)
        <int64[1] channels = {{1}}, int64[1] leading = {{0}}, int64 any_class = {{0}},
         int64[4] full = {{{full}}}, float unlabelled = {{{float(UNLABELLED)}}},
         float doubtful = {{0.0}}, float certain = {{255.0}}>
    {{
        peak = {peak}
        below = Sub(logits, peak)
        shares = Exp(below)
        total = ReduceSum(shares, channels)
        offset = Log(total)
        logarithms = Sub(below, offset)
        log_probabilities = Squeeze(logarithms, leading)
        upsampled = Resize<mode = "linear">(logarithms, , , full)
        volume = Squeeze(upsampled, leading)
        values = Gather<axis = 0>(volume, any_class)
        failed = IsNaN(values)
        index = ArgMax<axis = 0, keepdims = 0>(volume)
        number = Cast<to = 1>(index)
        named = Where(failed, unlabelled, number)
        labels = Cast<to = 2>(named)
        best = {best}
        distances = Sub(volume, best)
        multiples = Exp(distances)
        whole = ReduceSum<keepdims = 0>(multiples, leading)
        graded = Div(certain, whole)
        rounded = Round(graded)
        known = Where(failed, doubtful, rounded)
        confidence = Cast<to = 2>(known)
    }}"""
