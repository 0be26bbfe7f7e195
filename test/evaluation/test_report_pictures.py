"""The pictures of a frame in the report, decoded again."""

import base64
from dataclasses import replace

import cv2
import numpy as np
import pytest
from example_result import COLORS, example_picture, example_rows, example_space

from asymformer_ros.evaluation.report_pictures import depict
from asymformer_ros.simulation import Intrinsics, random_view

ROW = example_rows()[3]
KINDS = ["colour", "depth", "prediction", "truth", "error"]


def image(picture):
    """uint8 [H, W, 3] in R, G, B order."""
    content = base64.b64decode(picture.uri.partition("base64,")[2])
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]


def pictures(frame):
    return {one.kind: one for one in depict(frame, example_space()).pictures}


def test_a_frame_has_five_pictures_and_without_truth_three():
    assert list(pictures(example_picture(ROW))) == KINDS
    assert list(pictures(example_picture(ROW, with_truth=False))) == KINDS[:3]


def test_labels_have_exactly_the_colours_of_their_classes():
    shown = pictures(example_picture(ROW))
    prediction, truth = image(shown["prediction"]), image(shown["truth"])
    assert tuple(prediction[10, 60]) == COLORS[0]
    assert tuple(truth[10, 60]) == COLORS[1]
    assert tuple(truth[50, 60]) == (0, 0, 0)


def test_the_error_is_red_where_wrong_grey_where_right_and_dark_where_void():
    error = image(pictures(example_picture(ROW))["error"]).astype(int)
    wrong, right, void = error[10, 60], error[50, 20], error[50, 60]
    assert wrong[0] > wrong[1] + 80 and wrong[0] > wrong[2] + 80
    assert np.ptp(right) < 20 and right.mean() > 100
    assert void.max() < 60


def test_the_share_of_wrong_pixels_leaves_void_out():
    assert depict(example_picture(ROW), example_space()).wrong == pytest.approx(1 / 3)


def test_depth_has_black_holes_and_a_scale_in_metres():
    depth = pictures(example_picture(ROW))["depth"]
    near, far = image(depth)[50, 5].astype(int), image(depth)[50, 75].astype(int)
    assert image(depth)[10, 10].max() < 20
    assert near.sum() > far.sum() + 100
    low, high = (float(end.removesuffix(" m")) for end in depth.scale)
    assert 1.0 <= low < 1.1
    assert 2.9 < high <= 3.0
    assert "25.0% without a reading" in depth.text


def test_depth_without_any_reading_is_black():
    frame = example_picture(ROW)
    blind = np.full_like(frame.frame.depth_m, np.nan)
    depth = pictures(replace(frame, frame=replace(frame.frame, depth_m=blind)))["depth"]
    assert image(depth).max() < 10
    assert depth.scale is None


@pytest.mark.parametrize(
    ("size", "shown"), [((60, 80), (80, 60)), ((480, 640), (480, 360)), ((1280, 720), (480, 853))]
)
def test_pictures_are_at_most_480_pixels_wide_and_never_enlarged(size, shown):
    for picture in pictures(example_picture(ROW, size=size)).values():
        assert picture.size == shown
        assert image(picture).shape[1::-1] == shown


def test_pictures_say_in_words_what_they_show():
    shown = pictures(example_picture(ROW))
    assert shown["prediction"].text == "wall 50.0%, chair 25.0%"
    assert shown["error"].text == "33.3% of the labelled pixels are wrong"


def test_a_frame_knows_its_classes_the_largest_first():
    assert depict(example_picture(ROW), example_space()).classes == (0, 2, 1)


def test_a_camera_frame_with_noise_takes_at_most_400_kb():
    view = random_view(5, Intrinsics())
    noisy = replace(
        example_picture(ROW, size=view.rgb.shape[:2]),
        labels=view.labels,
        truth=view.labels,
        frame=replace(example_picture(ROW).frame, rgb=view.rgb, depth_m=view.depth_m),
    )
    assert sum(len(one.uri) for one in pictures(noisy).values()) < 400_000
