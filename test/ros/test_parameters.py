"""The node's parameters: defaults, ranges, and what is refused with which words."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

import rclpy
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.parameter import Parameter
from rclpy.qos import ReliabilityPolicy

from asymformer_ros.ros.parameters import (
    LIVE_NAMES,
    ConfigurationError,
    Settings,
    declare_parameters,
    read_settings,
    require_live,
    unknown_names,
)


@pytest.fixture
def make_node():
    """A bare node with the parameters declared and these values from outside."""
    context = rclpy.Context()
    rclpy.init(context=context, args=[])
    nodes = []

    def make(**overrides):
        parameters = [Parameter(name.replace("__", "."), value=v) for name, v in overrides.items()]
        nodes.append(rclpy.create_node("test", context=context, parameter_overrides=parameters))
        declare_parameters(nodes[-1])
        return nodes[-1]

    yield make
    for node in nodes:
        node.destroy_node()
    context.shutdown()
    context.destroy()  # or its shared memory stays behind


def test_the_defaults_need_no_configuration(make_node):
    assert read_settings(make_node()) == Settings(
        weights="asymformer-nano",
        profile="",
        engine="auto",
        cache_dir="",
        color_transport="raw",
        depth_transport="raw",
        input_reliability=ReliabilityPolicy.BEST_EFFORT,
        register_depth=False,
        rotate=0,
        sync_policy="own",
        slop_ns=50_000_000,
        queue_size=10,
    )


def test_values_from_outside_are_taken(make_node):
    settings = read_settings(make_node(sync__slop=0.0, input_reliability="reliable"))

    assert (settings.slop_ns, settings.input_reliability) == (0, ReliabilityPolicy.RELIABLE)


def test_a_whole_number_will_do_for_a_real_one(make_node):
    node = make_node(sync__slop=1, max_rate=5)

    assert read_settings(node).slop_ns == 1_000_000_000
    assert node.get_parameter("max_rate").type_ == Parameter.Type.DOUBLE


def test_names_of_no_parameter_are_found_those_of_qos_are_not(make_node):
    node = make_node(max_rat=5.0, sync__slop=0.1, qos_overrides__x=1, use_sim_time=True)

    assert unknown_names(node) == ["max_rat"]


def test_every_parameter_is_described(make_node):
    node = make_node()
    declared = set(node._parameters) - {"use_sim_time", "start_type_description_service"}

    assert all(node.describe_parameter(name).description for name in declared)


@pytest.mark.parametrize(
    ("overrides", "error"),
    [
        ({"overlay_alpha": 1.5}, InvalidParameterValueException),
        ({"sync__slop": 11}, InvalidParameterValueException),
        ({"sync__slop": "wide"}, InvalidParameterTypeException),
        ({"sync__slop": -0.1}, InvalidParameterValueException),
        ({"sync__queue_size": 0}, InvalidParameterValueException),
        ({"weights": 7}, InvalidParameterTypeException),
    ],
)
def test_a_value_out_of_range_or_of_a_wrong_type_is_refused(make_node, overrides, error):
    with pytest.raises(error):
        make_node(**overrides)


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("input_reliability", "often", "set it to best_effort or reliable"),
        ("color_transport", "theora", "set it to raw or compressed"),
        ("depth_transport", "compressed", "set it to raw or compressedDepth"),
        ("sync.policy", "exact", "set it to own or message_filters"),
        ("rotate", 45, "set it to one of 0, 90, 180, 270"),
    ],
)
def test_an_unknown_choice_is_refused_with_the_choices(make_node, name, value, advice):
    with pytest.raises(ConfigurationError, match=f"{name} is {value!r}: {advice}"):
        read_settings(make_node(**{name.replace(".", "__"): value}))


def test_the_choices_are_in_the_descriptor(make_node):
    descriptor = make_node().describe_parameter("color_transport")

    assert descriptor.additional_constraints == "one of: raw, compressed"


def test_what_is_read_at_configure_is_refused_with_the_way_to_change_it():
    require_live(LIVE_NAMES)
    with pytest.raises(ConfigurationError, match=r"sync\.slop, weights are read when the node is"):
        require_live(["weights", "enabled", "sync.slop"])


def test_what_is_read_at_the_start_cannot_be_set(make_node):
    (result,) = make_node().set_parameters([Parameter("autostart", value=False)])

    assert not result.successful
