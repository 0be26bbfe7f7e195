"""Who takes part, and why somebody does not."""

import pickle
import shutil

import pytest

from asymformer_ros.benchmark.contenders import ModelSource, contenders
from asymformer_ros.engines import packages
from asymformer_ros.engines.engine import EngineError
from asymformer_ros.resources import resource

SOURCE = ModelSource("asymformer-nano", "", "")


def by_name(source):
    return {one.name: one for one in contenders(source)}


def test_every_engine_takes_part_and_the_plain_network_on_both_devices():
    found = {name: (one.device, one.is_baseline) for name, one in by_name(SOURCE).items()}
    assert found == {
        "tensorrt": ("gpu", False),
        "torch cuda": ("gpu", False),
        "onnxruntime cuda": ("gpu", False),
        "openvino bf16": ("cpu", False),
        "openvino": ("cpu", False),
        "onnxruntime": ("cpu", False),
        "torch": ("cpu", False),
        "eager cuda": ("gpu", True),
        "eager cuda half": ("gpu", True),
        "eager": ("cpu", True),
    }


def test_contenders_travel_to_other_processes():
    for contender in contenders(SOURCE):
        travelled = pickle.loads(pickle.dumps(contender))
        assert travelled.name == contender.name
        assert travelled.open.args == contender.open.args


def test_without_pytorch_the_baseline_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    with pytest.raises(EngineError, match="not installed: pip install torch safetensors"):
        by_name(SOURCE)["eager"].open()


def test_without_pytorch_weights_the_baseline_says_so(tmp_path):
    weights = shutil.copy(resource("weights/asymformer-nano.onnx"), tmp_path / "mine.onnx")
    with pytest.raises(EngineError, match="is not a PyTorch file"):
        by_name(ModelSource(str(weights), "", ""))["eager"].open()
