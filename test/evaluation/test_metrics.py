"""The metric against the definition of the paper's code, written out per image."""

import numpy as np
import pytest

from asymformer_ros.evaluation.metrics import ConfusionMatrix


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
    assert scores.mean_iou == pytest.approx(0.5)
    assert scores.mean_iou_present == pytest.approx(0.75)


def test_impossible_input_is_refused():
    matrix = ConfusionMatrix(3)
    with pytest.raises(ValueError, match="truth has class 3"):
        matrix.add(np.full((2, 2), 3, np.uint8), np.zeros((2, 2), np.uint8))
    with pytest.raises(ValueError, match="truth is"):
        matrix.add(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8))
