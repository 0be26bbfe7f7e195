"""A label space names each index of the network's output and gives it a colour."""

import numpy as np
import pytest

from asymformer_ros.perception.labels import (
    LabelSpaceError,
    bundled_label_spaces,
    load_label_space,
)


@pytest.fixture
def yaml_file(tmp_path):
    def write(text):
        path = tmp_path / "mine.yaml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def test_the_bundled_label_spaces_are_nyu40_and_sunrgbd37():
    assert list(bundled_label_spaces()) == ["nyu40", "sunrgbd37"]


@pytest.mark.parametrize(
    ("name", "count", "some_classes"),
    [
        (
            "nyu40",
            40,
            {0: "wall", 1: "floor", 23: "refridgerator", 30: "person", 39: "otherprop"},
        ),
        ("sunrgbd37", 37, {0: "wall", 19: "floor mat", 23: "fridge", 24: "tv", 36: "bag"}),
    ],
)
def test_a_bundled_label_space_has_the_classes_in_the_official_order(name, count, some_classes):
    space = load_label_space(name)
    assert space.name == name
    assert len(space.classes) == count
    assert {index: space.classes[index] for index in some_classes} == some_classes


@pytest.mark.parametrize("name", ["nyu40", "sunrgbd37"])
def test_each_class_has_its_own_colour_and_the_rest_is_black(name):
    space = load_label_space(name)
    count = len(space.classes)
    assert space.palette.dtype == np.uint8
    assert space.palette.shape == (256, 3)
    assert space.palette[:2].tolist() == [[148, 65, 137], [255, 116, 69]]
    assert len(np.unique(space.palette[:count], axis=0)) == count
    assert (space.palette[:count] > 0).any(axis=1).all()
    assert not space.palette[count:].any()


def test_your_own_file_is_read_by_its_path(yaml_file):
    space = load_label_space(
        yaml_file(
            "name: shop\nclasses:\n"
            "  [{name: shelf, color: [1, 2, 3]}, {name: café, color: [4, 5, 6]}]"
        )
    )
    assert (space.name, space.classes) == ("shop", ("shelf", "café"))
    assert space.palette[:3].tolist() == [[1, 2, 3], [4, 5, 6], [0, 0, 0]]


def test_255_classes_are_accepted(yaml_file):
    entries = "\n".join(f"  - {{name: c{i}, color: [{i}, 0, 1]}}" for i in range(255))
    space = load_label_space(yaml_file(f"name: many\nclasses:\n{entries}"))
    assert len(space.classes) == 255
    assert space.palette[255].tolist() == [0, 0, 0]


def test_an_unknown_name_is_refused_with_the_bundled_ones_listed():
    with pytest.raises(LabelSpaceError, match=r"'nyu41' is no file.* one of nyu40, sunrgbd37"):
        load_label_space("nyu41")


def test_a_missing_file_is_named():
    with pytest.raises(LabelSpaceError, match=r"'/nowhere/shop\.yaml' is no file"):
        load_label_space("/nowhere/shop.yaml")


def one_class(entry):
    return f"name: shop\nclasses: [{{name: wall, color: [1, 1, 1]}}, {entry}]"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("classes: [unclosed", "is not YAML, correct it"),
        ("!!python/object/apply:os.getcwd []", "is not YAML, correct it"),
        ("just a text", "entry `name` is missing or not text"),
        ("", "entry `name` is missing or not text"),
        ("name: 5\nclasses: [{name: wall, color: [1, 1, 1]}]", "entry `name` is missing"),
        ("name: shop", "must list 1 to 255 classes .* found none"),
        ("name: shop\nclasses: []", "must list 1 to 255 classes .* found 0 classes"),
        ("name: shop\nclasses: {wall: [1, 2, 3]}", "must list 1 to 255 classes"),
        (one_class("wall"), "class 1: `name` must be text, found None"),
        (one_class("{name: no, color: [1, 2, 3]}"), "class 1: `name` must be text, found False"),
        (one_class("{name: '', color: [1, 2, 3]}"), "class 1: `name` must be text"),
        (one_class("{name: wall, color: [1, 2, 3]}"), "classes 0 and 1 are both named 'wall'"),
        (one_class("{name: door}"), r"class 1 \(door\): `color` must be .* found None"),
        (one_class("{name: door, color: red}"), "found 'red'"),
        (one_class("{name: door, color: [1, 2]}"), r"found \[1, 2\]"),
        (one_class("{name: door, color: [1, 2, 256]}"), r"found \[1, 2, 256\]"),
        (one_class("{name: door, color: [1, 2, -1]}"), r"found \[1, 2, -1\]"),
        (one_class("{name: door, color: [1, 2, 0.5]}"), r"found \[1, 2, 0.5\]"),
        (one_class("{name: door, color: [1, 2, true]}"), r"found \[1, 2, True\]"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line_that_names_file_and_entry(yaml_file, text, complaint):
    path = yaml_file(text)
    with pytest.raises(LabelSpaceError, match=complaint) as refusal:
        load_label_space(path)
    assert path in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_256_classes_are_refused_because_255_means_unlabelled(yaml_file):
    entries = "\n".join(f"  - {{name: c{i}, color: [0, 0, 1]}}" for i in range(256))
    with pytest.raises(LabelSpaceError, match="found 256 classes"):
        load_label_space(yaml_file(f"name: many\nclasses:\n{entries}"))


def test_a_file_of_other_bytes_is_refused(tmp_path):
    path = tmp_path / "picture.yaml"
    path.write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(LabelSpaceError, match="is not YAML"):
        load_label_space(str(path))
