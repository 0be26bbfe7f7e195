"""The service that saves a frame: what the folder holds, and that it is whole or not there."""

from __future__ import annotations

import resource
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from posed_scene import (
    CAMERA,
    COLOR,
    DEPTH_MM,
    HEIGHT,
    IMAGES,
    LABELS,
    WIDTH,
    calibrate,
    image_outputs,
    pixels,
    publish_scene,
)

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")


import asymformer_ros
from asymformer_ros.evaluation.recorded_folder import open_folder
from asymformer_ros.ros.images import stamp_ns
from asymformer_ros.ros.saved_frame import save_folder

OUTPUTS = image_outputs()
DEFAULTS = {
    "label_space": "",
    "min_confidence": 0.0,
    "drop_without_depth": False,
    "output_stride": 1,
    "overlay_alpha": 0.5,
}
CHANGED = {
    "label_space": "nav",
    "min_confidence": 0.123456789,
    "drop_without_depth": True,
    "output_stride": 3,
    "overlay_alpha": 0.7,
}


def saved(controls):
    """Save the last frame, which must go well; its folder."""
    answer = controls.save_frame()
    assert answer.success, answer.message
    return Path(answer.message)


def picture(path):
    """A PNG as the topics have it: grey, or in R, G, B order."""
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert image is not None, path
    return image[..., ::-1] if image.ndim == 3 else image


@pytest.fixture
def calibrated(rig, tmp_path):
    """The rig, its camera info received, saving to tmp_path/frames."""
    calibrate(rig)
    folder = {"save_dir": str(tmp_path / "frames")}
    assert rig.consumer.controls.set_atomically(DEFAULTS | folder) == []
    return rig


@pytest.mark.parametrize("values", [DEFAULTS, CHANGED], ids=["defaults", "changed"])
def test_the_folder_holds_what_came_in_and_what_was_published(calibrated, tmp_path, values):
    consumer, stamp = calibrated.consumer, calibrated.later()
    assert consumer.controls.set_atomically(values) == []
    color = publish_scene(calibrated.camera, stamp)
    published = {topic: consumer.output_of(color, topic) for topic in ("semantic", *OUTPUTS)}

    folder = saved(consumer.controls)

    assert folder == tmp_path / "frames" / f"frame_{stamp}"
    assert (picture(folder / f"color/{stamp}.png") == COLOR).all()
    assert (picture(folder / f"depth/{stamp}.png") == DEPTH_MM).all()
    assert (picture(folder / "network_labels.png") == LABELS).all()
    for topic in ("semantic", *IMAGES):
        name = topic.removeprefix("semantic/")
        assert (picture(folder / f"{name}.png") == pixels(published[topic])).all(), topic
    points = np.load(folder / "points.npy")
    assert points.tobytes() == bytes(published["semantic/points"].data)
    assert points.dtype.names == tuple(f.name for f in published["semantic/points"].fields)


def test_frame_yaml_says_what_made_the_frame(calibrated):
    consumer = calibrated.consumer
    assert consumer.controls.set_atomically(CHANGED) == []
    publish_scene(calibrated.camera, calibrated.later(), encoding="none")
    assert calibrated.settled_account()["dropped.bad_color"] == 1
    stamp = calibrated.later()
    consumer.output_of(publish_scene(calibrated.camera, stamp), "semantic/points")

    document = yaml.safe_load((saved(consumer.controls) / "frame.yaml").read_text())

    assert document["asymformer_ros"] == asymformer_ros.__version__
    assert (document["stamp_ns"], document["frame_id"]) == (stamp, "camera_color_optical_frame")
    assert document["camera_info"]["k"] == CAMERA["k"]
    assert document["label_space"]["name"] == "nav"
    assert document["label_space"]["classes"][0] == "floor"
    assert [entry["name"] for entry in document["scene"]] == ["floor", "object", "person"]
    assert (document["node"], document["engine"]) == ("/segmentation_node", "red_channel")
    assert document["parameters"] == consumer.controls.parameters()
    assert document["account"]["dropped_color"]["bad_color"] == 1
    assert document["account"]["segmented"] == calibrated.settled_account()["segmented"]


def test_a_saved_frame_can_be_played_again(calibrated):
    consumer = calibrated.consumer
    color = publish_scene(calibrated.camera, calibrated.later())
    labels = bytes(consumer.output_of(color).data)

    recording = open_folder(saved(consumer.controls), rate_hz=5.0)

    assert (dict(recording.counts), recording.warnings) == ({"color": 1, "depth": 1}, ())
    stamp = calibrated.later()
    for image in recording.images():
        publish = {"depth": calibrated.camera.depth, "color": calibrated.camera.color}
        message = image.message
        array = message.data.view(np.uint16) if image.stream == "depth" else message.data
        array = array.reshape(message.height, message.width, -1)
        color = publish[image.stream](stamp, array, message.encoding)
    assert bytes(consumer.output_of(color).data) == labels


def test_frames_of_the_same_stamp_are_saved_beside_each_other(calibrated):
    """Bags loop, and without a clock all stamps are zero."""
    consumer, stamp = calibrated.consumer, calibrated.later()
    folders = []
    for value in (3, 4):
        consumer.messages["semantic"].clear()
        calibrated.camera.depth(stamp)
        array = np.full((HEIGHT, WIDTH, 3), value, np.uint8)
        consumer.output_of(calibrated.camera.color(stamp, array))
        folders += [saved(consumer.controls), saved(consumer.controls)]
        # Back in time, so that the synchronizer takes the stamp again.
        consumer.output_of(calibrated.camera.pair(stamp - 10**9))

    assert len(set(folders)) == 4
    assert [int(picture(f / "semantic.png")[0, 0]) for f in folders] == [3, 3, 4, 4]


def test_others_may_read_it(calibrated):
    calibrated.consumer.output_of(publish_scene(calibrated.camera, calibrated.later()))

    folder = saved(calibrated.consumer.controls)

    assert folder.stat().st_mode & 0o777 == 0o755
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in folder.rglob("*"))


@pytest.mark.parametrize(
    "place",
    ["{}/file/frames", "~nobody_here/frames", "{}/" + 300 * "x"],
    ids=["below_a_file", "of_nobody", "too_long"],
)
def test_a_folder_that_cannot_be_made_is_no_success_and_the_node_goes_on(
    calibrated, tmp_path, place
):
    (tmp_path / "file").touch()
    consumer = calibrated.consumer
    consumer.output_of(publish_scene(calibrated.camera, calibrated.later()))
    assert consumer.controls.set({"save_dir": place.format(tmp_path)}) == []

    answer = consumer.controls.save_frame()

    assert not answer.success
    assert answer.message.startswith("the frame could not be saved, set save_dir: ")
    consumer.output_of(publish_scene(calibrated.camera, calibrated.later()))


def test_on_a_full_disk_nothing_is_left_behind_and_the_node_goes_on(calibrated, tmp_path):
    consumer, process = calibrated.consumer, calibrated.node.process
    color = publish_scene(calibrated.camera, calibrated.later())
    consumer.output_of(color, "semantic/points")
    _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)

    # The pictures are smaller, the cloud is larger.
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (50_000, hard))
    answer = consumer.controls.save_frame()
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (hard, hard))

    assert not answer.success
    assert list((tmp_path / "frames").iterdir()) == []
    assert saved(consumer.controls).name == f"frame_{stamp_ns(color)}"


@pytest.fixture
def managed(start, tmp_path):
    """A node that waits for its manager, and has heard of no camera info."""
    camera, consumer = start("camera"), start("consumer")
    start("node", "-p", "autostart:=false", "-p", f"save_dir:={tmp_path}")
    return camera, consumer


def test_without_a_frame_there_is_nothing_to_save(managed, tmp_path):
    camera, consumer = managed
    controls = consumer.controls
    for transition in ("configure", "activate", "deactivate"):
        answer = controls.save_frame()
        assert not answer.success
        assert answer.message.startswith("no frame has been segmented")
        assert controls.transition(transition)

    assert controls.transition("activate")
    consumer.first_output(partial(publish_scene, camera))
    assert controls.transition("deactivate")
    folder = saved(controls)  # what was segmented before stays
    assert controls.transition("cleanup")
    assert not controls.save_frame().success
    assert list(tmp_path.iterdir()) == [folder]


def test_after_another_configuration_the_frame_is_of_that_one(managed):
    camera, consumer = managed
    for label_space in ("nyu40", "nav"):
        assert consumer.controls.set({"label_space": label_space}) == []
        assert consumer.controls.transition("configure")
        assert consumer.controls.transition("activate")
        consumer.first_output(partial(publish_scene, camera))

        folder = saved(consumer.controls)

        assert yaml.safe_load((folder / "frame.yaml").read_text())["label_space"]["name"] == (
            label_space
        )
        assert consumer.controls.transition("deactivate")
        assert consumer.controls.transition("cleanup")


def test_without_a_camera_info_the_cloud_is_left_out(managed):
    camera, consumer = managed
    assert consumer.controls.transition("configure")
    assert consumer.controls.transition("activate")
    consumer.first_output(partial(publish_scene, camera))

    folder = saved(consumer.controls)

    assert not (folder / "points.npy").exists()
    document = yaml.safe_load((folder / "frame.yaml").read_text())
    assert document["camera_info"] is None
    assert [entry["centroid"] for entry in document["scene"]] == [[None] * 3] * 3
    assert (picture(folder / "semantic.png") == LABELS).all()


def test_it_names_the_engine_in_use(start, tmp_path):
    camera, consumer = start("camera"), start("consumer")
    start("node", "-p", "weights:=with spare", "-p", f"save_dir:={tmp_path}")
    consumer.first_output(camera.pair)
    failing = np.full((HEIGHT, WIDTH, 3), 13, dtype=np.uint8)
    stamp = 10**13
    camera.depth(stamp)
    consumer.output_of(camera.color(stamp, failing))

    folder = saved(consumer.controls)

    assert yaml.safe_load((folder / "frame.yaml").read_text())["engine"] == "spare"


def test_by_default_frames_go_to_the_folder_of_ros(monkeypatch):
    monkeypatch.delenv("ROS_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/robot")
    assert save_folder("") == Path("/home/robot/.ros/asymformer_ros")
    assert save_folder("~/bugs") == Path("/home/robot/bugs")
    monkeypatch.setenv("ROS_HOME", "/var/ros")
    assert save_folder("") == Path("/var/ros/asymformer_ros")
