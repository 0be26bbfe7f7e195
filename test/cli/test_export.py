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


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["{tmp}/none.pth", "{tmp}/x.onnx"], "does not exist"),
        (["{weights}", "{tmp}/x.onnx", "--profile", "nyu-rgb"], "carries its own profile"),
        (["{weights}", "{tmp}/file/x.onnx"], "File exists"),
    ],
)
def test_what_cannot_be_exported_is_said_in_one_line(tmp_path, capsys, arguments, sentence):
    (tmp_path / "file").write_bytes(b"")
    weights = resource("weights/asymformer-nano.safetensors")
    assert main(["export", *(a.format(tmp=tmp_path, weights=weights) for a in arguments)]) == 1
    message = capsys.readouterr().err
    assert sentence in message
    assert message.startswith("asymformer export: ") and message.count("\n") == 1
