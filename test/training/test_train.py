"""A recipe in miniature learns, and the same recipe gives the same weights."""

import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from asymformer_ros.evaluation.labelled_frames import LabelledFrame
from asymformer_ros.network.profile import Profile
from asymformer_ros.training.train import Phase, Recipe, class_weights, train

PROFILE = Profile(network="asymformer-nano", label_space="nyu40", num_classes=40)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Networks this small gain nothing from threads, and one thread is exactly reproducible."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def two_planes(near_label, far_label):
    """The upper half is far and dark, the lower half near and bright."""
    labels = np.full((96, 128), far_label, np.uint8)
    labels[48:] = near_label
    rgb = np.where((labels == near_label)[:, :, None], 200, 40).repeat(3, axis=2).astype(np.uint8)
    depth_m = np.where(labels == near_label, 1.0, 4.0).astype(np.float32)
    return LabelledFrame("planes", rgb, depth_m, labels)


def run(steps):
    lines = []
    recipe = Recipe(
        phases=(Phase(steps=steps, batch=2, size=(64, 64), scales=(0.9, 1.1)),), warmup_steps=2
    )
    samples = [two_planes(1, 0)]
    network = train(PROFILE, samples, samples, recipe, lines.append)
    return network, [float(re.search(r"loss ([\d.]+)", line)[1]) for line in lines]


def test_a_miniature_recipe_learns_two_classes():
    network, losses = run(steps=100)
    assert len(losses) == 2
    assert losses[1] < 0.5 * losses[0]
    assert not network.training


def test_a_recipe_is_reproducible():
    first, second = (run(steps=3)[0].state_dict() for _ in range(2))
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_rare_classes_weigh_more():
    sample = two_planes(1, 0)
    sample.labels[:4, :4] = 7
    weights = class_weights([sample], 40, power=0.35)
    assert weights[7] > 2 * weights[0]
    assert weights.max() <= 5.0
