"""The node over DDS, each side a process of its own: what comes out."""

from __future__ import annotations

import random

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

from diagnostic_msgs.msg import DiagnosticStatus
from faults import adds_up
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.serialization import serialize_message

MS = 1_000_000
PERIOD_NS = 33_333_333
HEIGHT, WIDTH = 48, 64
FAILING = np.full((HEIGHT, WIDTH, 3), 13, dtype=np.uint8)


def gradient():
    values = np.arange(HEIGHT * WIDTH * 3, dtype=np.uint32) % 251
    return values.astype(np.uint8).reshape(HEIGHT, WIDTH, 3)


def test_labels_are_mono8_and_carry_the_colour_header_byte_for_byte(rig):
    stamp = rig.later() + 123
    rig.camera.depth(stamp)
    color = rig.camera.color(stamp, gradient())

    labels = rig.consumer.output_of(color)

    assert (labels.height, labels.width, labels.step) == (HEIGHT, WIDTH, WIDTH)
    assert labels.encoding == "mono8"
    assert bytes(labels.data) == gradient()[..., 0].tobytes()
    assert serialize_message(labels.header) == serialize_message(color.header)


@pytest.mark.parametrize(
    ("color_fields", "depth_array", "depth_encoding", "depth_fields"),
    [
        (
            {"encoding": "bgr8", "padding": 5, "is_bigendian": 1},
            np.full((HEIGHT, WIDTH), 1.5, dtype=np.float32),
            "32FC1",
            {"padding": 3},
        ),
        (
            {"encoding": "rgb8", "padding": 64},
            np.full((HEIGHT, WIDTH), 1500, dtype=">u2"),
            "mono16",
            {"is_bigendian": 1, "padding": 2},
        ),
    ],
    ids=["bgr8_32FC1", "rgb8_mono16"],
)
def test_padded_rows_and_other_encodings_give_the_same_labels(
    rig, color_fields, depth_array, depth_encoding, depth_fields
):
    order = -1 if color_fields["encoding"] == "bgr8" else 1
    stored = np.ascontiguousarray(gradient()[..., ::order])
    stamp = rig.later()
    rig.camera.depth(stamp, depth_array, depth_encoding, **depth_fields)
    color = rig.camera.color(stamp, stored, **color_fields)

    assert bytes(rig.consumer.output_of(color).data) == gradient()[..., 0].tobytes()


def test_the_other_outputs_come_to_subscribers_with_the_same_header(rig):
    stamp = rig.later()
    rig.camera.info(width=WIDTH, height=HEIGHT, distortion_model="plumb_bob")
    # That the camera info has arrived shows in the outputs alone.
    while not rig.consumer.messages["semantic/camera_info"]:
        rig.consumer.output_of(rig.camera.pair(stamp))
        stamp += PERIOD_NS
    rig.camera.depth(stamp)
    color = rig.camera.color(stamp, gradient())

    confidence, colors, overlay, info = (
        rig.consumer.output_of(color, f"semantic/{name}")
        for name in ("confidence", "color", "overlay", "camera_info")
    )

    assert [m.encoding for m in (confidence, colors, overlay)] == ["mono8", "rgb8", "rgb8"]
    assert bytes(confidence.data) == gradient()[..., 1].tobytes()
    assert (info.width, info.height, info.distortion_model) == (WIDTH, HEIGHT, "plumb_bob")
    for output in (confidence, colors, overlay, info):
        assert serialize_message(output.header) == serialize_message(color.header)


def play_apart(rig, start):
    for k in range(60):
        rig.camera.pair(start + k * PERIOD_NS, offset_ns=20 * MS)


def play_jitter(rig, start):
    jitter = random.Random(1)
    for k in range(60):
        rig.camera.depth(start + k * PERIOD_NS + jitter.randrange(8 * MS))
        rig.camera.color(start + k * PERIOD_NS + jitter.randrange(8 * MS))


def play_restart(rig, start):
    """A driver that dies after a second and comes back a second later."""
    rig.segment_last_of(start + k * PERIOD_NS for k in range(30))
    rig.restart_camera()
    for k in range(60, 90):
        rig.camera.pair(start + k * PERIOD_NS)


@pytest.mark.parametrize(
    ("play", "pairs"),
    [
        pytest.param(play_apart, 58, id="stamps_20_ms_apart"),
        pytest.param(play_jitter, 58, id="jitter"),
        pytest.param(play_restart, 60, id="restart"),
    ],
)
def test_pairing_goes_on_and_every_image_is_accounted_for(rig, play, pairs):
    before = rig.settled_account()
    start = rig.later()

    play(rig, start)
    rig.consumer.output_of(rig.camera.pair(start + 500 * 10**9))

    after = rig.settled_account()
    assert after["paired"] - before["paired"] >= pairs
    assert after["received_depth"] >= after["paired"] > before["paired"]
    assert adds_up(after)


def test_an_error_that_repeats_is_logged_once_in_a_few_seconds(rig):
    camera, stamp = rig.camera, rig.later()
    for _ in range(20):
        stamp += PERIOD_NS
        camera.depth(stamp)
        camera.color(stamp, FAILING)
    rig.settled_account()
    rig.consumer.output_of(camera.pair(stamp + PERIOD_NS))

    (line,) = [line for line in rig.node.lines if "engine_error" in line]
    assert line.endswith("the engine fails on purpose")


def test_diagnostics_warn_and_name_the_streams_that_are_silent(own_rig):
    own_rig.consumer.wait_for(
        lambda: own_rig.consumer.status().level == DiagnosticStatus.WARN, "a warning"
    )

    sentence = own_rig.consumer.status().message
    assert "colour: nothing arrives on /color/image_raw from /camera" in sentence
    assert "depth: nothing arrives on /depth/image_raw from /camera" in sentence
    own_rig.node.wait_for_line("nothing paired for 3 s")


def test_a_lifecycle_manager_drives_it_through_its_states_again_and_again(start):
    camera, consumer = start("camera"), start("consumer")
    node = start("node", "-p", "autostart:=false")
    change = consumer.client(ChangeState, "segmentation_node/change_state")
    state = consumer.client(GetState, "segmentation_node/get_state")

    def transition(number):
        return change(ChangeState.Request(transition=Transition(id=number))).success

    for cycle in range(2):
        consumer.messages.clear()
        assert transition(Transition.TRANSITION_CONFIGURE)
        assert transition(Transition.TRANSITION_ACTIVATE)
        camera.wait_for_subscribers()
        consumer.wait_for_node()
        consumer.output_of(camera.pair(cycle * PERIOD_NS))
        assert transition(Transition.TRANSITION_DEACTIVATE)
        camera.wait_for_subscribers(0)
        assert transition(Transition.TRANSITION_CLEANUP)
        assert state(GetState.Request()).current_state.label == "unconfigured"

    assert node.lines.count("engine closed") == 2
    assert transition(Transition.TRANSITION_UNCONFIGURED_SHUTDOWN)
    assert state(GetState.Request()).current_state.label == "finalized"


def test_after_a_warning_the_log_tells_when_all_is_well(own_rig):
    rig, stamp = own_rig, own_rig.later()
    well = "all is well now: segmenting"

    def told(sentence):
        return [line for line in rig.node.lines if sentence in line]

    rig.node.wait_for_line("nothing paired for")
    assert not told(well)
    for number in range(200):
        rig.camera.pair(stamp + number * PERIOD_NS)
        if rig.consumer.sees(lambda: bool(told(well)), 0.05):
            break

    assert "[INFO]" in told(well)[0]
    assert len(told(well)) == 1
