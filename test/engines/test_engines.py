"""Every engine on the bundled weights, and every way in which weights or engines can be wrong."""

from pathlib import Path

import numpy as np
import pytest

from asymformer_ros.engines import choose
from asymformer_ros.engines.choose import ENGINES, load_engine
from asymformer_ros.engines.engine import EngineError
from asymformer_ros.network.profile import CheckpointError

BUNDLED = Path(choose.__file__).parents[1] / "weights" / "asymformer-nano.onnx"


@pytest.fixture(scope="module")
def frame():
    """A frame with structure, 480x640, with holes in its depth."""
    y, x = np.mgrid[0:480, 0:640]
    rgb = np.stack((x % 256, y % 256, (x + y) % 256), axis=2).astype(np.uint8)
    depth_m = (1.0 + 3.0 * y / 480 + 0.3 * np.sin(x / 40)).astype(np.float32)
    depth_m[100:150, 200:260] = np.nan
    return rgb, depth_m


@pytest.fixture(scope="module")
def reference(frame):
    """What PyTorch in float32 says of the frame."""
    engine = load_engine("asymformer-nano", "torch").engine
    return engine.infer(*frame)


@pytest.mark.parametrize("name", ENGINES)
def test_engines_agree_with_the_network(name, frame, reference):
    loaded = load_engine("asymformer-nano", name)
    assert (loaded.engine.name, loaded.label_space) == (name, "nyu40")
    assert loaded.engine.input_size == (480, 640)
    labels, confidence = loaded.engine.infer(*frame)
    assert labels.dtype == confidence.dtype == np.uint8
    assert (labels == reference[0]).mean() > 0.9999
    assert np.abs(confidence.astype(int) - reference[1]).max() <= 1


@pytest.mark.parametrize("name", ENGINES)
def test_results_of_a_frame_survive_the_next_one(name, frame):
    engine = load_engine("asymformer-nano", name).engine
    first, _ = engine.infer(*frame)
    kept = first.copy()
    engine.infer(frame[0][::-1].copy(), frame[1][::-1].copy())
    assert (first == kept).all()


@pytest.mark.parametrize("name", ENGINES)
def test_views_with_strides_are_taken(name, frame):
    engine = load_engine("asymformer-nano", name).engine
    rgb, depth_m = frame
    mirrored = engine.infer(rgb[:, ::-1], depth_m[:, ::-1])
    copied = engine.infer(rgb[:, ::-1].copy(), depth_m[:, ::-1].copy())
    assert (mirrored[0] == copied[0]).all()


@pytest.mark.parametrize("name", ENGINES)
def test_a_frame_of_another_size_is_an_engine_error(name):
    engine = load_engine("asymformer-nano", name).engine
    with pytest.raises(EngineError):
        engine.infer(np.zeros((100, 100, 3), np.uint8), np.zeros((100, 100), np.float32))


@pytest.mark.parametrize("name", ENGINES)
def test_a_closed_engine_says_so(name, frame):
    engine = load_engine("asymformer-nano", name).engine
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.infer(*frame)


def test_auto_takes_the_fastest_and_says_what_it_passed_over(monkeypatch):
    assert load_engine("asymformer-nano").engine.name == "openvino"

    def broken(path):
        raise EngineError("openvino cannot load it")

    monkeypatch.setitem(choose._ONNX, "openvino", broken)
    loaded = load_engine("asymformer-nano")
    assert loaded.engine.name == "onnxruntime"
    assert loaded.passed_over == ("openvino: openvino cannot load it",)


def test_weights_of_pytorch_run_on_a_cpu_engine_through_the_cache(tmp_path, frame, reference):
    weights = BUNDLED.with_suffix(".safetensors")
    loaded = load_engine(str(weights), "onnxruntime", str(tmp_path))
    assert (loaded.engine.infer(*frame)[0] == reference[0]).mean() > 0.9999
    (cached,) = tmp_path.glob("*.onnx")
    written = cached.stat().st_mtime_ns
    load_engine(str(weights), "onnxruntime", str(tmp_path))
    assert cached.stat().st_mtime_ns == written


@pytest.mark.parametrize(
    ("weights", "engine", "message"),
    [
        ("asymformer-nano", "warp-drive", "unknown engine 'warp-drive': choose auto, openvino"),
        ("asymformer-giga", "auto", r"neither bundled \(asymformer-nano\) nor a file"),
        ("{tmp}/missing.onnx", "auto", "neither bundled"),
        ("{tmp}/notes.txt", "auto", "unknown ending"),
        ("{tmp}/junk.onnx", "openvino", "openvino cannot load"),
        ("{tmp}/junk.onnx", "onnxruntime", "onnxruntime cannot load"),
        ("{tmp}/junk.onnx", "torch", "torch cannot run .onnx"),
        ("{tmp}/junk.onnx", "auto", "no engine works here: openvino: .* onnxruntime: .* torch: "),
        ("{tmp}/junk.pth", "auto", "cannot be read as weights only"),
    ],
)
def test_what_can_never_work_is_said_in_one_sentence(tmp_path, weights, engine, message):
    for name in ("junk.onnx", "junk.pth", "notes.txt"):
        (tmp_path / name).write_bytes(b"nothing of use")
    with pytest.raises((EngineError, CheckpointError), match=message) as error:
        load_engine(weights.format(tmp=tmp_path), engine, str(tmp_path / "cache"))
    assert "\n" not in str(error.value)


def test_an_onnx_file_of_somebody_else_is_refused(tmp_path):
    import onnx
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [value], [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = tmp_path / "foreign.onnx"
    onnx.save(model, str(path))
    for engine in ("openvino", "onnxruntime"):
        with pytest.raises(EngineError, match="not a deploy graph of this package"):
            load_engine(str(path), engine)


def test_a_cache_that_takes_no_files_is_named(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_bytes(b"")
    weights = str(BUNDLED.with_suffix(".safetensors"))
    with pytest.raises(EngineError, match=r"cache_dir .* cannot be written to"):
        load_engine(weights, "onnxruntime", str(in_the_way / "cache"))


def test_the_bundled_weights_are_small():
    files = [BUNDLED, BUNDLED.with_suffix(".safetensors")]
    assert sum(file.stat().st_size for file in files) <= 15_000_000
