"""Every CPU engine on the bundled weights, and every way in which weights or engines are wrong."""

import logging
import subprocess
import sys

import numpy as np
import pytest

from asymformer_ros.engines import candidates
from asymformer_ros.engines.cache import EngineCache
from asymformer_ros.engines.candidates import ENGINES
from asymformer_ros.engines.choose import load_engine
from asymformer_ros.engines.engine import EngineError
from asymformer_ros.engines.model import Model
from asymformer_ros.engines.self_check import agreement
from asymformer_ros.network import checkpoint
from asymformer_ros.network.profile import CheckpointError
from asymformer_ros.resources import resource

BUNDLED = resource("weights") / "asymformer-nano.onnx"
CPU = ("openvino", "onnxruntime", "torch")


@pytest.fixture(scope="module")
def frame():
    """A frame with structure, 480x640, with holes in its depth."""
    y, x = np.mgrid[0:480, 0:640]
    rgb = np.stack((x % 256, y % 256, (x + y) % 256), axis=2).astype(np.uint8)
    depth_m = (1.0 + 3.0 * y / 480 + 0.3 * np.sin(x / 40)).astype(np.float32)
    depth_m[100:150, 200:260] = np.nan
    return rgb, depth_m


@pytest.fixture(scope="module")
def float32(tmp_path_factory):
    """Float32 candidates of the bundled weights by the name of their engine, opened on demand."""
    model = Model("asymformer-nano", "", EngineCache(tmp_path_factory.mktemp("cache")))
    chain = {candidate.name: candidate for candidate in candidates.candidates(model, "auto")}
    return lambda name: chain[name].open()


@pytest.fixture(scope="module")
def reference(frame, float32):
    """What PyTorch in float32 says of the frame."""
    return float32("torch").infer(*frame)


@pytest.mark.parametrize("name", CPU)
def test_float32_engines_give_the_labels_of_the_network(name, frame, reference, float32):
    engine = float32(name)
    assert (engine.name, engine.precision, engine.input_size) == (name, "fp32", (480, 640))
    labels, confidence = engine.infer(*frame)
    assert labels.dtype == confidence.dtype == np.uint8
    assert agreement(labels, reference[0]) > 0.9999
    assert np.abs(confidence.astype(int) - reference[1]).max() <= 1
    assert engine.stages.network > engine.stages.copy_in


@pytest.mark.parametrize("name", CPU)
def test_results_of_a_frame_survive_the_next_one(name, frame, float32):
    engine = float32(name)
    first, _ = engine.infer(*frame)
    kept = first.copy()
    engine.infer(frame[0][::-1].copy(), frame[1][::-1].copy())
    assert (first == kept).all()


@pytest.mark.parametrize("name", CPU)
def test_views_with_strides_are_taken(name, frame, float32):
    engine = float32(name)
    rgb, depth_m = frame
    mirrored = engine.infer(rgb[:, ::-1], depth_m[:, ::-1])
    copied = engine.infer(rgb[:, ::-1].copy(), depth_m[:, ::-1].copy())
    assert (mirrored[0] == copied[0]).all()


@pytest.mark.parametrize("name", CPU)
def test_a_closed_engine_says_so(name, frame, float32):
    engine = float32(name)
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.infer(*frame)


def test_the_graph_s_own_labels_are_those_of_the_host(frame, reference):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(BUNDLED.read_bytes())
    assert [output.name for output in session.get_outputs()] == [
        "labels",
        "confidence",
        "log_probabilities",
    ]
    labels, confidence = session.run(
        ["labels", "confidence"], dict(zip(("rgb", "depth"), frame, strict=True))
    )
    assert labels.dtype == confidence.dtype == np.uint8
    assert agreement(labels, reference[0]) > 0.9999
    # The soft-max itself, of which the host gives a near lower bound.
    above = confidence.astype(int) - reference[1]
    assert above.min() >= -1
    assert np.percentile(above, 99) <= 3 and above.mean() < 0.3


def test_the_graph_s_labels_of_what_it_could_not_compute_are_void(float32):
    torch = pytest.importorskip("torch")
    from asymformer_ros.engines.deploy_graph import DeployGraph
    from asymformer_ros.network.checkpoint import load

    graph = DeployGraph(*load(BUNDLED.with_suffix(".safetensors")))
    log_probabilities = torch.log_softmax(torch.randn(40, 8, 8), dim=0)
    log_probabilities[:, :4] = torch.nan
    labels, confidence, _ = graph.tail(log_probabilities)
    assert (labels[:14] == 255).all() and (confidence[:14] == 0).all()
    assert (labels[20:] < 40).all()


def test_bfloat16_is_taken_where_it_passes_the_self_check():
    loaded = load_engine("asymformer-nano", "openvino")
    assert loaded.engine.agreement >= 0.99
    if loaded.engine.precision == "fp32":  # a CPU without bfloat16
        ((name, reason),) = loaded.engine.passed_over
        assert name == "openvino bf16" and "bfloat16" in reason
    loaded.engine.close()


def test_auto_says_in_one_sentence_what_it_took_and_why_not_the_others():
    loaded = load_engine("asymformer-nano")
    assert loaded.sentence.startswith(f"{loaded.engine.name} {loaded.engine.precision}, 640x480")
    passed_over = dict(loaded.engine.passed_over)
    assert set(passed_over) < {name for name, _ in candidates._CHAIN}
    assert all(f"({reason})" in loaded.sentence for reason in passed_over.values())
    assert "\n" not in loaded.sentence
    loaded.engine.close()


RAISING = {
    "openvino": "raise RuntimeError('libopenvino.so: undefined symbol')",
    "onnxruntime": "raise OSError('libgomp.so.1: cannot open shared object file')",
}
# What is left when one of two packages that share a folder is uninstalled.
EMPTY = {"openvino": "", "onnxruntime": ""}


@pytest.mark.parametrize(
    ("packages", "reasons"),
    [
        (RAISING, ["libopenvino.so: undefined symbol", "libgomp.so.1: cannot open"]),
        (EMPTY, ["No module named 'openvino.frontend'", "no attribute 'get_available_providers'"]),
    ],
    ids=["raising", "empty"],
)
def test_broken_installations_are_passed_over_with_their_reason(tmp_path, packages, reasons):
    for name, code in packages.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(code)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from asymformer_ros.engines.choose import load_engine\n"
        f"print(load_engine('asymformer-nano', cache_dir={str(tmp_path / 'cache')!r}).sentence)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("torch fp32")
    assert all(reason in done.stdout for reason in reasons)


def test_no_engine_speaks_to_anybody():
    code = (
        "import sys\n"
        "def watch(event, arguments):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo', 'socket.sendto'):\n"
        "        print('network:', event, arguments, flush=True)\n"
        "sys.addaudithook(watch)\n"
        "import numpy as np\n"
        "from asymformer_ros.engines.choose import load_engine\n"
        "for name in ('openvino', 'onnxruntime'):\n"
        "    engine = load_engine('asymformer-nano', name).engine\n"
        "    engine.infer(np.zeros((480, 640, 3), np.uint8), np.ones((480, 640), np.float32))\n"
        "    engine.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "network:" not in done.stdout


def test_weights_of_pytorch_run_on_a_cpu_engine_through_the_cache(tmp_path, frame, reference):
    weights = BUNDLED.with_suffix(".safetensors")
    engine = load_engine(str(weights), "onnxruntime", str(tmp_path)).engine
    assert agreement(engine.infer(*frame)[0], reference[0]) > 0.9999
    written = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert any(path.suffix == ".onnx" for path in written)
    load_engine(str(weights), "onnxruntime", str(tmp_path))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == written


def test_a_damaged_file_of_the_cache_is_made_again(tmp_path, frame, reference, caplog):
    weights = str(BUNDLED.with_suffix(".safetensors"))
    load_engine(weights, "onnxruntime", str(tmp_path)).engine.close()
    for path in tmp_path.iterdir():
        if path.suffix in (".onnx", ".npz"):
            path.write_bytes(path.read_bytes()[:-100])
    with caplog.at_level(logging.WARNING):
        engine = load_engine(weights, "onnxruntime", str(tmp_path)).engine
    assert agreement(engine.infer(*frame)[0], reference[0]) > 0.9999
    assert len(caplog.records) == 2
    assert all("damaged or incomplete" in record.getMessage() for record in caplog.records)


def test_a_cache_that_takes_no_files_costs_nothing_but_time(tmp_path, frame, reference, caplog):
    (tmp_path / "file").write_bytes(b"")
    weights = str(BUNDLED.with_suffix(".safetensors"))
    with caplog.at_level(logging.WARNING):
        engine = load_engine(weights, "onnxruntime", str(tmp_path / "file" / "cache")).engine
    assert agreement(engine.infer(*frame)[0], reference[0]) > 0.9999
    assert "give a cache_dir with room that this user may write to" in caplog.text


@pytest.mark.parametrize(
    ("weights", "engine", "message"),
    [
        ("asymformer-nano", "warp-drive", "unknown engine 'warp-drive': choose auto, tensorrt"),
        ("asymformer-giga", "auto", r"neither bundled \(asymformer-nano\) nor a file"),
        ("{tmp}/missing.onnx", "auto", "neither bundled"),
        ("{tmp}/notes.txt", "auto", "unknown ending"),
        ("{tmp}/robot.engine", "auto", "of which an engine is made here"),
        ("{tmp}/junk.onnx", "openvino", "junk.onnx is not a readable ONNX file"),
        ("{tmp}/junk.onnx", "torch", "is not a PyTorch file"),
        ("{tmp}/junk.onnx", "auto", "junk.onnx is not a readable ONNX file"),
        ("{tmp}/cut.onnx", "auto", "cut.onnx is not a readable ONNX file"),
        ("{tmp}/empty.onnx", "auto", "holds no network: it is empty or was cut off"),
        ("{tmp}/junk.pth", "auto", "is no file of PyTorch, it begins with b'nothing of use'"),
        ("{tmp}/junk.safetensors", "auto", "not a readable safetensors file"),
    ],
)
def test_what_can_never_work_is_said_in_one_sentence(tmp_path, weights, engine, message):
    for name in ("junk.onnx", "junk.pth", "junk.safetensors", "notes.txt", "robot.engine"):
        (tmp_path / name).write_bytes(b"nothing of use")
    (tmp_path / "empty.onnx").touch()
    (tmp_path / "cut.onnx").write_bytes(BUNDLED.read_bytes()[:-5000])
    with pytest.raises((EngineError, CheckpointError), match=message) as error:
        load_engine(weights.format(tmp=tmp_path), engine, str(tmp_path / "cache"))
    assert "\n" not in str(error.value)


def test_weights_that_change_while_they_are_converted_are_not_kept(tmp_path, monkeypatch):
    """Else the new weights' graph would stay under the old weights' name."""
    weights = tmp_path / "robot.safetensors"
    weights.write_bytes(BUNDLED.with_suffix(".safetensors").read_bytes())
    model = Model(str(weights), "", EngineCache(tmp_path / "cache"))

    def copied_over(*arguments):
        weights.write_bytes(weights.read_bytes()[:-4] + b"news")
        return load(*arguments)

    load = checkpoint.load
    monkeypatch.setattr(checkpoint, "load", copied_over)
    with pytest.raises(
        CheckpointError, match=r"robot\.safetensors was changed while it was in use"
    ):
        _ = model.graph
    assert not list((tmp_path / "cache").glob("*.onnx"))


def test_weights_of_nothing_but_nan_are_nobody_s_fault_but_theirs(tmp_path):
    network, profile = checkpoint.load(BUNDLED.with_suffix(".safetensors"))
    network.Decoder.linear_pred.bias.data.fill_(float("nan"))
    checkpoint.save(tmp_path / "nan.safetensors", network, profile)
    with pytest.raises(CheckpointError, match="the weights give no numbers, only NaN"):
        load_engine(str(tmp_path / "nan.safetensors"), "auto", str(tmp_path / "cache"))


def test_every_engine_is_named_once():
    assert ENGINES == ("tensorrt", "torch", "onnxruntime", "openvino")


def test_the_bundled_weights_are_small():
    files = [BUNDLED, BUNDLED.with_suffix(".safetensors")]
    assert sum(file.stat().st_size for file in files) <= 15_000_000
