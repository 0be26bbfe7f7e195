"""Host upsampling against the plain definition: bilinear volume, then argmax and soft-max."""

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asymformer_ros.engines.engine import EngineError
from asymformer_ros.engines.upsample import labels_and_confidence
from asymformer_ros.resources import resource


def log_softmax(logits):
    shifted = logits - logits.max(axis=0)
    return (shifted - np.log(np.exp(shifted).sum(axis=0))).astype(np.float32)


def rough(classes, height, width, seed=0):
    """Each cell on its own."""
    rng = np.random.default_rng(seed)
    return log_softmax(rng.normal(0.0, 2.0, (classes, height, width)))


def smooth(classes, height, width, seed=0):
    """Large regions with borders between them."""
    coarse = np.random.default_rng(seed).normal(0.0, 3.0, (classes, 5, 6)).astype(np.float32)
    maps = [cv2.resize(map_, (width, height), interpolation=cv2.INTER_CUBIC) for map_ in coarse]
    return log_softmax(np.stack(maps))


def along(size, step):
    """Matrix [size * step, size] that interpolates with half-pixel centres and repeated edges."""
    position = (np.arange(size * step) + 0.5) / step - 0.5
    first = np.floor(position).astype(int)
    matrix = np.zeros((size * step, size))
    for offset, share in ((0, 1.0 - (position - first)), (1, position - first)):
        np.add.at(matrix, (np.arange(size * step), np.clip(first + offset, 0, size - 1)), share)
    return matrix


def bilinear(maps, steps):
    """The full volume in float64."""
    rows, columns = along(maps.shape[1], steps[0]), along(maps.shape[2], steps[1])
    return rows @ maps.astype(np.float64) @ columns.T


def soft_max(maps, steps):
    """Largest soft-max of the full volume, times 255, float64."""
    volume = bilinear(maps, steps)
    return 255 / np.exp(volume - volume.max(axis=0)).sum(axis=0)


def check_against_the_full_volume(maps, steps):
    size = maps.shape[1] * steps[0], maps.shape[2] * steps[1]
    labels, confidence = labels_and_confidence(maps, size)
    assert labels.dtype == confidence.dtype == np.uint8
    assert labels.shape == confidence.shape == size
    volume = bilinear(maps, steps)
    best = volume.max(axis=0)
    chosen = np.take_along_axis(volume, labels[None].astype(int), axis=0)[0]
    # Float32 rounds in proportion to its values; of classes that differ by less either is right.
    rounding = 4e-7 * np.abs(maps[np.isfinite(maps)]).max(initial=0.0)
    assert (best - chosen).max() < 1e-5 + rounding
    # Never more than the soft-max, never less than chance or the upsampled log-probability's
    # exponential, but for rounding, also that to bytes.
    most = 0.6 + 255 * rounding
    assert (confidence - soft_max(maps, steps)).max() < most
    assert (confidence - 255 * np.maximum(np.exp(best), 1 / len(maps))).min() > -most


@pytest.mark.parametrize("make", [rough, smooth])
@pytest.mark.parametrize(
    ("classes", "height", "width"), [(40, 120, 160), (37, 24, 32), (1, 8, 16), (255, 4, 6)]
)
def test_labels_are_the_argmax_of_the_upsampled_volume(make, classes, height, width):
    check_against_the_full_volume(make(classes, height, width), (4, 4))


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    make=st.sampled_from([rough, smooth]),
    classes=st.integers(1, 12),
    height=st.integers(1, 11),
    width=st.integers(1, 13),
    steps=st.tuples(st.integers(1, 8), st.integers(1, 8)),
    scale=st.sampled_from([0.01, 1.0, 30.0]),
    seed=st.integers(0, 1000),
)
def test_any_map_and_any_whole_step_give_the_full_volume(
    make, classes, height, width, steps, scale, seed
):
    check_against_the_full_volume(log_softmax(make(classes, height, width, seed) * scale), steps)


@pytest.mark.parametrize(
    ("make", "scale", "mean", "most"),
    [(smooth, 1, 0.32, 1.1), (smooth, 4, 0.8, 6), (rough, 1, 1.5, 15), (rough, 4, 0.8, 6)],
)
def test_confidence_is_near_the_soft_max_of_the_volume(make, scale, mean, most):
    maps = log_softmax(scale * make(40, 120, 160))
    _, confidence = labels_and_confidence(maps, (480, 640))
    error = np.abs(confidence - soft_max(maps, (4, 4)))
    assert error.mean() < mean
    assert np.percentile(error, 99) <= most


def test_a_map_at_full_size_is_only_compared():
    maps = rough(40, 96, 128)
    labels, confidence = labels_and_confidence(maps, (96, 128))
    assert (labels == maps.argmax(axis=0)).all()
    assert (confidence == np.round(np.exp(maps.max(axis=0)) * 255)).mean() > 0.9999


def test_a_border_between_sure_neighbours_stays_sure():
    logits = np.array([[6.0, -6.0], [-6.0, 6.0], [-20.0, -20.0]])
    labels, confidence = labels_and_confidence(log_softmax(logits)[:, None], (4, 8))
    assert (labels == [0, 0, 0, 0, 1, 1, 1, 1]).all()
    assert (confidence == [255, 255, 255, 243, 243, 255, 255, 255]).all()


def test_a_border_stays_sure_where_float32_has_no_such_small_probability():
    logits = np.array([[200.0, -200.0], [-200.0, 200.0], [-200.0, -200.0]])
    _, confidence = labels_and_confidence(log_softmax(logits)[:, None], (4, 8))
    assert (confidence == 255).all()


def test_the_graph_s_own_confidence_is_the_soft_max_of_the_volume():
    torch = pytest.importorskip("torch")
    from asymformer_ros.engines.deploy_graph import DeployGraph
    from asymformer_ros.network.checkpoint import load

    graph = DeployGraph(*load(resource("weights") / "asymformer-nano.safetensors"))
    maps = log_softmax(30.0 * rough(40, 24, 32))  # among them some of 1e-100
    _, confidence, _ = graph.tail(torch.from_numpy(maps))
    assert confidence.dtype == torch.uint8
    assert np.abs(confidence.numpy() - soft_max(maps, (4, 4))).max() < 0.51


def test_a_class_that_no_cell_is_sure_of_can_win_between_them():
    left, right = [0.50, 0.02, 0.48], [0.02, 0.50, 0.48]
    maps = np.log(np.array([[left, right]] * 2, np.float32)).transpose(2, 0, 1)
    labels, _ = labels_and_confidence(np.ascontiguousarray(maps), (8, 8))
    assert labels[0].tolist() == [0, 0, 2, 2, 2, 2, 1, 1]


def test_a_class_of_probability_zero_is_never_taken():
    maps = np.log(np.array([[[0.7, 0.2, 0.6]], [[0.3, 0.8, 0.4]]], np.float32))
    impossible = np.full((1, 1, 3), -np.inf, np.float32)
    with_it = labels_and_confidence(np.concatenate((impossible, maps)), (4, 12))
    without = labels_and_confidence(maps, (4, 12))
    assert (with_it[0] == without[0] + 1).all() and (with_it[1] == without[1]).all()


def test_the_first_of_equal_classes_wins():
    labels, confidence = labels_and_confidence(
        np.full((3, 8, 8), np.log(1 / 3), np.float32), (32, 32)
    )
    assert (labels == 0).all()
    assert (confidence == 85).all()


@pytest.mark.parametrize("steps", [(1, 1), (3, 5), (4, 4)])
def test_the_first_of_equal_classes_wins_between_unequal_ones_too(steps):
    maps = rough(6, 9, 13)
    once, _ = labels_and_confidence(maps, (9 * steps[0], 13 * steps[1]))
    twice, _ = labels_and_confidence(np.concatenate((maps, maps)), once.shape)
    assert (once == twice).all()


def test_what_the_network_could_not_compute_is_unlabelled():
    maps = smooth(5, 12, 16)
    maps[:, :4] = np.nan
    labels, confidence = labels_and_confidence(maps, (48, 64))
    assert (labels[:18] == 255).all() and (confidence[:18] == 0).all()
    assert (labels[18:] < 5).all() and (confidence[18:] > 0).all()


@pytest.mark.parametrize("make", [rough, smooth])
@pytest.mark.parametrize("steps", [(1, 1), (4, 4), (2, 8)])
def test_one_nan_takes_its_neighbourhood_and_no_more(make, steps):
    maps = make(7, 10, 14)
    size = 10 * steps[0], 14 * steps[1]
    whole, sure = labels_and_confidence(maps, size)
    holed = maps.copy()
    holed[3, 4, 6] = holed[0, 9, 0] = np.nan
    labels, confidence = labels_and_confidence(holed, size)
    lost = near(holed, steps)
    assert (labels[lost] == 255).all() and (confidence[lost] == 0).all()
    assert (labels[~lost] == whole[~lost]).all() and (confidence[~lost] == sure[~lost]).all()


def near(maps, steps):
    """Pixels that a cell with a NaN has a share in."""
    cells = np.isnan(maps).any(axis=0).astype(float)
    return along(cells.shape[0], steps[0]) @ cells @ along(cells.shape[1], steps[1]).T > 0


def test_nothing_but_nan_is_unlabelled_throughout():
    labels, confidence = labels_and_confidence(np.full((4, 3, 5), np.nan, np.float32), (12, 20))
    assert (labels == 255).all() and (confidence == 0).all()


def test_views_with_strides_are_taken():
    maps = rough(5, 8, 12)
    mirrored = labels_and_confidence(maps[:, ::-1], (32, 48))
    copied = labels_and_confidence(maps[:, ::-1].copy(), (32, 48))
    assert (mirrored[0] == copied[0]).all() and (mirrored[1] == copied[1]).all()


@pytest.mark.parametrize("size", [(33, 48), (32, 50), (4, 6), (32, 12 * 4 + 1)])
def test_a_frame_that_is_no_whole_multiple_of_the_map_is_an_engine_error(size):
    with pytest.raises(EngineError, match="whole multiple"):
        labels_and_confidence(rough(5, 8, 12), size)


def test_more_classes_than_labels_are_an_engine_error():
    with pytest.raises(EngineError, match="at most 255 classes"):
        labels_and_confidence(rough(256, 2, 2), (8, 8))
