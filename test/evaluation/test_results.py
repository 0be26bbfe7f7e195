"""result.json, written and read again."""

import json
from dataclasses import replace

import pytest
from example_result import RESULT, without_truth

from asymformer_ros.evaluation.results import ResultError, read_result


@pytest.fixture
def changed(tmp_path):
    """Writes a result after a function changed its JSON; returns the path."""

    def write(change):
        document = json.loads(RESULT.to_json())
        change(document)
        path = tmp_path / "result.json"
        path.write_text(json.dumps(document))
        return path

    return write


@pytest.mark.parametrize(
    "result",
    [
        RESULT,
        without_truth(),
        replace(RESULT, scores_with_drops=RESULT.scores, complete=False, problems=("one", "two")),
        replace(RESULT, latency_ms=None, flicker=None, engine_share=None),
        replace(RESULT, subject=replace(RESULT.subject, path="/data/\udcff", settings={})),
    ],
)
def test_what_is_written_is_read(tmp_path, result):
    path = tmp_path / "result.json"
    path.write_text(result.to_json(), encoding="utf-8")
    assert read_result(path) == result


def test_a_result_that_json_cannot_hold_is_not_written():
    with pytest.raises(ValueError, match="JSON"):
        replace(RESULT, flicker=float("nan")).to_json()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"{",
        b"[" * 100_000,
        RESULT.to_json().encode()[:500],
    ],
)
def test_what_is_no_json_is_refused(tmp_path, content):
    path = tmp_path / "result.json"
    path.write_bytes(content)
    with pytest.raises(ResultError, match=r"result\.json is no result of `asymformer evaluate`"):
        read_result(path)


@pytest.mark.parametrize("content", ["[]", "3", "{}", '{"schema": 0}', '{"schema": "1"}'])
def test_what_is_no_result_of_this_version_is_refused(tmp_path, content):
    path = tmp_path / "result.json"
    path.write_text(content)
    with pytest.raises(ResultError, match="evaluate again"):
        read_result(path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda result: result.pop("seconds"), "the result lacks or should not have seconds"),
        (lambda result: result.update(speed=1), "the result lacks or should not have speed"),
        (lambda result: result["frames"].pop("scored"), "frames lacks or should not have scored"),
        (lambda result: result.update(complete="no"), "complete is 'no'"),
        (lambda result: result.update(problems="none"), "problems is 'none'"),
        (lambda result: result["scores"].update(mean_iou="half"), "mean_iou is 'half'"),
        (lambda result: result.update(classes=[5]), "classes is '5'"),
        (lambda result: result.update(confusion=[[1, 2.5]]), "confusion is '2.5'"),
        (lambda result: result["latency_ms"].update(edges={}), "edges is '{}'"),
        (lambda result: result["frames"]["dropped"].update(decode=None), "dropped is 'None'"),
    ],
)
def test_a_result_that_was_changed_by_hand_is_refused_with_the_entry(changed, change, sentence):
    with pytest.raises(ResultError, match=sentence.replace("{}", r"\{\}")):
        read_result(changed(change))


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ResultError, match="cannot be read: No such file"):
        read_result(tmp_path / "none.json")
