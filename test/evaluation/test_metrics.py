"""The metric against the definition of the paper's code and against scikit-learn."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asymformer_ros.evaluation import metrics
from asymformer_ros.evaluation.metrics import ConfusionMatrix

NYUV2_SMALL = Path(__file__).parents[2].parent / "shared" / "data" / "nyuv2_small" / "test"
VOID = 255


def official_scores(images, classes):
    """Histograms a class over labelled pixels, labels 1..classes, 0 = void."""
    intersections, unions, correct, labelled = np.zeros(classes), np.zeros(classes), 0, 0
    edges = np.arange(1, classes + 2) - 0.5
    for truth, prediction in images:
        truth = np.where(truth == 255, 0, truth.astype(int) + 1)
        prediction = (prediction.astype(int) + 1) * (truth > 0)
        hits = prediction * (prediction == truth)
        inter = np.histogram(hits, edges)[0]
        intersections += inter
        unions += np.histogram(prediction, edges)[0] + np.histogram(truth, edges)[0] - inter
        correct += ((prediction == truth) & (truth > 0)).sum()
        labelled += (truth > 0).sum()
    return (intersections / (unions + 1e-10)).mean(), correct / labelled


def test_scores_are_the_official_ones():
    rng = np.random.default_rng(3)
    images = []
    for _ in range(5):
        truth = rng.integers(0, 40, (30, 40)).astype(np.uint8)
        prediction = np.where(
            rng.random(truth.shape) < 0.6, truth, rng.integers(0, 40, truth.shape)
        )
        truth[rng.random(truth.shape) < 0.2] = 255
        images.append((truth, prediction.astype(np.uint8)))
    matrix = ConfusionMatrix(40)
    for truth, prediction in images:
        matrix.add(truth, prediction)
    mean_iou, pixel_accuracy = official_scores(images, 40)
    scores = matrix.scores()
    assert scores.mean_iou == pytest.approx(mean_iou, abs=1e-9)
    assert scores.pixel_accuracy == pytest.approx(pixel_accuracy, abs=1e-12)


def assert_agrees_with_scikit_learn(images, classes):
    """All figures, over the labelled pixels of all images as two long lists."""
    sklearn = pytest.importorskip("sklearn.metrics", reason="needs scikit-learn")
    matrix = ConfusionMatrix(classes)
    for truth, prediction in images:
        matrix.add(truth, prediction)
    truth = np.concatenate([image.ravel() for image, _ in images])
    prediction = np.concatenate([image.ravel() for _, image in images])
    prediction = np.where(prediction < classes, prediction, classes)[truth != VOID]
    truth = truth[truth != VOID]
    every, there = range(classes), np.unique(truth)
    if not truth.size:
        assert not matrix.counts.any()
        return
    settings = {"average": None, "labels": every, "zero_division": 0}
    counts = sklearn.confusion_matrix(truth, prediction, labels=range(classes + 1))
    iou = sklearn.jaccard_score(truth, prediction, **settings)
    recall = sklearn.recall_score(truth, prediction, **settings)

    scores = matrix.scores()

    np.testing.assert_array_equal(matrix.counts, counts[:classes])
    np.testing.assert_allclose(np.nan_to_num(scores.iou), iou, rtol=0, atol=1e-9)
    np.testing.assert_allclose(np.nan_to_num(scores.recall), recall, rtol=0, atol=1e-9)
    present = {**settings, "average": "macro", "labels": there}
    for figure, expected in (
        (scores.mean_iou, sklearn.jaccard_score(truth, prediction, **present | {"labels": every})),
        (scores.mean_iou_present, sklearn.jaccard_score(truth, prediction, **present)),
        (scores.pixel_accuracy, sklearn.accuracy_score(truth, prediction)),
        (scores.mean_accuracy, sklearn.recall_score(truth, prediction, **present)),
    ):
        assert figure == pytest.approx(expected, abs=1e-9)
    absent = np.setdiff1d(every, there)
    assert np.isnan(scores.recall[absent]).all()
    assert np.isnan(scores.iou[np.setdiff1d(absent, prediction)]).all()


@st.composite
def labelled_images(draw):
    """Some images of few classes: truth with void, predictions of classes and of none."""
    classes = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = draw(st.lists(st.sampled_from([*range(classes), VOID]), min_size=1, unique=True))
    shapes = draw(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=3))
    predicted = [*range(classes), classes + 1, VOID]
    images = [
        tuple(rng.choice(np.uint8(some), shape) for some in (values, predicted)) for shape in shapes
    ]
    return images, classes


@given(labelled_images())
def test_random_labels_score_as_with_scikit_learn(labelled):
    assert_agrees_with_scikit_learn(*labelled)


@pytest.mark.skipif(not NYUV2_SMALL.is_dir(), reason="needs nyuv2_small in ../shared/data")
def test_real_labels_score_as_with_scikit_learn():
    pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    from asymformer_ros.engines.choose import load_engine
    from asymformer_ros.perception.depth_unit import DEPTH_UNITS
    from asymformer_ros.perception.frames import RgbdFrame
    from asymformer_ros.perception.segmenter import Segmenter

    loaded = load_engine("asymformer-nano", "onnxruntime")
    segmenter = Segmenter(loaded.engine)
    images = []
    for path in sorted((NYUV2_SMALL / "label").glob("*.png"))[:60:10]:
        bgr = cv2.imread(str(NYUV2_SMALL / "color" / f"{path.stem}.webp"))
        depth = cv2.imread(str(NYUV2_SMALL / "depth" / path.name), cv2.IMREAD_UNCHANGED)
        frame = RgbdFrame(bgr[:, :, ::-1].copy(), DEPTH_UNITS["nyuv2-small"].to_metres(depth))
        truth = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        images.append((truth, segmenter.segment(frame).labels))
    loaded.engine.close()

    assert_agrees_with_scikit_learn(images, loaded.num_classes)


def test_void_pixels_do_not_count_and_unlabelled_predictions_are_wrong():
    matrix = ConfusionMatrix(3)
    matrix.add(
        np.array([[0, 0, 1, 255]], np.uint8),
        np.array([[0, 255, 1, 2]], np.uint8),
    )
    scores = matrix.scores()
    assert scores.pixel_accuracy == pytest.approx(2 / 3)
    assert scores.iou[:2] == pytest.approx([0.5, 1.0])
    assert np.isnan(scores.iou[2])
    assert scores.recall[:2] == pytest.approx([0.5, 1.0])
    assert np.isnan(scores.recall[2])
    assert scores.mean_iou == pytest.approx(0.5)
    assert scores.mean_iou_present == pytest.approx(0.75)
    assert matrix.counts.tolist() == [[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0]]


def test_without_a_labelled_pixel_there_is_no_score():
    matrix = ConfusionMatrix(2)
    matrix.add(np.full((3, 4), VOID, np.uint8), np.zeros((3, 4), np.uint8))
    scores = matrix.scores()
    assert np.isnan([scores.mean_iou_present, scores.pixel_accuracy, scores.mean_accuracy]).all()
    assert np.isnan([scores.iou, scores.recall]).all()
    assert scores.mean_iou == 0.0


def test_images_with_more_pixels_than_float32_counts_are_counted_one_by_one():
    beyond = (1 << 24) + 1
    matrix = ConfusionMatrix(2)
    matrix.add(np.ones((1, beyond), np.uint8), np.ones((1, beyond), np.uint8))
    assert matrix.counts.tolist() == [[0, 0, 0], [0, beyond, 0]]


def test_a_part_of_a_larger_image_is_counted(monkeypatch):
    monkeypatch.setattr(metrics, "_PIXELS_AT_ONCE", 7)
    truth = np.zeros((6, 8), np.uint8)
    truth[1:4, 2:6] = 1
    matrix = ConfusionMatrix(2)
    matrix.add(truth[:5, 1:6], truth[1:, :5])
    assert matrix.counts.tolist() == [[10, 3, 0], [6, 6, 0]]


def test_the_counts_cannot_be_changed_from_outside():
    counts = ConfusionMatrix(2).counts
    assert counts.dtype == np.int64
    with pytest.raises(ValueError, match="read-only"):
        counts[0, 0] = 1


def test_impossible_input_is_refused():
    matrix = ConfusionMatrix(3)
    with pytest.raises(ValueError, match="truth has class 3"):
        matrix.add(np.full((2, 2), 3, np.uint8), np.zeros((2, 2), np.uint8))
    with pytest.raises(ValueError, match="truth is"):
        matrix.add(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8))
