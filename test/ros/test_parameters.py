"""The node's parameters: defaults, ranges, and what is refused with which words."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

import rclpy
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.parameter import Parameter
from rclpy.qos import ReliabilityPolicy

from asymformer_ros.ros.parameters import (
    ConfigurationError,
    Settings,
    declare_parameters,
    read_settings,
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
        label_space="",
        slop_ns=50_000_000,
        queue_size=10,
        input_reliability=ReliabilityPolicy.BEST_EFFORT,
    )


def test_values_from_outside_are_taken(make_node):
    settings = read_settings(make_node(sync__slop=0.0, input_reliability="reliable"))

    assert (settings.slop_ns, settings.input_reliability) == (0, ReliabilityPolicy.RELIABLE)


def test_every_parameter_is_described(make_node):
    node = make_node()
    declared = set(node._parameters) - {"use_sim_time", "start_type_description_service"}

    assert all(node.describe_parameter(name).description for name in declared)


@pytest.mark.parametrize(
    ("overrides", "error"),
    [
        ({"overlay_alpha": 1.5}, InvalidParameterValueException),
        ({"sync__slop": -0.1}, InvalidParameterValueException),
        ({"sync__queue_size": 0}, InvalidParameterValueException),
        ({"weights": 7}, InvalidParameterTypeException),
    ],
)
def test_a_value_out_of_range_or_of_a_wrong_type_is_refused(make_node, overrides, error):
    with pytest.raises(error):
        make_node(**overrides)


def test_an_unknown_reliability_is_refused_with_the_choices(make_node):
    with pytest.raises(ConfigurationError, match="'often': set it to best_effort or reliable"):
        read_settings(make_node(input_reliability="often"))


def test_only_what_needs_no_reload_changes_at_run_time(make_node):
    node = make_node()

    def set_to(name, value):
        return node.set_parameters([Parameter(name, value=value)])[0].successful

    assert set_to("overlay_alpha", 0.8)
    assert not set_to("overlay_alpha", 1.8)
    assert not set_to("weights", "other")
    assert not set_to("sync.slop", 0.01)
