"""What changes at run time: all or nothing, and the rate limit's arithmetic."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

from asymformer_ros.perception.labels import LabelSpaceError, load_label_space
from asymformer_ros.ros.live_settings import (
    DISABLED,
    RATE_LIMITED,
    Admission,
    LiveParameters,
    network_space,
)

DEFAULTS = {
    "enabled": True,
    "max_rate": 0.0,
    "label_space": "",
    "mask_classes": ["person"],
    "min_confidence": 0.0,
    "drop_without_depth": False,
    "output_stride": 1,
    "overlay_alpha": 0.5,
    "save_dir": "",
}


@pytest.fixture
def announced():
    return []


@pytest.fixture
def live(announced):
    return LiveParameters(load_label_space("nyu40"), DEFAULTS, announced.append)


def of_file(tmp_path, *names):
    path = tmp_path / "own.yaml"
    classes = "".join(f"\n  - {{name: {name}, color: [1, 2, 3]}}" for name in names)
    path.write_text(f"name: own\nclasses:{classes}\n")
    return str(path)


def test_a_change_is_taken_as_a_whole(live):
    live.take({"min_confidence": 0.4, "output_stride": 2, "max_rate": 5.0})

    assert live.current.max_rate_hz == 5.0
    assert (live.current.options.min_confidence, live.current.options.stride) == (0.4, 2)


def test_what_labels_mean_is_announced_at_the_start_and_when_it_changes(live, announced):
    assert announced == [live.current.options]
    for changed in ({"min_confidence": 0.4}, {"label_space": "nav"}):
        live.take(changed)
        assert announced[-1] is live.current.options
    live.take({"overlay_alpha": 0.1, "save_dir": "/tmp", "mask_classes": []})

    assert len(announced) == 3


def test_no_limit_is_an_infinite_rate(live):
    assert live.current.max_rate_hz == math.inf


def test_of_a_change_with_a_mistake_nothing_is_taken(live, announced):
    before = live.current

    with pytest.raises(LabelSpaceError, match=r"persn.*did you mean 'person'"):
        live.take({"overlay_alpha": 0.9, "label_space": "nav", "mask_classes": ["persn"]})
    live.take({"enabled": False})

    assert len(announced) == 1
    assert live.current.options.labelling is before.options.labelling
    assert live.current.options.overlay_alpha == before.options.overlay_alpha


def test_groups_and_their_mask_follow_the_label_space(live):
    live.take({"label_space": "nav"})

    space = live.current.options.labelling.space
    assert space.name == "nav"
    assert live.current.options.mask_classes[space.classes.index("person")] == 255


def test_setting_the_same_label_space_again_reads_its_file_again(live, tmp_path):
    groups = tmp_path / "groups.yaml"
    text = "name: mine\ngroups:\n  - {name: NAME, color: [9, 9, 9], classes: [floor]}\n"
    for name in ("ground", "carpet"):
        groups.write_text(text.replace("NAME", name))
        live.take({"label_space": str(groups)})
        assert live.current.options.labelling.space.classes == (name,)
        live.take({"overlay_alpha": 0.1})


def test_the_default_mask_is_empty_where_the_classes_have_no_person(tmp_path):
    own = load_label_space(of_file(tmp_path, "crate", "pallet"))

    live = LiveParameters(own, DEFAULTS, lambda options: None)
    assert not live.current.options.mask_classes.any()
    live.take({"mask_classes": ["pallet", ""]})
    assert live.current.options.mask_classes[1] == 255
    with pytest.raises(LabelSpaceError, match="person"):
        live.take({"mask_classes": ["pallet", "person"]})


def test_a_network_has_the_classes_that_its_weights_name():
    assert network_space("sunrgbd37", 37, "nav").name == "sunrgbd37"


def test_weights_that_name_no_known_classes_take_those_of_the_parameter(tmp_path):
    wanted = of_file(tmp_path, "crate", "pallet")

    assert network_space("warehouse", 2, wanted).classes == ("crate", "pallet")
    assert network_space("nyu40", 2, wanted).classes == ("crate", "pallet")
    with pytest.raises(LabelSpaceError, match="'warehouse' is no file"):
        network_space("warehouse", 2, "")
    with pytest.raises(LabelSpaceError, match="the weights have 41 classes"):
        network_space("nyu40", 41, "")


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


def admitted(live, clock, periods):
    admission, passed = Admission(live, clock), []
    for index, period in enumerate(periods):
        if admission.refuse() is None:
            passed.append(index)
        clock.now_s += period
    return passed


def test_everything_passes_by_default_and_nothing_when_disabled(live):
    assert admitted(live, Clock(), [0.0] * 5) == [0, 1, 2, 3, 4]
    live.take({"enabled": False})
    assert Admission(live).refuse() == DISABLED


@pytest.mark.parametrize(
    ("rate", "kept"), [(30.0, 300), (15.0, 150), (10.0, 100), (7.0, 70), (0.5, 5)]
)
def test_a_camera_of_30_hz_is_thinned_to_the_rate(live, rate, kept):
    live.take({"max_rate": rate})
    jitter = [1 / 30 + (0.002 if k % 2 else -0.002) for k in range(300)]

    assert len(admitted(live, Clock(), jitter)) == pytest.approx(kept, abs=1)


def test_after_a_pause_nothing_is_caught_up(live):
    live.take({"max_rate": 1.0})
    clock = Clock()

    assert admitted(live, clock, [100.0, 0.01, 0.01, 0.01, 0.01]) == [0, 1]


def test_a_higher_limit_counts_at_once(live):
    live.take({"max_rate": 0.01})
    clock = Clock()
    admission = Admission(live, clock)
    assert admission.refuse() is None
    assert admission.refuse() == RATE_LIMITED

    live.take({"max_rate": 10.0})
    clock.now_s += 0.1
    assert admission.refuse() is None
