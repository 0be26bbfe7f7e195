"""Truth in a folder: label images named by the stamps of the colour images."""

import cv2
import numpy as np
import pytest

from asymformer_ros.evaluation.recordings import RecordingError
from asymformer_ros.evaluation.truth_folder import open_truth_folder

MS = 1_000_000
STAMP = 1_305_031_102_175_304_000


def labels(value=7):
    return np.full((4, 6), value, np.uint8)


def write(path, image):
    assert cv2.imwrite(str(path), image)


@pytest.mark.parametrize(
    "stem", ["1305031102175304000", "1305031102.175304", "1305031102.175304000"]
)
def test_names_are_nanoseconds_or_seconds_with_a_point(tmp_path, stem):
    write(tmp_path / f"{stem}.png", labels())

    found = open_truth_folder(tmp_path).find(STAMP)
    assert found.dtype == np.uint8
    assert np.array_equal(found, labels())


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (STAMP, 1),
        (STAMP - MS, 1),
        (STAMP - MS - 1, None),
        (STAMP + MS, 2),
        (STAMP + 2 * MS + 500_000, 2),
        (STAMP + 3 * MS, None),
    ],
)
def test_the_nearest_within_a_millisecond_is_taken(tmp_path, asked, expected):
    write(tmp_path / f"{STAMP}.png", labels(1))
    write(tmp_path / f"{STAMP + 3 * MS // 2}.png", labels(2))

    found = open_truth_folder(tmp_path).find(asked)
    assert (None if found is None else found[0, 0]) == expected


def test_it_tells_which_images_belong_to_no_colour_image(tmp_path):
    stamps = [STAMP + 40 * MS * number for number in range(3)]
    for stamp in stamps:
        write(tmp_path / f"{stamp}.png", labels())

    truth = open_truth_folder(tmp_path)
    none_fits = (
        f"none of the 3 label images in {tmp_path} is within 1 ms of a colour image: "
        "name them by its stamp"
    )
    assert (truth.unused, truth.note) == (3, none_fits)
    truth.find(77)
    assert truth.note == f"{none_fits}, as in 77.png"
    for _ in range(2):
        truth.find(STAMP)
    some_do = f"2 of 3 label images in {tmp_path} belong to no colour image"
    assert (truth.unused, truth.note) == (2, some_do)
    for stamp in stamps:
        truth.find(stamp)
    assert (truth.unused, truth.note) == (0, "")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("frame_12.png", r"frame_12.png is not named by a stamp: give nanoseconds, as in"),
        ("-5.png", "not named by a stamp"),
        ("12.jpg", "has no PNG"),
    ],
)
def test_a_folder_of_other_names_is_refused(tmp_path, name, sentence):
    write(tmp_path / name, labels())

    with pytest.raises(RecordingError, match=sentence):
        open_truth_folder(tmp_path)


def test_what_is_no_folder_is_refused(tmp_path):
    with pytest.raises(RecordingError, match="is no folder: give one with a PNG of labels"):
        open_truth_folder(tmp_path / "missing")


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        (labels().astype(np.uint16), "a PNG of 1 x 16 bits holds no class indices"),
        (np.zeros((4, 6, 3), np.uint8), "a PNG of 3 x 8 bits holds no class indices"),
        (None, "neither JPEG nor PNG"),
    ],
)
@pytest.mark.parametrize("place", ["first", "later"])
def test_images_of_another_kind_are_named(tmp_path, image, sentence, place):
    stamp = STAMP if place == "first" else STAMP + 40 * MS
    write(tmp_path / f"{2 * STAMP - stamp + 40 * MS}.png", labels())
    bad = tmp_path / f"{stamp}.png"
    if image is None:
        bad.write_bytes(b"no image")
    else:
        write(bad, image)

    with pytest.raises(RecordingError, match=sentence) as error:
        open_truth_folder(tmp_path).find(stamp)
    assert str(error.value).startswith(f"{bad}: ")


def test_it_reads_an_image_when_it_is_asked_for(tmp_path):
    for number in range(2):
        write(tmp_path / f"{STAMP + 40 * MS * number}.png", labels(1))

    truth = open_truth_folder(tmp_path)
    write(tmp_path / f"{STAMP + 40 * MS}.png", labels(9))
    assert truth.find(STAMP + 40 * MS)[0, 0] == 9
