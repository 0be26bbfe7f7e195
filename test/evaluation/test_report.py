"""The report as a file: what it needs, what it holds, how large it gets."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from example_result import (
    NAMES,
    RESULT,
    example_pictures,
    example_rows,
    example_space,
    without_truth,
)

from asymformer_ros.evaluation import report
from asymformer_ros.evaluation.frame_row import PicturedFrame
from asymformer_ros.evaluation.report import MOST_ROWS, write_report
from asymformer_ros.perception.frames import RgbdFrame
from asymformer_ros.perception.labels import load_label_space
from asymformer_ros.simulation import Intrinsics, random_view


class Page(HTMLParser):
    """Elements with their attributes, and the JSON that the script reads."""

    def __init__(self, path):
        super().__init__()
        self.elements, self.data, self._in_data = [], "", False
        self.feed(path.read_text(encoding="utf-8"))
        self.data = json.loads(self.data)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._in_data = dict(attributes).get("id") == "data"

    def handle_endtag(self, tag):
        self._in_data = False

    def handle_data(self, data):
        if self._in_data:
            self.data += data


@pytest.fixture
def written(tmp_path):
    """Writes a report and reads it."""

    def write(result=RESULT, rows=None, pictured=None):
        rows = example_rows() if rows is None else rows
        result = replace(result, frames=replace(result.frames, segmented=len(rows)))
        pictured = example_pictures(rows) if pictured is None else pictured
        write_report(tmp_path / "report.html", result, rows, pictured, example_space())
        return Page(tmp_path / "report.html")

    return write


def test_everything_lies_in_the_file(written):
    page = written()
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object", "base")
        for name in ("src", "href", "srcset", "action"):
            assert attributes.get(name, "#").startswith(("#", "data:image/"))


def test_a_policy_forbids_everything_else(written):
    policies = [
        attributes["content"]
        for tag, attributes in written().elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policies == [
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
    ]


def test_every_picture_says_what_it_shows(written):
    pictures = [attributes for tag, attributes in written().elements if tag == "img"]
    assert len(pictures) == 15
    assert all(one["alt"] for one in pictures)


def test_the_script_gets_every_frame(written):
    rows = example_rows()
    assert written().data["frames"][3] == [3, "frame00003", 0.3, 0.65, 0.5, 25.5, 0.1]
    assert len(written(rows=rows).data["frames"]) == len(rows)


def test_very_many_frames_are_thinned_evenly_and_the_page_says_so(written, tmp_path):
    rows = example_rows(3 * MOST_ROWS)
    numbers = [row[0] for row in written(rows=rows).data["frames"]]
    assert len(numbers) == MOST_ROWS
    assert (numbers[0], numbers[-1]) == (0, 3 * MOST_ROWS - 1)
    assert {b - a for a, b in pairwise(numbers)} <= {3, 4}
    text = (tmp_path / "report.html").read_text()
    assert f"Of the {3 * MOST_ROWS} frames {MOST_ROWS} are listed here" in text


def test_exactly_as_many_frames_as_fit_are_all_listed(written, monkeypatch, tmp_path):
    monkeypatch.setattr(report, "MOST_ROWS", 10)
    assert len(written(rows=example_rows(10)).data["frames"]) == 10
    assert "are listed here" not in (tmp_path / "report.html").read_text()


def test_columns_without_any_value_are_left_out(written):
    rows = [replace(row, mean_iou=None, pixel_accuracy=None) for row in example_rows()]
    columns = [a["data-column"] for _, a in written(rows=rows).elements if "data-column" in a]
    assert columns == ["0", "1", "4", "5", "6"]


@pytest.mark.parametrize(
    "result",
    [
        RESULT,
        without_truth(),
        replace(RESULT, latency_ms=None, flicker=None, engine_share=None),
        replace(RESULT, scores_with_drops=RESULT.scores),
    ],
)
def test_whatever_is_not_known_leaves_a_page(written, result):
    assert len(written(result).elements) > 100


def test_an_evaluation_without_any_frame_leaves_a_page(written):
    empty = replace(without_truth(), latency_ms=None, flicker=None, engine_share=None)
    assert written(empty, rows=[], pictured=[]).data["frames"] == []


def test_a_frame_without_confidence_is_shown(written):
    rows = [replace(row, confidence=None) for row in example_rows()]
    assert written(rows=rows).data["frames"][0][4] is None


def test_names_that_are_no_text_do_not_keep_it_from_being_written(written):
    subject = replace(RESULT.subject, path="/data/\udcff")
    rows = [replace(row, name="\udcfe.png") for row in example_rows()]
    assert written(replace(RESULT, subject=subject), rows=rows).data["frames"][0][1] == "\udcfe.png"


def test_names_that_look_like_markup_stay_text(written):
    page = written(replace(RESULT, problems=(f"{NAMES[4]} is no topic",)))
    assert [tag for tag, _ in page.elements].count("script") == 2


def test_twelve_camera_frames_with_noise_take_less_than_5_mb(tmp_path):
    space = load_label_space("nyu40")
    pictured = []
    for row in example_rows(12):
        view = random_view(row.number, Intrinsics())
        other = random_view(row.number + 100, Intrinsics()).labels
        frame = RgbdFrame(view.rgb, view.depth_m)
        pictured.append(PicturedFrame("random", row, frame, other, view.labels))
    names = [replace(RESULT.classes[0], name=name) for name in space.classes]
    result = replace(without_truth(), classes=tuple(names))
    write_report(tmp_path / "report.html", result, example_rows(12), pictured, space)
    assert 500_000 < (tmp_path / "report.html").stat().st_size < 5_000_000
