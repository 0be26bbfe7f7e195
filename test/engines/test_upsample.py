"""Host upsampling against the plain definition: bilinear volume, then argmax and maximum."""

import numpy as np
import pytest
import torch.nn.functional as F

torch = pytest.importorskip("torch")

from asymformer_ros.engines.upsample import labels_and_confidence


def smooth_log_probabilities(classes, height, width, seed=0):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(1, classes, 5, 6, generator=generator) * 3.0
    logits = F.interpolate(coarse, size=(height, width), mode="bicubic", align_corners=False)
    return torch.log_softmax(logits, dim=1)


@pytest.mark.parametrize(("classes", "size"), [(40, (480, 640)), (37, (96, 128)), (1, (32, 64))])
def test_labels_are_the_argmax_of_the_upsampled_volume(classes, size):
    quarter = smooth_log_probabilities(classes, size[0] // 4, size[1] // 4)
    labels, confidence = labels_and_confidence(quarter[0].numpy())
    volume = F.interpolate(quarter, size=size, mode="bilinear", align_corners=False)[0]
    best = volume.amax(dim=0)
    chosen = volume.gather(0, torch.from_numpy(labels.astype(np.int64))[None])[0]
    # Ties in the last bit may fall either way; the chosen class must be a best one.
    assert (best - chosen).max() < 1e-5
    assert np.abs(confidence - (best.exp() * 255).numpy()).max() <= 1.0
    # The exact soft-max of the volume is never less.
    assert (confidence - torch.softmax(volume, dim=0).amax(dim=0).numpy() * 255).max() <= 1.0
    assert (labels == volume.argmax(0).numpy()).mean() > 0.9999


@pytest.mark.parametrize("seed", range(20))
def test_small_islands_of_a_class_are_not_lost(seed):
    rng = np.random.default_rng(seed)
    quarter = torch.from_numpy(rng.normal(0.0, 2.0, (1, 12, 9, 13)).astype(np.float32))
    quarter = torch.log_softmax(quarter, dim=1)
    labels, _ = labels_and_confidence(quarter[0].numpy())
    volume = F.interpolate(quarter, scale_factor=4.0, mode="bilinear", align_corners=False)[0]
    chosen = volume.gather(0, torch.from_numpy(labels.astype(np.int64))[None])[0]
    assert (volume.amax(dim=0) - chosen).max() < 1e-5


def test_confidence_is_the_soft_max_inside_and_less_at_a_border():
    sure = np.log(np.array([[0.99, 0.01]] * 8 + [[0.01, 0.99]] * 8, np.float32)).T
    labels, confidence = labels_and_confidence(np.repeat(sure[:, None], 8, axis=1))
    assert (labels[:, :32] == 0).all() and (labels[:, 32:] == 1).all()
    assert (confidence[:, :30] == 252).all() and (confidence[:, 34:] == 252).all()
    assert (confidence[:, 30:34] < 252).all()


def test_what_the_network_could_not_compute_is_unlabelled():
    quarter = smooth_log_probabilities(5, 12, 16)[0].numpy()
    quarter[:, :4] = np.nan
    labels, confidence = labels_and_confidence(quarter)
    assert (labels[:12] == 255).all() and (confidence[:12] == 0).all()
    assert (labels[24:] < 5).all() and (confidence[24:] > 0).all()


def test_the_first_of_equal_classes_wins():
    labels, confidence = labels_and_confidence(np.full((3, 8, 8), np.log(1 / 3), np.float32))
    assert (labels == 0).all()
    assert (confidence == 85).all()
