"""Looks at who subscribes to the outputs and says in words where the QoS keeps them apart."""

from __future__ import annotations

from collections.abc import Sequence

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSCompatibility, qos_check_compatible

from asymformer_ros.ros.input_graph import is_known, node_name
from asymformer_ros.ros.input_watch import Finding

_PERIOD_S = 5.0


class OutputWatch:
    """Watches the subscribers of these publishers; in the thread of the executor."""

    def __init__(self, node: Node, publishers: Sequence[Publisher]) -> None:
        self._node = node
        self._publishers = publishers
        self._looked_s = float("-inf")
        self._found: list[Finding] = []

    def findings(self, now_s: float) -> list[Finding]:
        """Subscribers that get nothing; the graph is asked every few seconds. now_s: steady."""
        if now_s - self._looked_s >= _PERIOD_S:
            self._looked_s = now_s
            self._found = [
                Finding("outputs", sentence, prevents_pairs=False)
                for publisher in self._publishers
                for sentence in self._left_out(publisher)
            ]
        return self._found

    def _left_out(self, publisher: Publisher) -> list[str]:
        topic, node = publisher.topic_name, self._node
        if node.count_subscribers(topic) <= publisher.get_subscription_count():
            return []  # all of them are connected
        # As the graph has it: deadlines and leases that nobody set read otherwise in a profile.
        offered = [
            endpoint.qos_profile
            for endpoint in node.get_publishers_info_by_topic(topic)
            if (endpoint.node_namespace, endpoint.node_name)
            == (node.get_namespace(), node.get_name())
        ]
        sentences = []
        for subscriber in node.get_subscriptions_info_by_topic(topic) if offered else ():
            compatibility, reason = qos_check_compatible(offered[0], subscriber.qos_profile)
            # Of a node that is being discovered the QoS is not known either.
            if compatibility == QoSCompatibility.ERROR and is_known(subscriber):
                sentences.append(
                    f"{node_name(subscriber)} asks for a QoS of {topic} that this node does not "
                    f"offer ({reason.strip().rstrip(';')}): change it there, or with "
                    f"qos_overrides.{topic}.publisher here"
                )
        return sentences
