"""`asymformer evaluate` and `asymformer train` as they are typed."""

import re

import pytest

from asymformer_ros.cli.main import main


def test_simulated_rooms_are_scored(capsys):
    assert main(["evaluate", "--rooms", "3", "--engine", "onnxruntime"]) == 0
    printed = capsys.readouterr().out
    assert "simulated rooms, seeds 0 to 2" in printed
    accuracy = float(re.search(r"pixel accuracy ([\d.]+)%", printed)[1])
    assert 20.0 < accuracy < 100.0
    assert re.search(r"^ +floor +[\d.]+%$", printed, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["evaluate"], 2, "give --nyuv2 FOLDER or --rooms N"),
        (["evaluate", "--nyuv2", "{tmp}/none"], 1, "is it a split of nyuv2_small?"),
        (["evaluate", "--rooms", "1", "--weights", "none"], 1, "neither bundled"),
        (["train", "--nyuv2", "{tmp}/none", "--output", "{tmp}/w.safetensors"], 1, "is it a split"),
        (["train", "--nyuv2", "{tmp}", "--output", "{tmp}/file/w.safetensors"], 1, "File exists"),
    ],
)
def test_what_cannot_work_ends_with_one_line(tmp_path, capsys, arguments, code, sentence):
    (tmp_path / "file").write_bytes(b"")
    assert main([argument.format(tmp=tmp_path) for argument in arguments]) == code
    message = capsys.readouterr().err
    assert sentence in message
    assert message.startswith("asymformer ") and message.count("\n") == 1


@pytest.mark.parametrize("number", ["0", "-3", "many"])
def test_a_number_that_cannot_work_is_refused_by_the_parser(number, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", "--rooms", number])
    assert ended.value.code == 2
    assert "--rooms" in capsys.readouterr().err
