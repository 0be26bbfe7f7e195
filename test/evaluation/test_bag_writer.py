"""Writing bags, and reading them again."""

import sys

import numpy as np
import pytest
import yaml

from asymformer_ros.evaluation.recordings import (
    CompressedMessage,
    RawMessage,
    RecordedCameraInfo,
    RecordedImage,
    RecordingError,
    open_recording,
)

pytest.importorskip("rosbags.rosbag2", reason="needs rosbags")

from asymformer_ros.evaluation.bag_writer import BagWriter
from asymformer_ros.evaluation.recorded_simulation import simulated_images
from asymformer_ros.simulation import SimulatedFrame

STAMP = 1_700_000_000_123_456_789
RAW = RawMessage("rgb8", 1, 2, 6, False, np.arange(6, dtype=np.uint8))
COMPRESSED = CompressedMessage("16UC1; compressedDepth rvl", np.arange(20, dtype=np.uint8))
INFO = RecordedCameraInfo(
    "eye", 1, 2, "plumb_bob", (0.1,) * 5, tuple(map(float, range(1, 10))), (1.0,) * 9, (2.0,) * 12
)


@pytest.fixture
def written(tmp_path):
    with BagWriter(tmp_path / "bag") as bag:
        bag.camera_info("/color/camera_info", STAMP, STAMP, INFO)
        bag.image("/depth", RecordedImage("depth", STAMP + 1, STAMP, "eye", COMPRESSED))
        bag.image("/color", RecordedImage("color", STAMP + 2, STAMP, "eye", RAW))
    return tmp_path / "bag"


def test_what_was_written_is_read(written):
    recording = open_recording(written)

    depth, color = recording.images()
    assert (depth.time_ns, depth.stamp_ns, depth.frame_id) == (STAMP + 1, STAMP, "eye")
    assert depth.message.format == COMPRESSED.format
    assert np.array_equal(depth.message.data, COMPRESSED.data)
    assert str(color.message) == "2x1 rgb8"
    assert np.array_equal(color.message.data, RAW.data)
    assert recording.camera_info == INFO
    assert recording.losses.sentences == ()


def test_its_publishers_suit_subscribers_of_either_reliability(written):
    metadata = yaml.safe_load((written / "metadata.yaml").read_text())
    topics = metadata["rosbag2_bagfile_information"]["topics_with_message_count"]

    assert len(topics) == 3
    for topic in topics:
        (profile,) = yaml.safe_load(topic["topic_metadata"]["offered_qos_profiles"])
        # rmw: 1 is reliable, 2 is volatile.
        assert (profile["reliability"], profile["durability"]) == (1, 2)


def test_nothing_is_written_over(written):
    with pytest.raises(RecordingError, match="exists already: remove it or give another path"):
        BagWriter(written)


def test_without_rosbags_it_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rosbags.rosbag2", None)

    with pytest.raises(RecordingError, match="pip install 'rosbags"):
        BagWriter(tmp_path / "bag")


def test_depth_that_millimetres_cannot_hold_is_the_farthest_or_none():
    depth_m = np.array([[0.0004, 0.0006, 1.2345, 70.0, np.nan]], np.float32)
    frame = SimulatedFrame(
        np.zeros((1, 5, 3), np.uint8), depth_m, np.zeros((1, 5), np.uint8), np.eye(4)
    )

    images = {image.stream: image.message for image in simulated_images(frame, 0, False)}
    assert images["depth"].data.view(np.uint16).tolist() == [0, 1, 1234, 65535, 0]
