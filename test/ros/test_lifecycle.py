"""The states of the managed node: what each transition makes, keeps and frees."""

from __future__ import annotations

import signal

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

from asymformer_ros.benchmark.growth import held_by

COLOR = np.full((480, 640, 3), 7, dtype=np.uint8)
DEPTH_MM = np.full((480, 640), 1500, dtype=np.uint16)
# The first cycles load modules and fill the pools of the allocator and the middleware.
WARM_UP_CYCLES = 20
CYCLES = 100
# 80 cycles took 0.4 MB, ever less of it, and some more where the machine is busy. The engine's
# ballast or a frame left behind in each would take 100 MB, 52 kB of anything else 4 MB.
RESIDENT_TOLERANCE_MB = 4.0


@pytest.fixture
def managed(start):
    """A node that waits for its manager, with the manager's means."""
    camera, consumer = start("camera"), start("consumer")
    return camera, consumer, start("node", "-p", "autostart:=false")


def bring_up(camera, consumer):
    """From unconfigured to segmenting."""
    assert consumer.controls.transition("configure")
    assert consumer.controls.transition("activate")
    consumer.wait_for_publishers()
    segment_one(camera, consumer)


def segment_one(camera, consumer):
    """A frame from end to end."""

    def publish(stamp_ns):
        camera.depth(stamp_ns, DEPTH_MM)
        camera.color(stamp_ns, COLOR)

    consumer.first_output(publish)


def bring_down(camera, consumer):
    assert consumer.controls.transition("deactivate")
    camera.wait_for_subscribers(0)
    assert consumer.controls.transition("cleanup")
    consumer.wait_for_publishers(0)


def test_by_default_it_is_active_without_a_manager(start):
    camera, consumer = start("camera"), start("consumer")
    start("node")
    consumer.wait_for_publishers()

    segment_one(camera, consumer)
    assert consumer.controls.state() == "active"


def test_without_autostart_it_waits_and_has_nothing_loaded(managed):
    camera, consumer, node = managed

    assert consumer.controls.state() == "unconfigured"
    camera.wait_for_subscribers(0)
    consumer.wait_for_publishers(0)
    assert "loading" not in node.lines


def test_a_configured_node_has_its_outputs_and_does_not_listen(managed):
    camera, consumer, node = managed

    assert consumer.controls.transition("configure")

    assert consumer.controls.state() == "inactive"
    node.wait_for_line("loading")
    consumer.wait_for_publishers()
    camera.wait_for_subscribers(0)


def test_deactivated_it_frees_nothing_and_segments_at_once_when_active_again(managed):
    camera, consumer, node = managed
    bring_up(camera, consumer)

    assert consumer.controls.transition("deactivate")
    assert consumer.controls.state() == "inactive"
    camera.wait_for_subscribers(0)
    consumer.wait_for_publishers()
    before = consumer.account_when(lambda a: a["segmented"] > 0, "the last report")
    assert consumer.controls.transition("activate")
    segment_one(camera, consumer)

    assert node.lines.count("loading") == 1
    assert "engine closed" not in node.lines
    # The counters go on.
    consumer.account_when(lambda a: a["segmented"] > before["segmented"], "a report")


def test_cleaned_up_it_has_freed_the_engine_and_removed_every_topic(managed):
    camera, consumer, node = managed
    bring_up(camera, consumer)

    bring_down(camera, consumer)

    assert consumer.controls.state() == "unconfigured"
    node.wait_for_line("engine closed")


@pytest.mark.parametrize("state", ["unconfigured", "inactive", "active"])
def test_shutdown_is_clean_from_every_state(managed, state):
    camera, consumer, node = managed
    if state != "unconfigured":
        assert consumer.controls.transition("configure")
    if state == "active":
        assert consumer.controls.transition("activate")
        camera.wait_for_subscribers()

    assert consumer.controls.transition(f"{state}_shutdown")

    assert consumer.controls.state() == "finalized"
    camera.wait_for_subscribers(0)
    consumer.wait_for_publishers(0)
    node.process.send_signal(signal.SIGINT)
    assert node.wait_for_end() == 0
    assert node.lines[-1] == "threads: ['MainThread']"
    assert node.lines.count("engine closed") == node.lines.count("loading")
    assert not any("Traceback" in line for line in node.lines)


@pytest.mark.parametrize(
    ("name", "wrong", "right", "sentence"),
    [
        ("weights", "missing", "nano", "missing is no file: give the path of a weights file"),
        ("label_space", "moon", "nav", "label space 'moon' is no file and no bundled name"),
    ],
)
def test_what_cannot_be_configured_stays_unconfigured_until_corrected(
    managed, name, wrong, right, sentence
):
    camera, consumer, node = managed
    assert consumer.controls.set({name: wrong}) == []

    assert not consumer.controls.transition("configure")

    assert consumer.controls.state() == "unconfigured"
    node.wait_for_line(sentence)
    consumer.wait_for_publishers(0)
    assert consumer.controls.set({name: right}) == []
    bring_up(camera, consumer)


def test_a_hundred_cycles_leak_neither_memory_nor_threads_nor_files(managed):
    camera, consumer, node = managed
    held = []

    for _ in range(CYCLES):
        bring_up(camera, consumer)
        bring_down(camera, consumer)
        held.append(held_by(node.process.pid))

    warm, last = held[WARM_UP_CYCLES], held[-1]
    assert last.threads == warm.threads
    assert last.handles == warm.handles
    assert last.resident_mb - warm.resident_mb < RESIDENT_TOLERANCE_MB, held
    node.process.send_signal(signal.SIGINT)
    assert node.wait_for_end() == 0
    assert node.lines.count("engine closed") == node.lines.count("loading") == CYCLES
