"""One pair on the worker: the order of the stages, the causes, and what is logged."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")

from sensor_msgs.msg import CameraInfo, Image

from asymformer_ros.engines.engine import EngineError
from asymformer_ros.perception.frame_drops import FrameDropped
from asymformer_ros.perception.frames import Segmentation
from asymformer_ros.perception.labels import load_label_space
from asymformer_ros.perception.synchronizer import Pair
from asymformer_ros.ros.frame_processor import FrameProcessor
from asymformer_ros.ros.live_settings import LiveParameters
from asymformer_ros.ros.publishers import OutputError

STAMP_NS = 1_000_000_000


class Recorder:
    """Stands for segmenter, publishers, clock and logger; fails where it is told to."""

    def __init__(self):
        self.calls = []
        self.errors = {}

    def segment(self, frame):
        self._note("segment", frame)
        return Segmentation(frame.rgb[..., 0], frame.rgb[..., 1])

    def publish_labels(self, header, segmentation):
        self._note("publish_labels", (header, segmentation))

    def publish_others(self, outputs):
        self._note("publish_others", outputs)

    def now(self):
        return SimpleNamespace(nanoseconds=STAMP_NS + 25_000_000)

    def error(self, sentence):
        self._note("log", sentence)

    def _note(self, name, value):
        self.calls.append((name, value))
        if name in self.errors:
            raise self.errors[name]

    def values(self, name):
        return [value for called, value in self.calls if called == name]


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def live():
    values = {
        "enabled": True,
        "max_rate": 0.0,
        "label_space": "",
        "mask_classes": [],
        "min_confidence": 0.0,
        "drop_without_depth": False,
        "output_stride": 1,
        "overlay_alpha": 0.3,
    }
    return LiveParameters(load_label_space("nyu40"), values, lambda settings: None)


@pytest.fixture
def processor(recorder, live):
    return FrameProcessor(recorder, recorder, live, None, recorder, recorder)


def pair(**depth_fields):
    color = Image(height=2, width=3, step=9, encoding="rgb8", data=bytes(range(18)))
    color.header.frame_id = "camera"
    fields = {"height": 2, "width": 3, "step": 6, "encoding": "16UC1", "data": bytes(12)}
    return Pair(STAMP_NS, color, STAMP_NS, Image(**(fields | depth_fields)))


def test_a_pair_is_decoded_segmented_and_published(recorder, processor, live):
    processor.color_info = CameraInfo(width=3)
    good = pair()

    processor.process(good, waited_s=0.0)

    assert [name for name, _ in recorder.calls] == ["segment", "publish_labels", "publish_others"]
    (frame,) = recorder.values("segment")
    assert (frame.stamp_ns, frame.frame_id) == (STAMP_NS, "camera")
    assert frame.rgb.tobytes() == bytes(range(18))
    assert np.isnan(frame.depth_m).all()
    ((header, segmentation),) = recorder.values("publish_labels")
    assert header is good.color.header
    assert segmentation.labels.tobytes() == bytes(range(0, 18, 3))
    (outputs,) = recorder.values("publish_others")
    assert outputs.camera_info is processor.color_info
    assert outputs.options is live.current.options
    assert outputs.segmentation is segmentation


def test_options_count_from_the_next_frame_on(recorder, processor, live):
    live.take({"output_stride": 2})

    processor.process(pair(), waited_s=0.0)

    ((_, segmentation),) = recorder.values("publish_labels")
    assert segmentation.labels.tolist() == [[0, 6]]


def test_the_last_frame_is_kept_with_all_that_made_its_outputs(recorder, processor, live):
    assert processor.last is None
    processor.process(pair(), waited_s=0.0)

    assert processor.last.outputs is recorder.values("publish_others")[0]
    assert processor.last.outputs.frame is recorder.values("segment")[0]
    assert processor.last.network.labels.shape == (2, 3)


def test_the_latency_counts_from_the_colour_stamp(processor):
    processor.process(pair(), waited_s=0.004)

    percentiles = processor.times.timing(now_s=0.0).percentiles
    assert percentiles["latency_ms"] == (25.0, 25.0, 25.0)
    assert percentiles["waiting_ms"] == (4.0, 4.0, 4.0)


@pytest.mark.parametrize(
    ("depth_fields", "errors", "cause", "sentence"),
    [
        ({"width": 1, "step": 2}, {}, "size_mismatch", "colour is 3x2 but depth is 1x2"),
        ({"encoding": "8UC1"}, {}, "bad_depth", "encoding '8UC1' holds no distances"),
        ({}, {"segment": EngineError("out of memory")}, "engine_error", "^out of memory$"),
        ({}, {"segment": KeyError("x")}, "engine_error", "^KeyError: 'x'$"),
        ({}, {"publish_labels": OSError("gone")}, "publish_error", "^OSError: gone$"),
    ],
)
def test_a_frame_is_dropped_under_the_stage_that_failed(
    recorder, processor, depth_fields, errors, cause, sentence
):
    recorder.errors = errors

    with pytest.raises(FrameDropped, match=sentence) as dropped:
        processor.process(pair(**depth_fields), waited_s=0.0)

    assert dropped.value.cause == cause
    assert recorder.values("publish_others") == []


def test_when_another_output_fails_the_labels_still_count(recorder, processor):
    recorder.errors = {"publish_others": OutputError(["semantic"], {"semantic/points": "no K"})}

    processor.process(pair(), waited_s=0.0)

    assert recorder.values("log") == ["only semantic published, not semantic/points: no K"]


def test_each_cause_is_logged_once_in_a_few_seconds(recorder, processor):
    for cause in ("bad_color", "bad_color", "bad_depth", "bad_color"):
        processor.report_drop(FrameDropped(cause, "unreadable"))

    assert recorder.values("log") == [
        "frame dropped (bad_color): unreadable",
        "frame dropped (bad_depth): unreadable",
    ]
