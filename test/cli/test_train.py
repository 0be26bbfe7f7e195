"""`asymformer train` as it is typed; the training itself is tested in test/training."""

import pytest

from asymformer_ros.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--nyuv2", "{tmp}/none", "--output", "{tmp}/w.safetensors"],
            "give the folder of the data",
        ),
        (["--nyuv2", "{tmp}", "--output", "{tmp}/file/w.safetensors"], "File exists"),
    ],
)
def test_what_cannot_work_ends_with_one_line(tmp_path, capsys, arguments, sentence):
    (tmp_path / "file").write_bytes(b"")
    assert main(["train", *(argument.format(tmp=tmp_path) for argument in arguments)]) == 1
    message = capsys.readouterr().err
    assert sentence in message
    assert message.startswith("asymformer train: ") and message.count("\n") == 1
