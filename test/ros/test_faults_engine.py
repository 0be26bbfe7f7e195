"""Engines that fail or hang; the rows `engine[...]` of docs/faults.md."""

from __future__ import annotations

import signal

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

from faults import rows, survive

HEIGHT, WIDTH = 48, 64
# As node_under_test.py knows them.
FAILING, HANGING, PAUSING, PANICKING, GARBLING, LOSING = (
    np.full((HEIGHT, WIDTH, 3), value, dtype=np.uint8) for value in (13, 14, 16, 17, 18, 19)
)


def frame(array):
    """Publishes a pair with this colour."""

    def play(rig):
        stamp = rig.later()
        rig.camera.depth(stamp)
        rig.camera.color(stamp, array)

    return play


def pause(rig):
    """Publishes a frame that takes two seconds, and pairs until one is segmented."""
    rig.consumer.messages["semantic"].clear()
    frame(PAUSING)(rig)
    while not rig.consumer.sees(lambda: rig.consumer.messages["semantic"], 0.1):
        rig.camera.pair(rig.later())


def replacement(array):
    """Publishes a frame that the first engine cannot segment; it comes out of the spare."""

    def play(rig):
        rig.consumer.account_when(lambda a: a["engine"] == "red_channel fp32", "the first engine")
        stamp = rig.later()
        rig.camera.depth(stamp)
        labels = rig.consumer.output_of(rig.camera.color(stamp, array))
        assert bytes(labels.data) == array[..., 0].tobytes()
        rig.consumer.account_when(lambda a: a["engine"] == "spare fp32", "the spare")

    return play


FAULTS = {
    "failing": frame(FAILING),
    "panicking": frame(PANICKING),
    "garbling": frame(GARBLING),
    "pausing": pause,
}
FAULTS_WITH_SPARE = {
    "failing_before_spare": replacement(FAILING),
    "hanging_before_spare": replacement(HANGING),
    "losing_the_gpu_before_spare": replacement(LOSING),
}


@pytest.fixture(scope="module")
def rig(new_rig):
    """The node with one engine that is watched over as `load_engine` does."""
    with new_rig(arguments=("-p", "weights:=checked")) as rig:
        yield rig


def test_every_row_is_tested():
    assert list(rows("engine")) == [*FAULTS, *FAULTS_WITH_SPARE]


@pytest.mark.parametrize("name", FAULTS)
def test_the_node_survives(rig, name):
    survive(rig, rows("engine")[name], FAULTS[name])


@pytest.mark.parametrize("name", FAULTS_WITH_SPARE)
def test_the_node_with_a_spare_survives(new_rig, name):
    with new_rig(arguments=("-p", "weights:=with spare")) as rig:
        survive(rig, rows("engine")[name], FAULTS_WITH_SPARE[name])
        rig.node.process.send_signal(signal.SIGINT)
        assert rig.node.wait_for_end() == 0
