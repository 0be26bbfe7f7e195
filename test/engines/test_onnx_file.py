"""ONNX files read and cut without the package onnx, against that package."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from asymformer_ros.engines.onnx_file import external_files, read_profile, with_output
from asymformer_ros.network.profile import METADATA_KEY, Profile
from asymformer_ros.resources import resource

PROFILE = Profile("asymformer-nano", "sunrgbd37", 37, (96, 128), channel_order="bgr")


def file_with(properties):
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [value], [out])
    model = helper.make_model(graph, producer_name="somebody", doc_string="a" * 300)
    helper.set_model_props(model, properties)
    return model.SerializeToString()


def test_the_profile_of_the_bundled_weights_is_what_onnx_reads():
    path = resource("weights") / "asymformer-nano.onnx"
    model = onnx.load(str(path))
    (expected,) = (prop.value for prop in model.metadata_props if prop.key == METADATA_KEY)
    assert read_profile(path.read_bytes()) == Profile.from_json(expected)


def test_the_profile_is_found_among_other_properties():
    content = file_with({"author": "me", METADATA_KEY: PROFILE.to_json(), "date": ""})
    assert read_profile(content) == PROFILE


@pytest.mark.parametrize(
    "content",
    [b"", b"no protocol buffer", b"\xff" * 100, file_with({}), file_with({"author": "me"})],
)
def test_other_content_has_none(content):
    assert read_profile(content) is None


def test_a_file_that_was_cut_off_anywhere_has_none():
    content = file_with({METADATA_KEY: PROFILE.to_json()})
    assert {read_profile(content[:length]) for length in range(len(content))} == {None}


def test_files_of_external_weights_are_named(tmp_path):
    weights = numpy_helper.from_array(np.zeros(1000, np.float32), "w")
    value = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1000])
    node = helper.make_node("Relu", ["w"], ["y"])
    model = helper.make_model(helper.make_graph([node], "g", [], [value], [weights]))
    onnx.save(model, tmp_path / "inside.onnx")
    onnx.save(model, tmp_path / "beside.onnx", save_as_external_data=True, location="w.bin")
    content = (tmp_path / "beside.onnx").read_bytes()
    assert external_files(content) == {"w.bin"}
    assert external_files((tmp_path / "inside.onnx").read_bytes()) == set()
    assert external_files(content[:-1]) == external_files(b"junk") == set()


def test_a_graph_can_be_cut_down_to_one_output():
    content = (resource("weights") / "asymformer-nano.onnx").read_bytes()
    before, after = onnx.ModelProto(), onnx.ModelProto()
    before.ParseFromString(content)
    after.ParseFromString(with_output(content, "log_probabilities"))
    assert [output.name for output in after.graph.output] == ["log_probabilities"]
    assert len(before.graph.output) == 3
    del before.graph.output[:2]
    assert after == before
