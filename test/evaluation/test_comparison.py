"""Two results side by side."""

from dataclasses import replace

import pytest
from example_result import CONFUSION, RESULT, without_truth

from asymformer_ros.evaluation.comparison import comparison_table, different_settings, warnings

BETTER = replace(
    RESULT,
    subject=replace(RESULT.subject, weights="asymformer-small"),
    scores=replace(RESULT.scores, mean_iou=0.5),
    classes=(
        replace(RESULT.classes[0], iou=0.7547),
        replace(RESULT.classes[1], iou=0.5692),
        replace(RESULT.classes[2], iou=0.6128),
        replace(RESULT.classes[3], iou=None),
        RESULT.classes[4],
    ),
    frames=replace(RESULT.frames, dropped={"decode": 1, "late": 1}),
    latency_ms=replace(RESULT.latency_ms, p50=10.6),
    flicker=0.05,
)


def cells(text, name):
    """A row's cells, without its name."""
    line = next(line for line in text.splitlines() if line.strip().startswith(f"{name}  "))
    return line.strip().removeprefix(name).split("  ")[1:]


def row(text, name):
    return [cell.strip() for cell in cells(text, name) if cell.strip()]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mean IoU", ["43.21%", "50.00%", "+6.79 points"]),
        ("pixel accuracy", ["82.95%", "82.95%", "0.00 points"]),
        ("label flicker", ["6.32%", "5.00%", "-1.32 points"]),
        ("latency, median", ["21.2 ms", "10.6 ms", "-10.6 ms (-50.0%)"]),
        ("frames scored", ["10", "10", "0"]),
        ("colour images dropped: decode", ["2", "1", "-1"]),
        ("colour images dropped: late", ["0", "1", "+1"]),
        ("weights", ["asymformer-nano", "asymformer-small"]),
        ("chair", ["51.28%", "61.28%", "+10.00 points"]),
        ("lamp", ["0.00%", "-"]),
    ],
)
def test_rows_show_both_and_the_difference(name, expected):
    assert row(comparison_table(RESULT, BETTER), name) == expected


def test_classes_are_sorted_by_the_size_of_their_change():
    text = comparison_table(RESULT, BETTER).partition("IoU by class")[2]
    *rows, rest = text.splitlines()[2:]
    assert [row.split()[0] for row in rows] == ["floor", "chair", "wall", "lamp"]
    assert rest == "  1 of 5 classes have not changed"


def test_only_what_differs_is_listed():
    assert different_settings(RESULT, BETTER) == [
        ("weights", "asymformer-nano", "asymformer-small")
    ]


def test_every_kind_of_setting_can_differ():
    other = replace(
        RESULT,
        subject=replace(
            RESULT.subject, mode="through_ros", settings={"layout": "asymformer", "scales": "1.0"}
        ),
        machine={**RESULT.machine, "runtimes": {"openvino": "2026.1.0"}},
        version="0.2.0",
    )
    assert different_settings(RESULT, other) == [
        ("mode", "offline", "through_ros"),
        ("split", "test", "-"),
        ("openvino", "2025.3.0", "2026.1.0"),
        ("version", "0.1.0", "0.2.0"),
        ("scales", "-", "1.0"),
    ]


def test_a_result_compared_with_itself_differs_in_nothing():
    text = comparison_table(RESULT, RESULT)
    assert "WARNING" not in text
    assert "No setting differs" in text
    assert "+" not in text


def test_runs_on_the_same_data_are_compared_without_warning():
    assert warnings(RESULT, BETTER) == []


def test_the_same_truth_in_another_folder_is_the_same_data():
    elsewhere = replace(RESULT, subject=replace(RESULT.subject, path="/mnt/nyuv2"))
    assert warnings(RESULT, elsewhere) == []


OTHER_TRUTH = (*CONFUSION[:4], (0, 21, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("differs", "sentence"),
    [
        ({"complete": False}, "B is partial"),
        ({"frames": replace(RESULT.frames, scored=7)}, "A scored 10 frames, B 7"),
        (
            {"frames": replace(RESULT.frames, received_color=15)},
            "A received 12 colour images, B 15",
        ),
        (
            {"subject": replace(RESULT.subject, label_space="sunrgbd37")},
            "A has the classes example, B sunrgbd37",
        ),
        (
            {"subject": replace(RESULT.subject, path="/data/other"), "confusion": OTHER_TRUTH},
            "other data: A is dataset /data/nyuv2, asymformer, test; "
            "B is dataset /data/other, asymformer, test",
        ),
        (
            {
                "subject": replace(
                    RESULT.subject, settings={"layout": "asymformer", "split": "train"}
                ),
                "confusion": OTHER_TRUTH,
            },
            "other data",
        ),
        ({"confusion": OTHER_TRUTH}, "the truth of A and of B has other pixels"),
    ],
)
def test_runs_that_cannot_be_compared_are_warned_of(differs, sentence):
    told = warnings(RESULT, replace(RESULT, **differs))
    assert len(told) == 1
    assert sentence in told[0]
    assert comparison_table(RESULT, replace(RESULT, **differs)).startswith("WARNING: ")


def test_a_run_without_truth_has_nothing_to_hold_the_scores_against():
    told = warnings(without_truth(), RESULT)
    assert told[0] == "A had no truth, so it has no scores"
    text = comparison_table(without_truth(), RESULT)
    assert row(text, "mean IoU") == ["-", "43.21%"]
    assert row(text, "latency, median") == ["21.2 ms", "21.2 ms", "0.0 ms"]


def test_other_recordings_without_truth_are_other_data():
    subject = replace(RESULT.subject, path="/data/other")
    (told,) = warnings(without_truth(), without_truth(replace(RESULT, subject=subject)))
    assert told.startswith("other data")


def test_a_trailing_slash_is_not_another_path():
    subject = replace(RESULT.subject, path="/data/nyuv2/")
    assert warnings(without_truth(), without_truth(replace(RESULT, subject=subject))) == []


def test_problems_of_both_are_told():
    text = comparison_table(
        replace(RESULT, problems=("one was lost",)), replace(RESULT, problems=("\x1b[2Jtwo",))
    )
    assert "problem in A: one was lost" in text
    assert "problem in B: \N{REPLACEMENT CHARACTER}[2Jtwo" in text
