"""SIGINT and SIGTERM in every state; the rows `signals[...]` of docs/faults.md."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

from faults import adds_up, rows
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState

PERIOD_NS = 33_333_333
SIGNALS = (signal.SIGINT, signal.SIGTERM)
MANAGED, SLOW = ("-p", "autostart:=false"), ("-p", "weights:=slow")
RELIABLE = ("-p", "input_reliability:=reliable")


class Node:
    """A node that is to get this signal, with what others know of it."""

    def __init__(self, start, number, arguments):
        self.number = number
        self.name = f"node_of_{number.name.lower()}"
        self.process = start("node", *arguments, "-r", f"__node:={self.name}")

    def catches_signals(self):
        """Whether its handlers are installed; Python itself has none for SIGTERM."""
        status = Path(f"/proc/{self.process.process.pid}/status").read_text()
        (caught,) = [line for line in status.splitlines() if line.startswith("SigCgt:")]
        return bool(int(caught.split()[1], 16) >> signal.SIGTERM - 1 & 1)

    def account(self, consumer):
        """Of its last report."""
        reports = [status for status in consumer.reports() if status.name == self.name]
        return {v.key: int(v.value) for v in reports[-1].values if v.value.isdigit()}


def starting(nodes, start):
    for node in nodes:
        while not node.catches_signals():
            pass


def configuring(nodes, start):
    for node in nodes:
        node.process.wait_for_line("loading")


def configuring_for_a_manager(nodes, start):
    manager = start("consumer")
    for node in nodes:
        change = manager.client(ChangeState, f"{node.name}/change_state")
        change.send(ChangeState.Request(transition=Transition(id=Transition.TRANSITION_CONFIGURE)))
    configuring(nodes, start)


def after(*transitions, state):
    """Brings the nodes into a state by these transitions."""

    def bring(nodes, start):
        manager = start("consumer")
        for node in nodes:
            change = manager.client(ChangeState, f"{node.name}/change_state")
            for name in transitions:
                number = getattr(Transition, f"TRANSITION_{name}")
                assert change(ChangeState.Request(transition=Transition(id=number))).success
            current = manager.client(GetState, f"{node.name}/get_state")(GetState.Request())
            assert current.current_state.label == state

    return bring


def active(nodes, start):
    """Lets them segment a pair; a colour image waits for its depth."""
    camera, consumer = start("camera"), start("consumer")
    camera.wait_for_subscribers(len(nodes))
    camera.pair(PERIOD_NS)
    camera.color(2 * PERIOD_NS)
    for node in nodes:
        consumer.wait_for(
            lambda node=node: (
                any(status.name == node.name for status in consumer.reports())
                and node.account(consumer)["segmented"] == node.account(consumer)["pending"] == 1
            ),
            f"a frame of {node.name}, and one that waits",
        )
    return consumer


STATES = {
    "starting": (SLOW, starting),
    "unconfigured": (MANAGED, after(state="unconfigured")),
    "configuring": (SLOW, configuring),
    "configuring_for_a_manager": (MANAGED + SLOW, configuring_for_a_manager),
    "inactive": (MANAGED, after("CONFIGURE", state="inactive")),
    "active": (RELIABLE, active),
    "finalized": (
        MANAGED,
        after("CONFIGURE", "ACTIVATE", "ACTIVE_SHUTDOWN", state="finalized"),
    ),
}


def test_every_row_is_tested():
    assert list(rows("signals")) == list(STATES)


@pytest.mark.parametrize("state", STATES)
def test_a_signal_ends_it_cleanly(start, state):
    row, (arguments, bring) = rows("signals")[state], STATES[state]
    nodes = [Node(start, number, arguments) for number in SIGNALS]
    consumer = bring(nodes, start)

    for node in nodes:
        node.process.process.send_signal(node.number)

    for node in nodes:
        assert node.process.wait_for_end() == 0
        lines = node.process.lines
        assert lines[-1] == "threads: ['MainThread']"
        assert not any("Traceback" in line for line in lines)
        for sentence in row.said:
            assert any(sentence in line for line in lines)
        if not row.said:
            assert lines.count("engine closed") == lines.count("loading")
        if row.counted:
            consumer.wait_for(
                lambda node=node: row.counted <= node.account(consumer).keys(), row.counted
            )
            assert adds_up(node.account(consumer))
