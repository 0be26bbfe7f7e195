"""`asymformer compare` as it is typed."""

from dataclasses import replace

import pytest
from example_result import RESULT

from asymformer_ros.cli.main import main


@pytest.fixture
def runs(tmp_path):
    """The folders of two evaluations."""
    other = replace(RESULT, scores=replace(RESULT.scores, mean_iou=0.5), complete=False)
    for name, result in (("a", RESULT), ("b", other)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_text(result.to_json())
    return tmp_path / "a", tmp_path / "b"


@pytest.mark.parametrize("file", ["", "result.json"])
def test_two_runs_are_shown_side_by_side(runs, capsys, file):
    a, b = (str(run / file) for run in runs)
    assert main(["compare", a, b]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"A  {a}\nB  {b}\n")
    assert "+6.79 points" in printed
    assert "WARNING: B is partial" in printed


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("none.json", None, "cannot be read: No such file or directory"),
        ("table.csv", "number,name\n", "is no result of `asymformer evaluate`"),
        ("old.json", '{"schema": 0}', "is no result of this version: evaluate again"),
    ],
)
def test_what_is_no_result_ends_with_one_line(runs, capsys, tmp_path, name, content, sentence):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    assert main(["compare", str(runs[0]), str(path)]) == 1
    message = capsys.readouterr().err
    assert message.startswith(f"asymformer compare: {path} ")
    assert sentence in message
    assert message.count("\n") == 1


def test_a_folder_without_a_result_is_told(runs, capsys, tmp_path):
    assert main(["compare", str(tmp_path), str(runs[0])]) == 1
    assert f"{tmp_path}/result.json cannot be read" in capsys.readouterr().err
