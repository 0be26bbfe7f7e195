"""The node's clocks: simulated time that stands still, jumps and restarts, and stamps of zero."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock

S = 10**9
MS = 10**6
PERIOD_NS = 33_333_333
NOON_NS = 1_700_000_000 * S


def nanoseconds(stamp):
    return stamp.sec * S + stamp.nanosec


class Simulation:
    """A camera, a consumer and a node on simulated time, and the clock."""

    def __init__(self, start):
        self.camera, self.consumer = start("camera"), start("consumer")
        start("node", "-p", "use_sim_time:=true", "-p", "input_reliability:=reliable")
        self._clock = self.camera.node.create_publisher(Clock, "/clock", QoSProfile(depth=10))

    def set_clock(self, now_ns):
        """Set the simulation's time; the node has it when its next report says so."""
        message = Clock()
        message.clock.sec, message.clock.nanosec = divmod(now_ns, S)

        def arrived():
            reports = self.consumer.messages["/diagnostics"]
            return bool(reports) and nanoseconds(reports[-1].header.stamp) == now_ns

        while True:
            # Again and again: the node may not have discovered the clock yet.
            self._clock.publish(message)
            if self.consumer.sees(arrived, 0.5):
                return

    def segment(self, stamp_ns):
        return self.consumer.output_of(self.camera.pair(stamp_ns))

    def latency_ms(self, wanted):
        """Wait until the median latency is as wanted."""
        self.consumer.account_when(
            lambda account: account["latency_ms.p50"] == wanted, f"a latency of {wanted} ms"
        )


@pytest.fixture
def simulation(start):
    """A simulation that has begun at NOON_NS, and a first frame has been segmented."""
    simulation = Simulation(start)
    simulation.set_clock(NOON_NS)
    simulation.consumer.first_output(lambda k: simulation.camera.pair(NOON_NS - 100 * S + k // S))
    return simulation


def test_the_latency_is_of_simulated_time(start):
    simulation = Simulation(start)
    simulation.set_clock(NOON_NS)
    simulation.consumer.first_output(lambda _: simulation.camera.pair(NOON_NS - 25 * MS))

    simulation.latency_ms("25.0")


def test_reports_go_on_while_the_simulation_stands_still(simulation):
    heard = simulation.consumer.messages["/diagnostics"]
    before = len(heard)

    simulation.consumer.wait_for(lambda: len(heard) >= before + 3, "three more reports")

    assert {nanoseconds(report.header.stamp) for report in heard[before:]} == {NOON_NS}


def test_frames_are_segmented_and_well_while_the_simulation_stands_still(simulation):
    for number in range(1, 4):
        simulation.segment(NOON_NS + number * PERIOD_NS)

    simulation.consumer.account_when(
        lambda a: a["segmented"] >= 4 and a["pending"] == 0, "a report of all frames"
    )
    assert simulation.consumer.status().level == DiagnosticStatus.OK


@pytest.mark.parametrize(
    "jump_ns",
    [3600 * S, -3600 * S, 1 - NOON_NS, 50 * MS, -50 * MS],
    ids=["hour_forward", "hour_back", "restart_at_zero", "a_little_forward", "a_little_back"],
)
def test_after_a_jump_of_clock_and_stamps_every_pair_is_segmented(simulation, jump_ns):
    for number in range(3):
        simulation.segment(NOON_NS + number * PERIOD_NS)

    start_ns = NOON_NS + jump_ns
    simulation.set_clock(start_ns)

    # Far enough from what was before a little jump, whose stamps would be duplicates.
    for number in range(10, 13):
        simulation.segment(start_ns + number * PERIOD_NS)


def test_a_bag_loops_with_its_clock(simulation):
    """As `ros2 bag play --loop --clock` does."""
    for _ in range(3):
        simulation.set_clock(NOON_NS + S)
        for number in range(5):
            simulation.consumer.messages["semantic"].clear()
            simulation.segment(NOON_NS + number * 10 * PERIOD_NS)

    account = simulation.consumer.account_when(lambda a: a["segmented"] >= 16, "all frames")
    assert account["dropped.late"] == 0


def test_a_clock_that_restarts_alone_does_not_matter_to_the_pairs(simulation):
    """The simulator restarts, the camera's stamps go on for a while."""
    simulation.segment(NOON_NS)
    simulation.set_clock(1 * S)

    for number in range(1, 4):
        simulation.segment(NOON_NS + number * PERIOD_NS)


def test_stamps_of_zero_make_pairs(rig):
    """Drivers without a clock, and simulators before their first step."""
    before = rig.settled_account()
    for number in range(1, 4):
        rig.consumer.messages["semantic"].clear()
        rig.consumer.output_of(rig.camera.pair(0))
        account = rig.settled_account()
        assert account["segmented"] == before["segmented"] + number

    rig.consumer.output_of(rig.camera.pair(rig.later()))


def test_before_the_first_clock_message_frames_are_segmented_already(start):
    simulation = Simulation(start)

    simulation.consumer.first_output(lambda k: simulation.camera.pair(NOON_NS + k))

    simulation.consumer.account_when(lambda a: a["segmented"] > 0, "a report")
    assert not any("latency" in key for key in simulation.consumer.account()), "of no clock"
