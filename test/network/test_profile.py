"""Profiles: what they refuse, their form in weights files, and those of the official weights."""

from dataclasses import replace

import pytest

from asymformer_ros.network.profile import OFFICIAL, CheckpointError, Profile, official_profile

NANO = Profile(network="asymformer-nano", label_space="nyu40", num_classes=40)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input_size": (470, 640)}, "not a multiple of 32"),
        ({"channel_order": "gbr"}, "neither rgb nor bgr"),
        ({"depth_holes": "median"}, "neither zero nor mean"),
        ({"depth_normalisation": "z-score"}, "neither fixed nor percentile"),
    ],
)
def test_an_impossible_profile_is_refused(change, message):
    with pytest.raises(CheckpointError, match=message):
        replace(NANO, **change)


@pytest.mark.parametrize("profile", [NANO, *(official_profile(name, 37) for name in OFFICIAL)])
def test_profiles_survive_json(profile):
    assert Profile.from_json(profile.to_json()) == profile


@pytest.mark.parametrize(
    ("text", "message"),
    [('{"wavelength": 3}', "unknown profile entry 'wavelength'"), ("{", "damaged")],
)
def test_json_that_is_no_profile_is_refused(text, message):
    with pytest.raises(CheckpointError, match=message):
        Profile.from_json(text)


def test_weights_that_say_nothing_of_it_take_depth_by_a_fixed_mean():
    text = '{"network": "asymformer-nano", "label_space": "nyu40", "num_classes": 40}'
    assert Profile.from_json(text).depth_normalisation == "fixed"


@pytest.mark.parametrize(
    ("name", "channel_order", "first_mean", "depth_normalisation"),
    [
        ("nyu-bgr", "bgr", 0.4850042694973687, "fixed"),
        ("nyu-rgb", "rgb", 0.4850042694973687, "fixed"),
        ("imagenet-bgr", "bgr", 0.485, "fixed"),
        ("imagenet-rgb", "rgb", 0.485, "fixed"),
        ("nyu-rgb-percentile", "rgb", 0.4850042694973687, "percentile"),
        ("imagenet-rgb-percentile", "rgb", 0.485, "percentile"),
    ],
)
def test_the_name_of_an_official_profile_says_what_it_is(
    name, channel_order, first_mean, depth_normalisation
):
    profile = official_profile(name, 40)
    assert profile.channel_order == channel_order
    assert profile.rgb_mean[0] == first_mean
    assert profile.depth_normalisation == depth_normalisation


@pytest.mark.parametrize("name", ["nyu-bgr-percentile", "nyu", "nyu-rgb-", "sun-rgb", ""])
def test_another_name_is_answered_with_the_official_ones(name):
    with pytest.raises(CheckpointError, match="unknown profile") as error:
        official_profile(name, 40)
    assert str(error.value).endswith(
        "choose one of nyu-bgr, nyu-rgb, imagenet-bgr, imagenet-rgb, nyu-rgb-percentile, "
        "imagenet-rgb-percentile"
    )


def test_another_number_of_classes_is_refused():
    with pytest.raises(CheckpointError, match="the checkpoint has 13 classes"):
        official_profile("nyu-bgr", 13)
