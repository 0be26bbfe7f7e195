"""The table that the console shows."""

from dataclasses import replace

import pytest
from example_result import NAMES, RESULT, without_truth

from asymformer_ros.evaluation.console import result_table
from asymformer_ros.evaluation.figures import machine_settings, percent


def line_of(text, name):
    return next(line for line in text.splitlines() if line.strip().startswith(name))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mean IoU", "43.21%"),
        ("pixel accuracy", "82.95%"),
        ("label flicker", "6.32%"),
        ("latency, median", "21.2 ms"),
        ("frames scored", "10"),
        ("colour images dropped", "2"),
        ("colour: decode", "2"),
        ("depth: unpaired", "1"),
        ("engine's share of the time", "90.21%"),
    ],
)
def test_figures_stand_behind_their_names(name, value):
    assert line_of(result_table(RESULT), name).endswith(f" {value}")


def test_every_class_is_listed_with_its_iou():
    text = result_table(RESULT).partition("IoU by class")[2]
    for one in RESULT.classes:
        assert one.name in text
    assert "76.92%" in text


def test_many_classes_stand_in_columns_that_fit_the_console():
    many = tuple(replace(RESULT.classes[k % 4], name=f"class {k}") for k in range(40))
    lines = result_table(replace(RESULT, classes=many)).partition("IoU by class\n")[2].splitlines()
    assert len(lines) < 20
    assert max(map(len, lines)) <= 110
    # Class order runs down the columns.
    assert [line.split()[1] for line in lines[:3]] == ["0", "1", "2"]


def test_without_truth_there_are_no_scores_but_shares():
    text = result_table(without_truth())
    assert "IoU" not in text
    assert "49.00%" in text.partition("share of the predicted pixels by class")[2]


def test_problems_come_last():
    broken = replace(RESULT, complete=False, problems=("the bag ends early",))
    *_, partial, problem = result_table(broken).splitlines()
    assert partial.startswith("PARTIAL")
    assert problem == "problem: the bag ends early"


def test_what_a_terminal_would_obey_is_not_printed():
    hostile = "\x1b[2J\udcff\n"
    result = replace(
        RESULT,
        subject=replace(RESULT.subject, path=hostile, settings={hostile: hostile}, engine=hostile),
        problems=(hostile,),
        classes=tuple(replace(one, name=one.name + hostile) for one in RESULT.classes),
        frames=replace(RESULT.frames, dropped={hostile: 2}),
    )
    text = result_table(result)
    assert all(sign.isprintable() or sign == "\n" for sign in text)
    assert len(text.splitlines()) == len(result_table(replace(RESULT, problems=("",))).splitlines())


@pytest.mark.parametrize(
    ("share", "text"),
    [(None, "-"), (0.0, "0.00%"), (0.29, "29.00%"), (0.99996, "99.99%"), (1.0, "100.00%")],
)
def test_less_than_all_does_not_read_like_all(share, text):
    assert percent(share) == text


def test_a_machine_is_told_without_what_it_lacks():
    machine = {"cpu": "X", "cpu_features": ("a", "b"), "gpu": None, "runtimes": {"numpy": "2"}}
    assert machine_settings(machine) == {"cpu": "X", "cpu features": "a, b", "numpy": "2"}


def test_markup_in_names_is_nothing_special():
    assert NAMES[4] in result_table(RESULT)
