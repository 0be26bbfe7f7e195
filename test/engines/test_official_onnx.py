"""The official ONNX export, whatever its names, gives what the deploy graph gives."""

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import reference_recipe

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from half_rounding import rounded, run, value_types
from onnx import TensorProto, helper

import asymformer_ros
from asymformer_ros.engines.cache import EngineCache
from asymformer_ros.engines.deploy_graph import DeployGraph
from asymformer_ros.engines.half_precision import to_half
from asymformer_ros.engines.model import Model
from asymformer_ros.engines.official_onnx import wrap_official
from asymformer_ros.engines.onnx_export import export_onnx
from asymformer_ros.engines.self_check import agreement
from asymformer_ros.network.asymformer import create
from asymformer_ros.network.checkpoint import load
from asymformer_ros.network.profile import (
    METADATA_KEY,
    OFFICIAL,
    CheckpointError,
    Profile,
    official_profile,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # the exporter that writes opset 17
    pytest.mark.filterwarnings("ignore:Converting a tensor to a Python boolean"),
]
NANO = Path(asymformer_ros.__file__).parent / "weights" / "asymformer-nano.safetensors"
SIZE = (96, 128)
FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16)


@pytest.fixture(scope="module")
def network():
    return load(NANO)[0]


@pytest.fixture(scope="module")
def network_of(network):
    """The network with only so many of its classes."""

    def cut(classes):
        twin = create("asymformer-nano", num_classes=classes)
        state = {
            key: value[:classes] if key.startswith("Decoder.linear_pred.") else value
            for key, value in network.state_dict().items()
        }
        twin.load_state_dict(state)
        return twin.eval()

    return cut


@pytest.fixture(scope="module")
def frame():
    rgb, millimetres = reference_recipe.camera_input(*SIZE)
    depth = (millimetres / 1000).astype(np.float32)
    depth[millimetres == 0] = np.nan
    return {"rgb": np.ascontiguousarray(rgb), "depth": depth}


def export(network, path, opset=17, names=("input.1", "x.3", "onnx::Out_2381"), dynamic=None):
    """An export of the official kind: normalised inputs, logits of full size.

    dynamic: names of the open dimensions by axis, for all inputs and outputs.
    """
    example = (torch.zeros(1, 3, *SIZE), torch.zeros(1, 1, *SIZE))
    torch.onnx.export(
        network,
        example,
        str(path),
        opset_version=opset,
        input_names=names[:2],
        output_names=names[2:],
        dynamic_axes={name: dynamic for name in names} if dynamic else None,
        dynamo=False,
    )
    return onnx.load(path)


@pytest.fixture(scope="module")
def official(network, tmp_path_factory):
    return export(network, tmp_path_factory.mktemp("official") / "official.onnx")


def expected(network, frame, profile="nyu-bgr", classes=40):
    graph = DeployGraph(network, replace(official_profile(profile, classes), input_size=SIZE))
    with torch.inference_mode():
        outputs = graph(torch.from_numpy(frame["rgb"]), torch.from_numpy(frame["depth"]))
    return [output.numpy() for output in outputs]


def assert_equal(found, wanted):
    labels, confidence, log_probabilities = found
    assert (labels == wanted[0]).mean() >= 0.9999
    assert np.abs(confidence.astype(int) - wanted[1]).max() <= 1
    assert log_probabilities == pytest.approx(wanted[2], abs=1e-3)


@pytest.mark.parametrize(
    ("classes", "options"),
    [
        pytest.param(40, {"opset": 14}, id="opset 14"),
        pytest.param(40, {"opset": 17}, id="opset 17"),
        pytest.param(40, {"opset": 18}, id="opset 18"),
        pytest.param(40, {"opset": 20}, id="opset 20"),
        pytest.param(37, {}, id="37 classes"),
        pytest.param(40, {"dynamic": {0: "batch"}}, id="dynamic batch"),
        pytest.param(40, {"names": ("labels", "rgb", "depth")}, id="names of ours"),
    ],
)
def test_it_gives_what_the_deploy_graph_gives(network_of, frame, tmp_path, classes, options):
    network = network_of(classes)
    model = wrap_official(export(network, tmp_path / "official.onnx", **options))
    assert [value.name for value in model.graph.input] == ["rgb", "depth"]
    names = [value.name for value in model.graph.output]
    assert names == ["labels", "confidence", "log_probabilities"]
    assert_equal(run(model, frame), expected(network, frame, classes=classes))


@pytest.mark.parametrize("name", OFFICIAL)
def test_preprocessing_is_that_of_the_named_profile(network, official, frame, name):
    model = wrap_official(official, name)
    assert_equal(run(model, frame), expected(network, frame, name))
    (entry,) = model.metadata_props
    assert entry.key == METADATA_KEY
    assert Profile.from_json(entry.value) == replace(official_profile(name, 40), input_size=SIZE)


def test_log_probabilities_have_full_size_where_the_upsampling_cannot_be_cut_off(
    network, official, frame
):
    model = onnx.ModelProto()
    model.CopyFrom(official)
    model.graph.node.append(helper.make_node("Identity", ["onnx::Out_2381"], ["logits"]))
    model.graph.output[0].name = "logits"
    labels, confidence, log_probabilities = run(wrap_official(model), frame)
    wanted_labels, wanted_confidence, _ = expected(network, frame)
    assert log_probabilities.shape == (40, *SIZE)
    assert (labels == wanted_labels).mean() >= 0.9999
    assert np.abs(confidence.astype(int) - wanted_confidence).max() <= 1


def test_pixels_without_a_number_are_unlabelled(official, frame):
    depth = np.full(SIZE, np.inf, np.float32)
    labels, confidence, _ = run(wrap_official(official), {"rgb": frame["rgb"], "depth": depth})
    assert (labels == 255).all()
    assert (confidence == 0).all()


@pytest.fixture(scope="module", params=["nyu-rgb", "nyu-bgr", "official"])
def graph(request, network, official):
    """Each graph that TensorRT is given, in float32."""
    if request.param == "official":
        return wrap_official(official)
    profile = replace(official_profile(request.param, 40), input_size=SIZE)
    return onnx.load_from_string(export_onnx(network, profile))


# TensorRT takes uint8 at its bounds only, see https://github.com/NVIDIA/TensorRT/issues/3985.
@pytest.mark.parametrize("typed", [lambda model: model, to_half], ids=["float32", "half"])
def test_bytes_come_in_and_go_out_through_casts_only(graph, typed):
    model = typed(graph)
    types = value_types(model)
    given = {"labels", "confidence"}
    bytes_ = {name for name, of in types.items() if of == TensorProto.UINT8}
    assert bytes_ == {"rgb"} | given

    takers = [node for node in model.graph.node if "rgb" in node.input]
    makers = [node for node in model.graph.node if given & set(node.output)]
    assert takers
    assert given == {name for node in makers for name in node.output}
    assert {node.op_type for node in takers + makers} == {"Cast"}
    for source, made in ((node.input[0], node.output[0]) for node in takers + makers):
        assert {types[source], types[made]} <= {TensorProto.UINT8, *FLOATS}


def test_it_runs_in_half_precision(official, frame):
    model = wrap_official(official)
    half = to_half(model)
    assert list(half.metadata_props) == list(model.metadata_props)
    labels = run(rounded(half), frame)[0]
    assert agreement(labels, run(model, frame)[0]) >= 0.99


def test_names_inside_may_be_ours_too(network, official, frame):
    model = onnx.ModelProto()
    model.CopyFrom(official)
    weight = model.graph.initializer[0].name
    model.graph.initializer[0].name = "mean"
    for node in model.graph.node:
        for position, name in enumerate(node.input):
            if name == weight:
                node.input[position] = "mean"
    assert_equal(run(wrap_official(model), frame), expected(network, frame))


def test_the_given_model_stays(official):
    before = official.SerializeToString()
    wrap_official(official)
    assert official.SerializeToString() == before


IMAGE, DEPTH, LOGITS = (1, 3, 96, 128), (1, 1, 96, 128), (1, 40, 96, 128)


def other(
    inputs=(IMAGE, DEPTH),
    outputs=(LOGITS,),
    element=TensorProto.FLOAT,
    opset=17,
    op="Reshape",
    domain="",
):
    """A graph with such inputs and outputs that does nothing of use."""
    taken, given = (
        [helper.make_tensor_value_info(f"{kind}{i}", element, s) for i, s in enumerate(shapes)]
        for kind, shapes in (("in", inputs), ("out", outputs))
    )
    nodes = [helper.make_node("Shape", ["in0"], ["shape"])]
    nodes += [
        helper.make_node(op, ["in0", "shape"], [value.name], domain=domain) for value in given
    ]
    graph = helper.make_graph(nodes, "other", taken, given)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (other([IMAGE]), CheckpointError, r"this one takes float \[1, 3, 96, 128\] and gives"),
        (other([IMAGE, DEPTH, DEPTH]), CheckpointError, "an official export takes float"),
        (other([IMAGE, (1, 1, 48, 64)]), CheckpointError, r"\[1, 1, 48, 64\]"),
        (other([(2, *IMAGE[1:]), DEPTH]), CheckpointError, r"\[2, 3, 96, 128\]"),
        (other(outputs=[LOGITS, LOGITS]), CheckpointError, "an official export takes float"),
        (other(outputs=[(1, 96, 128)]), CheckpointError, r"gives float \[1, 96, 128\]"),
        (other(outputs=[(1, "c", "h", "w")]), CheckpointError, r"gives float \[1, \?, \?, \?\]"),
        (other([DEPTH, DEPTH]), CheckpointError, r"takes float \[1, 1, 96, 128\] and float \[1, 1"),
        (other(element=TensorProto.DOUBLE), CheckpointError, "takes double"),
        (other(element=TensorProto.FLOAT16), CheckpointError, "give the export in float32"),
        (other(opset=11), CheckpointError, "has opset 11: export it with 13 or a newer"),
        (other([(1, 3, "h", "w"), (1, 1, "h", "w")]), CheckpointError, "with a fixed size"),
        (other([(1, 3, 96, "w"), (1, 1, 96, "w")]), CheckpointError, "with a fixed size"),
        (other([IMAGE, (1, 1, "h", "w")]), CheckpointError, "with a fixed size"),
        (other(op="Reshuffle"), CheckpointError, "is no valid ONNX graph"),
        (
            other(domain="com.microsoft"),
            CheckpointError,
            "holds Reshape of com.microsoft, which one",
        ),
        (other(outputs=[(1, 12, 96, 128)]), CheckpointError, "12 classes"),
        (
            other([(1, 3, 100, 100), (1, 1, 100, 100)], [(1, 40, 100, 100)]),
            CheckpointError,
            "input size 100x100 is not a multiple of 32",
        ),
    ],
)
def test_another_file_is_refused_in_one_sentence(model, error, message):
    with pytest.raises(error, match=message) as refusal:
        wrap_official(model)
    assert "\n" not in str(refusal.value)


def test_half_precision_inside_is_refused(official):
    """Its islands would be half already, and the self-check would compare it with itself."""
    with pytest.raises(CheckpointError, match="is in half precision already"):
        wrap_official(to_half(official))


@pytest.mark.parametrize(("last", "axis"), [("Softmax", 1), ("Softmax", -3), ("LogSoftmax", 1)])
def test_a_soft_max_at_the_end_changes_nothing(network, official, frame, last, axis):
    model = copy.deepcopy(official)
    model.graph.node.append(helper.make_node(last, ["onnx::Out_2381"], ["sure"], axis=axis))
    model.graph.output[0].name = "sure"
    labels, confidence, _ = run(wrap_official(model), frame)
    wanted_labels, wanted_confidence, _ = expected(network, frame)
    assert (labels == wanted_labels).mean() >= 0.9999
    assert np.abs(confidence.astype(int) - wanted_confidence).max() <= 1


def test_depth_may_come_first(network, official, frame):
    model = copy.deepcopy(official)
    image, depth = model.graph.input
    reordered = [copy.deepcopy(depth), copy.deepcopy(image)]
    del model.graph.input[:]
    model.graph.input.extend(reordered)
    assert_equal(run(wrap_official(model), frame), expected(network, frame))


@pytest.fixture
def split(official, tmp_path):
    """An export whose weights are in a file of their own, as today's PyTorch writes it."""
    path = tmp_path / "official.onnx"
    onnx.save(
        copy.deepcopy(official), path, save_as_external_data=True, location="official.onnx.data"
    )
    return path


def test_weights_may_lie_in_a_file_beside(split, network, frame, tmp_path):
    model = Model(str(split), "", EngineCache(tmp_path / "cache"))
    assert_equal(run(onnx.load_from_string(model.graph), frame), expected(network, frame))
    with (tmp_path / "official.onnx.data").open("r+b") as file:
        file.write(b"other weights")
    assert Model(str(split), "", EngineCache(tmp_path / "cache")).key != model.key


@pytest.mark.parametrize("place", ["official.onnx.data", "../official.onnx.data", "/etc/passwd"])
def test_weights_that_are_not_beside_are_named(split, tmp_path, place):
    model = onnx.load_model_from_string(split.read_bytes())
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = place
    split.write_bytes(model.SerializeToString())
    (tmp_path / "official.onnx.data").unlink()
    with pytest.raises(CheckpointError, match=f"keeps its weights in {place}, which is not beside"):
        Model(str(split), "", EngineCache(tmp_path / "cache"))


def test_an_unknown_profile_is_refused(official):
    with pytest.raises(CheckpointError, match="unknown profile 'sun-rgb'"):
        wrap_official(official, "sun-rgb")
