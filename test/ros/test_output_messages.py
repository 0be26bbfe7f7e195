"""What the outputs hold, as it arrives over real DDS."""

from __future__ import annotations

import copy
from contextlib import closing
from dataclasses import replace

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation or its wheels")
pytest.importorskip("asymformer_ros.msg", reason="needs the messages: colcon builds them")

from rclpy.serialization import serialize_message
from robot import (
    CX,
    CY,
    FLOOR,
    FRAME,
    FX,
    FY,
    HEADER,
    HEIGHT,
    INFO,
    KINDS,
    LABELLING,
    OPTIONS,
    PALETTE,
    PERSON,
    SEGMENTATION,
    WIDTH,
    Robot,
    pixels,
)
from sensor_msgs.msg import CameraInfo, Image, RegionOfInterest

from asymformer_ros.perception.frames import UNLABELLED, RgbdFrame, Segmentation
from asymformer_ros.perception.refine import mask_table

IMAGES = [topic for topic, kind in KINDS.items() if kind is Image]


@pytest.fixture
def robot():
    with closing(Robot()) as robot:
        yield robot.start()


def points(message):
    """The fields of a cloud, read by their names, offsets and types alone."""
    types = {7: "f4", 6: "u4"}
    dtype = np.dtype(
        {
            "names": [field.name for field in message.fields],
            "formats": [types[field.datatype] for field in message.fields],
            "offsets": [field.offset for field in message.fields],
            "itemsize": message.point_step,
        }
    ).newbyteorder(">" if message.is_bigendian else "<")
    return np.frombuffer(message.data, dtype).reshape(message.height, message.width)


class TestEveryOutput:
    @pytest.mark.parametrize("stride", [1, 3])
    def test_carries_the_header_of_the_colour_image_byte_for_byte(self, robot, stride):
        heard = robot.listen_to_all() | {"semantic": robot.listen("semantic", Image)}

        robot.publish(options=replace(OPTIONS, stride=stride))

        for messages in heard.values():
            header = robot.only(messages).header
            assert serialize_message(header) == serialize_message(HEADER)

    def test_has_the_size_of_the_strided_labels(self, robot):
        sized = [topic for topic in KINDS if hasattr(KINDS[topic], "height")]
        heard = {topic: robot.listen(topic, KINDS[topic]) for topic in sized}

        robot.publish(options=replace(OPTIONS, stride=2))

        sizes = {topic: (m.height, m.width) for topic, (m,) in self.all_of(robot, heard)}
        assert sizes == dict.fromkeys(sized, (3, 4))

    @pytest.mark.parametrize("topic", IMAGES)
    def test_that_is_an_image_has_unpadded_rows(self, robot, topic):
        message = robot.first(topic)

        channels = {"mono8": 1, "rgb8": 3}[message.encoding]
        assert message.step == WIDTH * channels
        assert len(message.data) == HEIGHT * WIDTH * channels

    @staticmethod
    def all_of(robot, heard):
        for topic, messages in heard.items():
            robot.only(messages)
            yield topic, messages


class TestMask:
    def test_is_255_on_the_chosen_classes_and_0_elsewhere(self, robot):
        message = robot.first("semantic/mask")

        assert message.encoding == "mono8"
        expected = np.where(SEGMENTATION.labels == PERSON, 255, 0)
        assert pixels(message).tolist() == expected.tolist()

    def test_follows_the_options(self, robot):
        chosen = mask_table(LABELLING, ["floor", "lamp"])

        message = robot.first("semantic/mask", options=replace(OPTIONS, mask_classes=chosen))

        expected = np.where(SEGMENTATION.labels == FLOOR, 255, 0)
        assert pixels(message).tolist() == expected.tolist()


class TestCameraInfo:
    def test_is_the_drivers_with_another_header(self, robot):
        before = serialize_message(INFO)

        message = robot.first("semantic/camera_info")

        message.header = INFO.header
        assert serialize_message(message) == before == serialize_message(INFO)

    def test_describes_the_strided_image(self, robot):
        stride, info = 2, copy.copy(INFO)
        info.roi = RegionOfInterest(x_offset=2, y_offset=4, width=5, height=1)

        message = robot.first(
            "semantic/camera_info", info=info, options=replace(OPTIONS, stride=stride)
        )

        # Where a point of the world lands among the pixels that are left.
        assert project(message.k.reshape(3, 3), [0.4, 0.2, 2.0]) == pytest.approx(
            project(INFO.k.reshape(3, 3), [0.4, 0.2, 2.0]) / stride
        )
        assert project(message.p.reshape(3, 4), [0.4, 0.2, 2.0, 1.0]) == pytest.approx(
            project(INFO.p.reshape(3, 4), [0.4, 0.2, 2.0, 1.0]) / stride
        )
        assert message.d == INFO.d
        assert message.roi == RegionOfInterest(x_offset=1, y_offset=2, width=3, height=1)


def project(matrix, point):
    image = matrix @ point
    return image[:2] / image[2]


class TestPoints:
    def test_are_organised_and_unpadded(self, robot):
        message = robot.first("semantic/points")

        assert (message.height, message.width) == (HEIGHT, WIDTH)
        assert message.row_step == message.width * message.point_step
        assert len(message.data) == message.height * message.row_step
        assert message.is_bigendian is False
        names = ["x", "y", "z", "rgb", "label", "confidence"]
        assert [field.name for field in message.fields] == names
        assert {field.count for field in message.fields} == {1}

    def test_lie_where_their_pixel_looks_as_far_as_its_depth(self, robot):
        cloud = points(robot.first("semantic/points"))

        v, u = np.indices((HEIGHT, WIDTH))
        z = FRAME.depth_m
        np.testing.assert_allclose(cloud["x"], (u - CX) / FX * z, rtol=1e-6)
        np.testing.assert_allclose(cloud["y"], (v - CY) / FY * z, rtol=1e-6)
        np.testing.assert_array_equal(cloud["z"], z)

    def test_carry_label_confidence_and_colour_of_their_pixel(self, robot):
        cloud = points(robot.first("semantic/points"))

        np.testing.assert_array_equal(cloud["label"], SEGMENTATION.labels)
        np.testing.assert_allclose(cloud["confidence"], SEGMENTATION.confidence / 255.0, rtol=1e-6)
        packed = np.ascontiguousarray(cloud["rgb"]).view(np.uint32)
        rgb = np.stack([packed >> 16 & 255, packed >> 8 & 255, packed & 255], axis=-1)
        np.testing.assert_array_equal(rgb, FRAME.rgb)

    def test_stay_aligned_with_the_strided_mask_and_confidence(self, robot):
        topics = ("semantic/points", "semantic/mask", "semantic/confidence")
        heard = {topic: robot.listen(topic, KINDS[topic]) for topic in topics}

        robot.publish(options=replace(OPTIONS, stride=2))

        cloud = points(robot.only(heard["semantic/points"]))
        mask = pixels(robot.only(heard["semantic/mask"]))
        confidence = pixels(robot.only(heard["semantic/confidence"]))
        np.testing.assert_array_equal(cloud["label"] == PERSON, mask == 255)
        np.testing.assert_allclose(cloud["confidence"], confidence / 255.0, rtol=1e-6)
        np.testing.assert_array_equal(cloud["z"], FRAME.depth_m[::2, ::2])

    @pytest.mark.parametrize("hole", [True, False])
    def test_are_dense_where_every_pixel_has_a_depth(self, robot, hole):
        depth_m = np.full((HEIGHT, WIDTH), 2, dtype=np.float32)
        if hole:
            depth_m[3, 4] = np.nan

        message = robot.first("semantic/points", frame=RgbdFrame(FRAME.rgb, depth_m))

        assert message.is_dense is not hole
        assert np.isnan(points(message)["x"]).sum() == int(hole)


class TestPictures:
    def test_the_colours_are_those_of_the_classes(self, robot):
        message = robot.first("semantic/color")

        assert message.encoding == "rgb8"
        assert pixels(message, (3,)).tolist() == PALETTE[SEGMENTATION.labels].tolist()

    def test_the_overlay_mixes_by_alpha_and_shows_the_camera_where_unlabelled(self, robot):
        options = replace(OPTIONS, overlay_alpha=0.25)

        overlay = pixels(robot.first("semantic/overlay", options=options), (3,))

        mixed = 0.25 * PALETTE[SEGMENTATION.labels] + 0.75 * FRAME.rgb
        assert np.abs(overlay - mixed)[SEGMENTATION.labels != UNLABELLED].max() <= 0.5
        assert overlay[0, 0].tolist() == FRAME.rgb[0, 0].tolist()

    def test_the_compressed_overlay_is_a_jpeg_as_image_transport_writes_it(self, robot):
        smooth = np.full((48, 64, 3), [200, 100, 50], dtype=np.uint8)
        labels = np.full((48, 64), PERSON, dtype=np.uint8)
        frame = RgbdFrame(smooth, np.ones((48, 64), np.float32))

        message = robot.first(
            "semantic/overlay/compressed", frame=frame, labelled=Segmentation(labels, labels)
        )

        assert message.format == "rgb8; jpeg compressed bgr8"
        bgr = cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_COLOR)
        assert bgr.shape == (48, 64, 3)
        assert np.abs(bgr[..., ::-1].astype(int) - [120, 75, 55]).max() <= 3


class TestScene:
    def test_lists_what_is_in_view(self, robot):
        message = robot.first("semantic/scene")

        floor, person = message.classes
        assert (floor.class_id, floor.name) == (FLOOR, "floor")
        assert (person.class_id, person.name) == (PERSON, "person")
        assert person.pixel_share == pytest.approx(9 / 35)
        depths = FRAME.depth_m[SEGMENTATION.labels == PERSON]
        assert person.median_m == pytest.approx(np.nanmedian(depths))
        assert np.nanmin(depths) <= person.nearest_m <= person.median_m
        confidence = SEGMENTATION.confidence[SEGMENTATION.labels == PERSON]
        assert person.confidence == pytest.approx(confidence.mean() / 255)
        assert np.nanmin(depths) < person.centroid.z < np.nanmax(depths)

    @pytest.mark.parametrize("info", [None, CameraInfo(width=WIDTH, height=HEIGHT)])
    def test_has_no_positions_without_a_calibrated_camera(self, robot, info):
        message = robot.first("semantic/scene", info=info)

        assert [seen.name for seen in message.classes] == ["floor", "person"]
        assert all(np.isnan(seen.centroid.x) for seen in message.classes)
        assert not any(np.isnan(seen.median_m) for seen in message.classes)
