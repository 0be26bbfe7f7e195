"""`asymformer export` as users of official weights run it."""

import pytest

from asymformer_ros.cli.main import main
from asymformer_ros.engines.choose import load_engine
from asymformer_ros.resources import resource


def test_exported_weights_run_on_a_cpu_engine(tmp_path, capsys):
    output = tmp_path / "graph.onnx"
    assert main(["export", str(resource("weights/asymformer-nano.safetensors")), str(output)]) == 0
    assert "asymformer-nano, 640x480, nyu40" in capsys.readouterr().out
    assert load_engine(str(output), "onnxruntime").label_space == "nyu40"


def test_the_network_s_size_can_be_chosen(tmp_path, capsys):
    output = tmp_path / "graph.onnx"
    weights = str(resource("weights/asymformer-nano.safetensors"))
    assert main(["export", weights, str(output), "--size", "320x256"]) == 0
    assert "320x256" in capsys.readouterr().out
    loaded = load_engine(str(output), "onnxruntime")
    assert loaded.engine.input_size == (256, 320)
    loaded.engine.close()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["{tmp}/none.pth", "{tmp}/x.onnx"], "neither bundled"),
        (["{weights}", "{tmp}/x.onnx", "--profile", "nyu-rgb"], "carries its own profile"),
        (["{weights}", "{tmp}/file/x.onnx"], "File exists"),
        (["{weights}", "{tmp}/x.onnx", "--size", "300x200"], "not a multiple of 32"),
        (["{junk}", "{tmp}/x.onnx"], "not a readable ONNX file"),
        (["{junk}", "{tmp}/x.onnx", "--size", "320x256"], "--size is not for a finished graph"),
    ],
)
def test_what_cannot_be_exported_is_said_in_one_line(tmp_path, capsys, arguments, sentence):
    (tmp_path / "file").write_bytes(b"")
    weights = resource("weights/asymformer-nano.safetensors")
    (junk := tmp_path / "junk.onnx").write_bytes(b"junk")
    places = {"tmp": tmp_path, "weights": weights, "junk": junk}
    assert main(["export", *(argument.format(**places) for argument in arguments)]) == 1
    message = capsys.readouterr().err
    assert sentence in message
    assert message.startswith("asymformer export: ") and message.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["x.pth", "x.bin"], "no file name that ends in .onnx"),
        (["x.pth", "x.onnx", "--size", "640"], "640 is not WIDTHxHEIGHT"),
    ],
)
def test_arguments_that_cannot_work_are_refused_before_anything_is_read(
    capsys, arguments, sentence
):
    with pytest.raises(SystemExit):
        main(["export", *arguments])
    assert sentence in capsys.readouterr().err
