"""`asymformer build` and `asymformer doctor` on the machine that runs the tests."""

import os
import subprocess
import sys

import pytest

from asymformer_ros.cli.main import main
from asymformer_ros.engines.candidates import _CHAIN
from asymformer_ros.resources import resource


def test_build_makes_what_the_node_will_take_and_says_what_that_is(tmp_path, capsys):
    weights = str(resource("weights") / "asymformer-nano.safetensors")
    arguments = ["--weights", weights, "--engine", "onnxruntime", "--cache-dir", str(tmp_path)]
    assert main(["build", *arguments]) == 0
    said = capsys.readouterr().out
    assert "onnxruntime fp32, 640x480, self-check 100.00%" in said
    assert {path.suffix for path in tmp_path.iterdir()} >= {".onnx", ".npz"}


def test_build_says_why_an_engine_cannot_be_built(tmp_path, capsys):
    if main(["build", "--engine", "tensorrt", "--cache-dir", str(tmp_path)]) == 0:
        pytest.skip("TensorRT works here")
    message = capsys.readouterr().err
    assert message.startswith("asymformer build: no engine works here: tensorrt (")
    assert message.count("\n") == 1


def test_build_fails_where_nothing_can_be_kept(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["build", "--cache-dir", str(tmp_path / "file" / "cache")]) == 1
    assert "takes no files (Not a directory): give another --cache-dir" in capsys.readouterr().err


def test_build_fails_where_what_it_made_could_not_be_kept(tmp_path):
    code = (
        "import resource, signal, sys\n"
        "from asymformer_ros.cli.main import main\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"  # as a full disk
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "sys.exit(main(['build', '--engine', 'onnxruntime', '--cache-dir', sys.argv[1]]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "cannot be kept in" in done.stderr
    assert "onnxruntime fp32, 640x480, self-check 100.00%" in done.stdout


@pytest.mark.parametrize("verb", [["doctor"], ["--help"]], ids=["verb", "help"])
@pytest.mark.parametrize("environment", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "not"])
def test_a_reader_that_wants_no_more_is_no_error(tmp_path, verb, environment):
    code = "from asymformer_ros.cli.main import program; program()"
    options = ["--cache-dir", str(tmp_path)] if verb == ["doctor"] else []
    command = [sys.executable, "-c", code, *verb, *options]
    buffered = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"} | environment
    with subprocess.Popen(
        command, env=buffered, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as doctor:
        assert doctor.stdout is not None and doctor.stderr is not None
        doctor.stdout.close()
        assert doctor.stderr.read() == b""
    assert doctor.returncode == 1 or verb == ["--help"]  # of which argparse hides the failure


def test_doctor_lists_every_engine_with_its_figure_or_its_reason(tmp_path, capsys):
    (tmp_path / "half.plan").write_bytes(b"half")
    assert main(["doctor", "--cache-dir", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, _ in _CHAIN:
        (line,) = [line for line in lines if line.startswith(f"  {name:<17} ")]
        verdict, *rest = line.removeprefix(f"  {name:<17} ").split(None, 1)
        assert verdict in ("yes", "no") and rest
        if verdict == "yes":
            assert rest[0].startswith("self-check ")
    (line,) = [line for line in lines if "half.plan" in line]
    assert line.endswith("damaged: it will be made again")
    heads = {line.split()[0] for line in lines[:4]}
    assert heads == {"CPU", "GPU", "system", "packages"}
    assert any("onnxruntime " in line for line in lines if line.startswith("packages"))


def test_an_interrupt_before_the_verb_runs_is_one_word(monkeypatch, capsys):
    def interrupted(name):
        raise KeyboardInterrupt

    monkeypatch.setattr("asymformer_ros.cli.main.import_module", interrupted)
    assert main(["doctor"]) == 130
    assert capsys.readouterr().err == "asymformer: interrupted\n"
