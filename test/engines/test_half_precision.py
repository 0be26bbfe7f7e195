"""Half precision agrees with float32 under the reference weights; the naive way does not."""

from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import reference_recipe
from reference_network import reference_network

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from half_rounding import between_products, rounded, run, value_types
from onnx import TensorProto, helper, numpy_helper

from asymformer_ros.engines.engine import EngineError
from asymformer_ros.engines.half_precision import to_half
from asymformer_ros.engines.host_engine import HostEngine
from asymformer_ros.engines.onnx_export import export_onnx
from asymformer_ros.engines.self_check import agreement, make_check_frame, require_agreement
from asymformer_ros.network import fusion
from asymformer_ros.network.profile import official_profile
from asymformer_ros.perception.frames import UNLABELLED

SMALL, FULL = (96, 128), (480, 640)
FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16


def official_order(lafs, x):
    """LAFS as the released code writes it: the bare sum over C channels, then twice 1/C."""
    channels = x.shape[1]
    average = x.mean(dim=(2, 3))
    total = (x * lafs.fc_spatial(average)[:, :, None, None]).sum(dim=1, keepdim=True)
    mask = torch.sigmoid(total / channels / channels)
    return mask * x * lafs.fc_channel(average)[:, :, None, None]


def by_einsum(lafs, x):
    average = x.mean(dim=(2, 3))
    total = torch.einsum("bchw,bc->bhw", x, lafs.fc_spatial(average))[:, None]
    mask = torch.sigmoid(total * (1.0 / x.shape[1] ** 2))
    return mask * x * lafs.fc_channel(average)[:, :, None, None]


def by_product(lafs, x):
    average = torch.nn.functional.adaptive_avg_pool2d(x, 1).flatten(1)
    total = lafs.fc_spatial(average)[:, None] @ x.flatten(2)
    mask = torch.sigmoid((total / x.shape[1] ** 2).unflatten(2, x.shape[2:]))
    return mask * x * lafs.fc_channel(average)[:, :, None, None]


LAFS = {
    "ours": fusion.LocalAttentionGuidedFeatureSelection.forward,
    "official order": official_order,
    "einsum": by_einsum,
    "product": by_product,
}


@pytest.fixture(scope="module")
def network():
    return reference_network()


@pytest.fixture(scope="module")
def export(network):
    """The deploy graph at a size."""

    @cache
    def of_size(size):
        profile = replace(official_profile("nyu-rgb", 40), input_size=size)
        return onnx.load_from_string(export_onnx(network, profile))

    return of_size


def frame(size):
    rgb, millimetres = reference_recipe.camera_input(*size)
    depth = (millimetres / 1000).astype(np.float32)
    depth[millimetres == 0] = np.nan
    return {"rgb": np.ascontiguousarray(rgb), "depth": depth}


def test_labels_agree_with_float32(export):
    half = to_half(export(FULL))
    expected, *_ = run(export(FULL), frame(FULL), optimised=True)
    for model, optimised in ((rounded(half), False), (half, True)):
        labels, *_ = run(model, frame(FULL), optimised)
        assert agreement(labels, expected) >= 0.994


def test_the_self_check_catches_the_naive_way(network, monkeypatch):
    monkeypatch.setattr(fusion.LocalAttentionGuidedFeatureSelection, "forward", official_order)
    profile = replace(official_profile("nyu-rgb", 40), input_size=SMALL)
    model = onnx.load_from_string(export_onnx(network, profile))

    def labels_of(graph):
        def log_probabilities(rgb, depth):
            return run(graph, {"rgb": rgb, "depth": depth})[2]

        engine = HostEngine("onnxruntime", "fp16", profile, log_probabilities)
        return lambda rgb, depth: engine.infer(rgb, depth)[0]

    check = make_check_frame(SMALL, labels_of(model))
    naive = labels_of(rounded(model, between_products(model)))(check.rgb, check.depth_m)
    assert UNLABELLED not in naive  # no value is NaN
    assert agreement(naive, check.labels) < 0.8
    with pytest.raises(EngineError, match=r"self-check \d\d\.\d\d% < 99%"):
        require_agreement(naive, check.labels)

    islanded = labels_of(rounded(to_half(model)))(check.rgb, check.depth_m)
    assert require_agreement(islanded, check.labels) >= 0.995


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("form", LAFS)
def test_lafs_stays_float32_from_its_average_to_its_sigmoid(form, tmp_path, monkeypatch):
    torch.manual_seed(0)
    lafs = fusion.LocalAttentionGuidedFeatureSelection(1024)
    lafs.fc_spatial[2].weight.data *= 3e4  # the sum over the channels passes 65504
    before, after = torch.nn.Conv2d(3, 1024, 1), torch.nn.Conv2d(1024, 4, 1)
    before.bias.data.uniform_(0.0, 1.0)
    monkeypatch.setattr(fusion.LocalAttentionGuidedFeatureSelection, "forward", LAFS[form])
    torch.onnx.export(
        torch.nn.Sequential(before, lafs, after).eval(),
        (torch.zeros(1, 3, 6, 8),),
        str(tmp_path / "lafs.onnx"),
        opset_version=17,
        input_names=["x"],
        dynamo=False,
    )
    model = onnx.load(tmp_path / "lafs.onnx")
    half = to_half(model)

    in_half = operators(half, HALF)
    assert in_half.keys().isdisjoint(
        {"ReduceMean", "GlobalAveragePool", "ReduceSum", "Einsum", "Div"}
    )
    assert [in_half["MatMul"], in_half["Sigmoid"]] == [2, 1]  # the channels' weights
    feed = {"x": np.random.default_rng(0).random((1, 3, 6, 8), np.float32)}
    (expected,), (found,) = run(model, feed), run(rounded(half), feed)
    assert np.abs(found - expected).max() < 1e-3 * np.ptp(expected)
    if form != "ours":  # which scales before it sums
        (naive,) = run(rounded(model, between_products(model)), feed)
        assert not np.abs(naive - expected).max() < 0.5 * np.ptp(expected)


def operators(model, element_type):
    """How many nodes of each operator give a value of this type."""
    types = value_types(model)
    return Counter(n.op_type for n in model.graph.node if types[n.output[0]] == element_type)


def test_products_run_in_half_and_what_is_around_the_network_does_not(export):
    model = export(SMALL)
    half = to_half(model)
    in_half, in_float = operators(half, HALF), operators(half, FLOAT)
    # Three fusions: two layers of the spatial squeeze and the sum over the channels in each.
    assert in_float["MatMul"] == 9
    assert in_half["MatMul"] + 9 == operators(model, FLOAT)["MatMul"]
    assert in_half["Conv"] == operators(model, FLOAT)["Conv"]
    for operator in ("Softmax", "Erf"):
        assert in_half[operator] and not in_float[operator]
    for operator in (
        "LayerNormalization",
        "ReduceMean",
        "ReduceMax",
        "ReduceSum",
        "Exp",
        "Log",
        "Where",
        "Round",
    ):
        assert in_float[operator] and not in_half[operator]
    # In and out of three islands and of each norm, in from the cameras, out to the tail.
    islands = 3 + in_float["LayerNormalization"]
    assert in_half["Cast"] + in_float["Cast"] <= 2 * islands + 20
    # No chains of casts.
    casts = {n.output[0] for n in half.graph.node if n.op_type == "Cast"}
    types = value_types(half)
    for node in half.graph.node:
        if node.op_type == "Cast" and types[node.output[0]] in (FLOAT, HALF):
            assert casts.isdisjoint(node.input)


def test_weights_keep_their_values(export):
    model, half = export(SMALL), to_half(export(SMALL))
    exact = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    weights = [t for t in half.graph.initializer if t.data_type == HALF]
    assert sum(numpy_helper.to_array(t).size for t in weights) > 30_000_000
    for tensor in weights:
        value = numpy_helper.to_array(tensor).astype(np.float32)
        original = exact[tensor.name.removesuffix("/float16")]
        assert np.abs(value - original).max() <= 2**-11 * np.abs(original).max()


def test_the_interface_the_metadata_and_the_given_model_stay(export):
    model = export(SMALL)
    before = model.SerializeToString()
    half = to_half(model)
    assert model.SerializeToString() == before
    assert list(half.graph.input) == list(model.graph.input)
    assert list(half.graph.output) == list(model.graph.output)
    assert list(half.metadata_props) == list(model.metadata_props)
    assert list(half.opset_import) == list(model.opset_import)
    onnx.checker.check_model(half, full_check=True)


def between_two_products(text, **constants):
    """A graph of nodes from x to y between two products with weight one; [1, 4] in and out."""
    graph = onnx.parser.parse_graph(f"""g (float[1, 4] frame) => (float[1, 4] out) {{
        x = MatMul(frame, one)
        {text}
        logits = MatMul(y, one)
        out = Identity(logits)
    }}""")
    constants["one"] = np.eye(4)
    for name, value in constants.items():
        graph.initializer.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize(
    ("text", "constants"),
    [
        pytest.param("y = Mul(x, tiny)", {"tiny": 3e-8}, id="a factor that would be zero"),
        pytest.param("y = Div(x, large)", {"large": 1024.0**2}, id="a divisor beyond 65504"),
        pytest.param(
            "y = MatMul(x, folded)", {"folded": 2e-8 * np.eye(4)}, id="gamma at initialisation"
        ),
        pytest.param(
            """mean = ReduceMean<axes = [1]>(x)
            deviation = Sub(x, mean)
            square = Pow(deviation, two)
            variance = ReduceMean<axes = [1]>(square)
            padded = Add(variance, epsilon)
            spread = Sqrt(padded)
            y = Div(deviation, spread)""",
            {"two": 2.0, "epsilon": 1e-12},
            id="a norm written out by hand",
        ),
        pytest.param(
            """mean = ReduceMean<axes = [1]>(x)
            deviation = Sub(x, mean)
            square = Mul(deviation, deviation)
            variance = ReduceMean<axes = [1]>(square)
            spread = Sqrt(variance)
            y = Div(deviation, spread)""",
            {},
            id="a norm whose square is a product",
        ),
        pytest.param(
            """square = Mul(x, x)
            total = ReduceSum(square)
            y = Div(x, total)""",
            {},
            id="a divisor that is computed",
        ),
        pytest.param(
            """large = Mul(x, factor)
            moved = Add(large, offset)
            small = Div(moved, factor)
            shifted = Add(small, offset)
            y = Mul(shifted, offset)""",
            {"factor": 1e5, "offset": 0.25},
            id="neighbours that are not rounded in between",
        ),
    ],
)
def test_what_half_cannot_hold_stays_float32(text, constants):
    model = between_two_products(text, **constants)
    feed = {"frame": np.array([[-1000.0, 250.0, 500.0, 2000.0]], np.float32)}
    (expected,), (found,) = run(model, feed), run(rounded(to_half(model)), feed)
    assert np.abs(found - expected).max() <= 2e-3 * np.abs(expected).max()


def test_a_constant_may_serve_both_types():
    model = between_two_products("z = Mul(x, k)\nw = Exp(k)\ny = Mul(z, w)", k=0.5)
    half = to_half(model)
    assert {t.data_type for t in half.graph.initializer if t.name.startswith("k")} == {FLOAT, HALF}
    feed = {"frame": np.ones((1, 4), np.float32)}
    assert run(half, feed)[0] == pytest.approx(run(model, feed)[0], rel=1e-3)


def test_the_sizes_of_a_resize_keep_their_type():
    graph = onnx.parser.parse_graph("""g (float[1, 1, 2, 2] frame) => (float[1, 1, 4, 4] out)
        <float[4] scales = {1.0, 1.0, 2.0, 2.0}, float[1, 1, 1, 1] one = {1.0}> {
        x = Conv(frame, one)
        y = Resize<mode = "linear">(x, , scales)
        out = Conv(y, one)
    }""")
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    assert operators(to_half(model), HALF)["Resize"] == 1


def test_a_shape_is_read_without_a_cast():
    model = between_two_products("size = Shape(x)\ny = Reshape(x, size)")
    half = to_half(model)
    assert [n.output[0] for n in half.graph.node if n.op_type == "Cast"] == [
        "frame/float16",
        "logits/float32",
    ]


def test_a_graph_that_is_none_is_one_sentence():
    model = between_two_products("y = Mul(x, frame, frame)")
    with pytest.raises(EngineError, match="cannot be typed in half precision: ") as error:
        to_half(model)
    assert "\n" not in str(error.value)


def test_the_rounding_of_these_tests_rounds():
    model = between_two_products("y = Mul(x, k)", k=1.0)
    feed = {"frame": np.full((1, 4), 1.0001, np.float32)}
    assert (run(rounded(to_half(model)), feed)[0] == 1.0).all()
    assert (run(model, feed)[0] != 1.0).all()
