"""The services of the node, as a test calls them."""

from __future__ import annotations

from functools import cache


class Controls:
    """The services of the node, called by a participant."""

    NODE = "segmentation_node"

    def __init__(self, participant):
        self._client = cache(lambda kind, name: participant.client(kind, f"{self.NODE}/{name}"))

    def transition(self, name):
        """Ask for a transition by its name, such as "configure"; whether it went well."""
        from lifecycle_msgs.msg import Transition
        from lifecycle_msgs.srv import ChangeState

        number = getattr(Transition, f"TRANSITION_{name.upper()}")
        request = ChangeState.Request(transition=Transition(id=number))
        return self._client(ChangeState, "change_state")(request).success

    def state(self):
        from lifecycle_msgs.srv import GetState

        return self._client(GetState, "get_state")(GetState.Request()).current_state.label

    def set(self, values):
        """Set parameters one by one, as `ros2 param set` does; the reasons of those refused."""
        from rcl_interfaces.srv import SetParameters

        request = SetParameters.Request(parameters=_parameters(values))
        results = self._client(SetParameters, "set_parameters")(request).results
        return [result.reason for result in results if not result.successful]

    def set_atomically(self, values):
        """Set parameters together; the reason why they were refused, if they were."""
        from rcl_interfaces.srv import SetParametersAtomically

        request = SetParametersAtomically.Request(parameters=_parameters(values))
        result = self._client(SetParametersAtomically, "set_parameters_atomically")(request).result
        return [] if result.successful else [result.reason]

    def parameters(self):
        """All values by name, asked for as `ros2 param dump` does."""
        from rcl_interfaces.srv import GetParameters, ListParameters
        from rclpy.parameter import parameter_value_to_python

        names = self._client(ListParameters, "list_parameters")(ListParameters.Request())
        names = sorted(names.result.names)
        values = self._client(GetParameters, "get_parameters")(GetParameters.Request(names=names))
        return dict(zip(names, map(parameter_value_to_python, values.values), strict=True))

    def descriptors(self, names):
        from rcl_interfaces.srv import DescribeParameters

        request = DescribeParameters.Request(names=list(names))
        answer = self._client(DescribeParameters, "describe_parameters")(request)
        return {descriptor.name: descriptor for descriptor in answer.descriptors}

    def enable(self, wanted):
        from std_srvs.srv import SetBool

        return self._client(SetBool, "enable")(SetBool.Request(data=wanted))

    def save_frame(self):
        from std_srvs.srv import Trigger

        return self._client(Trigger, "save_frame")(Trigger.Request())


def _parameters(values):
    from rclpy.parameter import Parameter

    # rclpy takes an empty list for bytes; here only a list of texts can be empty.
    kinds = {name: Parameter.Type.STRING_ARRAY for name, value in values.items() if value == []}
    return [
        Parameter(name, kinds.get(name), value).to_parameter_msg() for name, value in values.items()
    ]
