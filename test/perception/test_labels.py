"""A label space names each index of the network's output; a labelling says what is published."""

import numpy as np
import pytest

from asymformer_ros.perception.labels import (
    LabelSpaceError,
    bundled_label_spaces,
    load_label_space,
    load_labelling,
    read_label_file,
)


@pytest.fixture
def yaml_file(tmp_path):
    def write(text):
        path = tmp_path / "mine.yaml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def test_the_bundled_label_spaces_are_those_of_the_networks_and_one_for_navigation():
    assert list(bundled_label_spaces()) == ["nav", "nyu40", "sunrgbd37"]


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
    with pytest.raises(LabelSpaceError, match=r"'nyu41' is no file.* one of nav, nyu40, sunrgbd37"):
        load_label_space("nyu41")


def test_a_missing_file_is_named():
    with pytest.raises(LabelSpaceError, match=r"'/nowhere/shop\.yaml' is no file"):
        load_label_space("/nowhere/shop.yaml")


def two_groups(*, second="{name: way, color: [2, 2, 2], classes: [floor]}", rest=""):
    first = "{name: things, color: [1, 1, 1], classes: [chair, table]}"
    return f"name: few\ngroups: [{first}, {second}]\n{rest}"


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
        ("name: few\ngroups: []", "`groups` must list 1 to 255 groups .* found 0 groups"),
        ("name: few\ngroups: {way: [floor]}", "`groups` must list 1 to 255 groups .* found none"),
        (
            "name: few\nclasses: [{name: a, color: [1, 1, 1]}]\ngroups: []",
            "has both `classes` and `groups`",
        ),
        (two_groups(second="{name: way, color: red}"), r"group 1 \(way\): `color` must be"),
        (two_groups(second="{color: [1, 2, 3]}"), "group 1: `name` must be text"),
        (
            two_groups(second="{name: things, color: [2, 2, 2], classes: [floor]}"),
            "groups 0 and 1 are both named 'things'",
        ),
        (
            two_groups(second="{name: way, color: [2, 2, 2], classes: []}"),
            "group 'way' lists no `classes`",
        ),
        (two_groups(second="{name: way, color: [2, 2, 2]}"), "group 'way' lists no `classes`"),
        (
            two_groups(second="{name: way, color: [2, 2, 2], classes: floor}"),
            "group 'way' lists no `classes`",
        ),
        (
            two_groups(second="{name: way, color: [2, 2, 2], classes: [no]}"),
            "group 'way' lists False; put the name of the class in quotes",
        ),
        (
            two_groups(second="{name: way, color: [2, 2, 2], classes: [floor, chair]}"),
            "class 'chair' is listed in group 'things' and in 'way'",
        ),
        (two_groups(rest="rest: thing"), "`rest` is 'thing', .* did you mean 'things'"),
        (two_groups(rest="rest: [way]"), r"`rest` is \['way'\], which is no group"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line_that_names_file_and_entry(yaml_file, text, complaint):
    path = yaml_file(text)
    with pytest.raises(LabelSpaceError, match=complaint) as refusal:
        read_label_file(path)
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


@pytest.fixture
def network(yaml_file):
    """A network of five classes: chair, floor, table, door, cat."""
    names = ("chair", "floor", "table", "door", "cat")
    classes = ", ".join(f"{{name: {name}, color: [9, 9, {k}]}}" for k, name in enumerate(names))
    return load_label_space(yaml_file(f"name: home\nclasses: [{classes}]"))


def test_groups_map_the_networks_classes_and_leave_the_others_unlabelled(yaml_file, network):
    labelling = load_labelling(yaml_file(two_groups()), network)
    assert (labelling.space.name, labelling.space.classes) == ("few", ("things", "way"))
    assert labelling.space.palette[:3].tolist() == [[1, 1, 1], [2, 2, 2], [0, 0, 0]]
    assert labelling.table.dtype == np.uint8
    assert labelling.table[:5].tolist() == [0, 1, 0, 255, 255]
    assert (labelling.table[5:] == 255).all()
    assert not labelling.is_identity


def test_rest_takes_every_class_that_is_in_no_group(yaml_file, network):
    labelling = load_labelling(yaml_file(two_groups(rest="rest: way")), network)
    assert labelling.table[:5].tolist() == [0, 1, 0, 1, 1]
    assert (labelling.table[5:] == 255).all()


def test_an_empty_name_publishes_the_networks_own_classes(network):
    labelling = load_labelling("", network)
    assert labelling.space is network
    assert labelling.is_identity


def test_a_file_of_as_many_classes_renames_those_of_the_network(yaml_file, network):
    classes = ", ".join(f"{{name: n{k}, color: [{k}, 0, 0]}}" for k in range(5))
    labelling = load_labelling(yaml_file(f"name: mine\nclasses: [{classes}]"), network)
    assert labelling.space.classes == ("n0", "n1", "n2", "n3", "n4")
    assert labelling.is_identity


def test_a_file_of_another_number_of_classes_is_refused(network):
    with pytest.raises(
        LabelSpaceError, match="label_space nyu40 has 40 classes, the weights 5: leave it empty"
    ):
        load_labelling("nyu40", network)


def test_a_group_may_list_a_class_that_only_another_bundled_network_knows(yaml_file, network):
    second = "{name: way, color: [2, 2, 2], classes: [floor, fridge, refridgerator]}"
    labelling = load_labelling(yaml_file(two_groups(second=second)), network)
    assert labelling.table[:5].tolist() == [0, 1, 0, 255, 255]


@pytest.mark.parametrize(
    ("listed", "complaint"),
    [
        ("flor", "'flor' is no class of home; did you mean 'floor'?"),
        ("zebra", "'zebra' is no class of home; known are chair, floor, table, door, cat"),
    ],
)
def test_a_group_with_an_unknown_class_is_refused(yaml_file, network, listed, complaint):
    path = yaml_file(two_groups(second=f"{{name: way, color: [2, 2, 2], classes: [{listed}]}}"))
    with pytest.raises(LabelSpaceError) as refusal:
        load_labelling(path, network)
    assert str(refusal.value) == f"{path}: {complaint}"


def test_groups_that_have_nothing_of_the_network_are_refused(yaml_file, network):
    path = yaml_file(
        "name: few\ngroups: [{name: cold, color: [1, 1, 1], classes: [fridge]}]\nrest: cold"
    )
    with pytest.raises(LabelSpaceError, match="no group has a class of home; group chair, floor"):
        load_labelling(path, network)


def test_groups_are_no_label_space_of_a_network():
    with pytest.raises(LabelSpaceError, match=r"nav\.yaml holds groups"):
        load_label_space("nav")


@pytest.mark.parametrize("network_name", ["nyu40", "sunrgbd37"])
@pytest.mark.parametrize(
    ("group", "some_classes"),
    [
        ("floor", ["floor", "floor mat"]),
        ("person", ["person"]),
        ("door", ["door"]),
        ("glass", ["window", "mirror"]),
        ("furniture", ["chair", "table", "refridgerator", "fridge", "television", "tv"]),
        ("object", ["bag", "box"]),
        ("ceiling", ["ceiling"]),
    ],
)
def test_nav_groups_the_classes_of_both_networks(network_name, group, some_classes):
    network = load_label_space(network_name)
    labelling = load_labelling("nav", network)
    members = [network.classes.index(name) for name in some_classes if name in network.classes]
    assert {labelling.space.classes[labelling.table[k]] for k in members} == {group}


def test_nav_names_every_class_of_both_networks_and_leaves_none_to_the_rest():
    file = read_label_file("nav")
    listed = {name for members in file.groups for name in members}
    both = {load_label_space(name).classes for name in ("nyu40", "sunrgbd37")}
    assert listed == {name for classes in both for name in classes}
    assert file.rest == "object"
    assert len(np.unique(file.space.palette[: len(file.groups)], axis=0)) == len(file.groups) == 8
