"""config/segment.yaml holds every parameter of the node, each with its default."""

import pytest
import rclpy
import yaml

from asymformer_ros.resources import resource
from asymformer_ros.ros.parameters import declare_parameters


@pytest.fixture
def declared(monkeypatch):
    """The node's parameters and defaults."""
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("parameters_of_the_file", context=context)
    before = set(node.get_parameters_by_prefix(""))
    declare_parameters(node)
    parameters = {
        name: parameter.value
        for name, parameter in node.get_parameters_by_prefix("").items()
        if name not in before
    }
    node.destroy_node()
    rclpy.shutdown(context=context)
    return parameters


def test_the_file_holds_every_parameter_with_its_default(declared):
    text = resource("config/segment.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(text)["/**"]["ros__parameters"] == declared
