"""What the network said becomes what is published: thresholds, groups, stride, mask."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asymformer_ros.perception.frames import UNLABELLED, Segmentation
from asymformer_ros.perception.labels import (
    Labelling,
    LabelSpace,
    LabelSpaceError,
    load_labelling,
)
from asymformer_ros.perception.refine import OutputOptions, mask, mask_table, refine

_NETWORK = LabelSpace("four", ("wall", "floor", "chair", "person"), np.zeros((256, 3), np.uint8))
_SAME = load_labelling("", _NETWORK)


def grouped():
    """Floor becomes 0, person 1, wall and chair nothing."""
    table = np.full(256, UNLABELLED, dtype=np.uint8)
    table[[1, 3]] = [0, 1]
    return Labelling(LabelSpace("two", ("floor", "person"), _NETWORK.palette), table)


def options(labelling=_SAME, mask_names=(), **changed):
    return OutputOptions(labelling, mask_table(labelling, mask_names), **changed)


def segmentation_of(labels, confidence=200):
    labels = np.array(labels, dtype=np.uint8)
    return Segmentation(labels, np.broadcast_to(np.uint8(confidence), labels.shape).copy())


def depth_of(shape, metres=1.0):
    return np.full(shape, metres, dtype=np.float32)


def test_where_nothing_is_to_be_done_the_segmentation_itself_is_published():
    segmentation = segmentation_of([[0, 1], [2, 255]], confidence=0)
    assert refine(segmentation, depth_of((2, 2), np.nan), options()) is segmentation


def test_doubtful_pixels_become_unlabelled_and_keep_their_confidence():
    segmentation = segmentation_of([[0, 1, 2, 3]], confidence=[[0, 127, 128, 255]])
    refined = refine(segmentation, depth_of((1, 4)), options(min_confidence=0.5))
    assert refined.labels.tolist() == [[255, 255, 2, 3]]
    assert refined.confidence.tolist() == [[0, 127, 128, 255]]


@given(step=st.integers(0, 255))
def test_a_threshold_that_is_a_confidence_keeps_that_one_and_drops_the_next_below(step):
    segmentation = segmentation_of([np.zeros(256)], confidence=[np.arange(256)])
    refined = refine(segmentation, depth_of((1, 256)), options(min_confidence=step / 255))
    assert refined.labels[0].tolist() == [255] * step + [0] * (256 - step)


def test_pixels_without_depth_become_unlabelled_where_that_is_asked_for():
    segmentation = segmentation_of([[0, 1], [2, 3]])
    depth = np.array([[1.0, np.nan], [0.2, np.nan]], dtype=np.float32)
    refined = refine(segmentation, depth, options(drop_without_depth=True))
    assert refined.labels.tolist() == [[0, 255], [2, 255]]
    assert (refined.confidence == 200).all()


def test_classes_are_grouped_and_unlabelled_stays_unlabelled():
    refined = refine(segmentation_of([[0, 1, 2, 3, 255]]), depth_of((1, 5)), options(grouped()))
    assert refined.labels.tolist() == [[255, 0, 255, 1, 255]]
    assert refined.labels.dtype == np.uint8


@pytest.mark.parametrize(("stride", "shape"), [(2, (3, 4)), (3, (2, 3)), (5, (1, 2)), (9, (1, 1))])
def test_a_stride_takes_every_nth_row_and_column_from_the_first_on(stride, shape):
    labels = np.arange(35, dtype=np.uint8).reshape(5, 7)
    refined = refine(Segmentation(labels, labels + 100), depth_of((5, 7)), options(stride=stride))
    assert refined.labels.shape == refined.confidence.shape == shape
    np.testing.assert_array_equal(refined.labels, labels[::stride, ::stride])
    np.testing.assert_array_equal(refined.confidence, labels[::stride, ::stride] + 100)
    assert refined.labels.flags.c_contiguous


@given(
    seed=st.integers(0, 2**32 - 1),
    stride=st.integers(1, 5),
    min_confidence=st.floats(0, 1),
    drop=st.booleans(),
    group=st.booleans(),
)
def test_all_of_it_together_is_each_pixel_for_itself(seed, stride, min_confidence, drop, group):
    rng = np.random.default_rng(seed)
    labels = rng.choice(np.uint8([0, 1, 2, 3, 255]), (6, 7))
    confidence = rng.integers(0, 256, (6, 7), dtype=np.uint8)
    depth = rng.choice(np.float32([0.5, 3.0, np.nan]), (6, 7))
    before = labels.copy(), confidence.copy(), depth.copy()
    labelling = grouped() if group else _SAME
    refined = refine(
        Segmentation(labels, confidence),
        depth,
        options(labelling, min_confidence=min_confidence, drop_without_depth=drop, stride=stride),
    )
    dropped = confidence / 255 < min_confidence - 1e-8
    if drop:
        dropped |= np.isnan(depth)
    expected = np.where(dropped, 255, labelling.table[labels])[::stride, ::stride]
    np.testing.assert_array_equal(refined.labels, expected)
    for array, copy in zip((labels, confidence, depth), before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_the_mask_shows_the_chosen_of_the_published_classes():
    chosen = options(grouped(), mask_names=["person"])
    refined = refine(segmentation_of([[0, 1, 3, 255]]), depth_of((1, 4)), chosen)
    binary = mask(refined.labels, chosen)
    assert binary.dtype == np.uint8
    assert binary.tolist() == [[0, 0, 255, 0]]


def test_a_mask_of_no_class_is_black():
    assert mask(np.arange(256, dtype=np.uint8)[None], options()).tolist() == [[0] * 256]


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("persons", "did you mean 'person'?"),
        ("chair", "known are floor, person"),
    ],
)
def test_a_mask_of_a_class_that_is_not_published_is_refused(name, advice):
    with pytest.raises(LabelSpaceError) as refusal:
        mask_table(grouped(), ["floor", name])
    assert str(refusal.value) == f"the mask's class {name!r} is not published by two; {advice}"


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"min_confidence": 1.1}, "min_confidence is 1.1"),
        ({"min_confidence": float("nan")}, "min_confidence is nan"),
        ({"overlay_alpha": -0.1}, "overlay_alpha is -0.1"),
        ({"stride": 0}, "output stride is 0"),
    ],
)
def test_options_out_of_range_are_refused(changed, complaint):
    with pytest.raises(ValueError, match=complaint):
        options(**changed)
