"""Reading bags of ROS 1 and ROS 2 without ROS: which topics, and what comes of them."""

import sys

import numpy as np
import pytest
from bags import COMPRESSED_KINDS, KINDS, MS, Bag, encoded
from rvl_encoder import compressed_depth

from asymformer_ros.evaluation.recordings import RecordingError, open_recording
from asymformer_ros.perception.frames import FrameError
from asymformer_ros.perception.image_messages import decode_color, decode_depth, decode_labels

HEIGHT, WIDTH = 6, 8
JPEG_COLOR, DEPTH_PNG, DEPTH_RVL = (
    "rgb8; jpeg compressed bgr8",
    "16UC1; compressedDepth png",
    "16UC1; compressedDepth rvl",
)


def color(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


def depth(seed=0):
    return np.random.default_rng(seed).integers(500, 5000, (HEIGHT, WIDTH), np.uint16)


def labels(seed=0):
    return np.random.default_rng(seed).integers(0, 40, (HEIGHT, WIDTH), np.uint8)


def jpeg():
    return encoded(".jpg", color())


def pixels(image, dtype, *shape):
    message = image.message
    return message.data.view(dtype).reshape(message.height, message.width, *shape)


@pytest.fixture(params=KINDS)
def any_bag(request, tmp_path):
    return Bag(tmp_path, request.param)


@pytest.fixture
def bag(tmp_path):
    return Bag(tmp_path, "mcap")


class TestMessages:
    def test_every_format_gives_them_in_the_order_of_recording(self, any_bag):
        with any_bag as bag:
            bag.image("/cam/depth", 10 * MS, depth(1), "16UC1", stamp_ns=7 * MS, frame_id="d")
            bag.image("/cam/color", 12 * MS, color(2), "rgb8", stamp_ns=5 * MS, frame_id="c")
            bag.image("/cam/infra", 13 * MS, labels(), "mono8")
            bag.image("/cam/depth", 20 * MS, depth(3), "16UC1", stamp_ns=17 * MS, frame_id="d")

        recording = open_recording(bag.path)
        assert recording.sources == {"color": "/cam/color", "depth": "/cam/depth"}
        assert recording.counts == {"color": 1, "depth": 2}
        images = list(recording.images())
        assert [(i.stream, i.time_ns / MS, i.stamp_ns / MS, i.frame_id) for i in images] == [
            ("depth", 10, 7, "d"),
            ("color", 12, 5, "c"),
            ("depth", 20, 17, "d"),
        ]
        assert [str(i.message) for i in images[:2]] == ["8x6 16UC1", "8x6 rgb8"]
        assert np.array_equal(pixels(images[0], np.uint16), depth(1))
        assert np.array_equal(pixels(images[1], np.uint8, 3), color(2))
        assert recording.losses.sentences == ()

    @pytest.mark.parametrize("kind", COMPRESSED_KINDS)
    def test_bags_compressed_by_their_recorder_are_read(self, tmp_path, kind):
        with Bag(tmp_path, kind) as bag:
            for number in range(5):
                bag.image("/depth", 10 * number, depth(number), "16UC1")
                bag.image("/color", 10 * number + 1, color(number), "rgb8")

        recording = open_recording(bag.path)
        assert recording.counts == {"color": 5, "depth": 5}
        of_depth = list(recording.images("depth"))
        assert [i.time_ns for i in of_depth] == [0, 10, 20, 30, 40]
        assert all(np.array_equal(pixels(i, np.uint16), depth(n)) for n, i in enumerate(of_depth))
        assert recording.losses.sentences == ()

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("codec", ["png", "rvl"])
    def test_compressed_images_are_given_as_they_are(self, tmp_path, kind, codec):
        with Bag(tmp_path, kind) as bag:
            name = "/cam/depth/image_raw/compressedDepth"
            bag.compressed(
                name, 1, f"16UC1; compressedDepth {codec}", compressed_depth(depth(), codec)
            )
            bag.compressed("/cam/color/image_raw/compressed", 2, JPEG_COLOR, jpeg())

        of_depth, of_color = open_recording(bag.path).images()
        assert np.array_equal(decode_depth(of_depth.message), depth() / np.float32(1000))
        assert decode_color(of_color.message).shape == (HEIGHT, WIDTH, 3)

    def test_an_image_without_a_stamp_has_the_time_of_recording(self, bag):
        with bag:
            bag.image("/color", 3 * MS, color(), "rgb8", stamp_ns=0)
            bag.image("/depth", 4 * MS, depth(), "16UC1", stamp_ns=0)

        assert [i.stamp_ns / MS for i in open_recording(bag.path).images()] == [3, 4]

    def test_one_stream_alone_can_be_read(self, any_bag):
        with any_bag as bag:
            for time in range(3):
                bag.image("/color", time, color(), "rgb8")
                bag.image("/depth", time, depth(), "16UC1")

        assert {i.stream for i in open_recording(bag.path).images("depth")} == {"depth"}

    def test_passes_do_not_disturb_each_other(self, any_bag):
        with any_bag as bag:
            for time in range(4):
                bag.image("/color", 2 * time, color(), "rgb8")
                bag.image("/depth", 2 * time + 1, depth(), "16UC1")

        recording = open_recording(bag.path)
        pairs = list(zip(recording.images(), recording.images(), strict=True))
        assert [one.time_ns for one, _ in pairs] == list(range(8))
        assert all(one.time_ns == other.time_ns for one, other in pairs)

    def test_a_named_topic_of_an_unknown_encoding_opens_and_is_refused_when_decoded(self, bag):
        with bag:
            bag.image("/color", 1, color(), "yuv422_yuy2")
            bag.image("/depth", 1, depth(), "16UC1")

        (image,) = open_recording(bag.path, {"color": "/color"}).images("color")
        with pytest.raises(FrameError, match="encoding 'yuv422_yuy2' is not supported"):
            decode_color(image.message)


class TestChoiceOfTopics:
    @pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "rgba8", "bgra8"])
    def test_topics_are_found_by_their_encodings(self, bag, encoding):
        channels = 4 if "a" in encoding else 3
        with bag:
            bag.image("/b", 1, np.zeros((2, 2, channels), np.uint8), encoding)
            bag.image("/a", 1, np.zeros((2, 2), np.float32), "32FC1")
            bag.image("/c", 1, labels(), "mono8")

        assert open_recording(bag.path).sources == {"color": "/b", "depth": "/a"}

    @pytest.mark.parametrize(
        ("image_format", "data"),
        [
            (DEPTH_PNG, compressed_depth(depth(), "png")),
            (DEPTH_RVL, compressed_depth(depth(), "rvl")),
            ("32FC1; compressedDepth", compressed_depth(depth(), "png", 1.0)),
            ("16UC1; png compressed 16UC1", encoded(".png", depth())),
            ("png", encoded(".png", depth())),
        ],
    )
    def test_compressed_depth_is_found_by_what_it_holds(self, bag, image_format, data):
        with bag:
            bag.compressed("/b", 1, image_format, data)
            bag.compressed("/a", 1, "jpeg", jpeg())

        assert open_recording(bag.path).sources == {"color": "/a", "depth": "/b"}

    @pytest.mark.parametrize(
        ("image_format", "data"),
        [
            ("mono8; jpeg compressed mono8", encoded(".jpg", labels())),
            ("16UC1; jpeg compressed bgr8", jpeg()),
            ("jpeg", b"no image"),
            ("h264", b"\0\0\0\1"),
        ],
    )
    def test_infrared_jpeg_of_depth_and_video_are_not_taken_for_colour(
        self, bag, image_format, data
    ):
        with bag:
            bag.image("/color", 1, color(), "rgb8")
            bag.image("/depth", 1, depth(), "16UC1")
            bag.compressed("/other", 1, image_format, data)

        assert open_recording(bag.path).sources == {"color": "/color", "depth": "/depth"}

    def test_of_versions_of_one_stream_the_raw_one_is_taken(self, bag):
        with bag:
            bag.compressed("/c/image/compressed", 1, JPEG_COLOR, jpeg())
            bag.image("/c/image", 1, color(), "rgb8")
            bag.compressed(
                "/d/image/compressed", 1, "16UC1; png compressed", encoded(".png", depth())
            )
            bag.compressed(
                "/d/image/compressedDepth", 1, DEPTH_PNG, compressed_depth(depth(), "png")
            )

        sources = open_recording(bag.path).sources
        assert sources == {"color": "/c/image", "depth": "/d/image/compressedDepth"}

    def test_several_likely_topics_are_listed_and_one_can_be_named(self, bag):
        with bag:
            bag.image("/color", 1, color(), "rgb8")
            for number in range(3):
                bag.image("/raw", number, depth(), "16UC1")
                bag.image("/aligned", number, depth(), "mono16")

        with pytest.raises(RecordingError) as error:
            open_recording(bag.path)
        message = str(error.value)
        assert "several topics with depth images (16UC1, mono16, 32FC1 or compressedDep" in message
        assert "choose one with --depth-topic; likely /raw, /aligned" in message
        assert "/aligned: sensor_msgs/Image mono16, 3" in message
        assert open_recording(bag.path, {"depth": "/raw"}).sources["depth"] == "/raw"

    @pytest.mark.parametrize("wanted", ["color/image", "/color/image"])
    def test_the_first_slash_of_a_name_may_be_left_out(self, bag, wanted):
        with bag:
            bag.image("/color/image", 1, color(), "rgb8")
            bag.image("/depth", 1, depth(), "16UC1")

        assert open_recording(bag.path, {"color": wanted}).sources["color"] == "/color/image"

    def test_a_topic_that_is_not_there_is_told_with_those_that_are(self, any_bag):
        with any_bag as bag:
            bag.image("/camera/color/image_raw", 1, color(), "rgb8")
            bag.image("/camera/depth/image_raw", 1, depth(), "16UC1")
            bag.compressed("/front/color/compressed", 1, "jpeg", jpeg())
            bag.camera_info("/camera/color/camera_info", 1, 500.0)

        with pytest.raises(RecordingError) as error:
            open_recording(bag.path, {"color": "/camera/colour/image_raw"})
        message = str(error.value)
        assert "has no image on /camera/colour/image_raw: choose one with --color-topic" in message
        assert "likely /camera/color/image_raw, /camera/depth/image_raw, /front/color" in message
        assert "/camera/depth/image_raw: sensor_msgs/Image 16UC1, 1" in message
        assert "/front/color/compressed: sensor_msgs/CompressedImage 'jpeg', 1" in message
        assert "/camera/color/camera_info: sensor_msgs/CameraInfo, 1" in message

    def test_a_bag_without_depth_says_what_it_has(self, bag):
        with bag:
            bag.image("/color", 1, color(), "rgb8")

        with pytest.raises(RecordingError, match="no topic with depth images") as error:
            open_recording(bag.path)
        assert "/color: sensor_msgs/Image rgb8, 1" in str(error.value)

    @pytest.mark.parametrize(("stream", "option"), [("depth", "--depth-"), ("labels", "--label-")])
    def test_jpeg_is_refused_where_values_must_be_exact(self, bag, stream, option):
        with bag:
            bag.image("/color", 1, color(), "rgb8")
            bag.image("/depth", 1, depth(), "16UC1")
            bag.compressed("/depth/compressed", 1, "16UC1; jpeg compressed mono8", jpeg())

        with pytest.raises(RecordingError, match="JPEG images, which keep no exact") as error:
            open_recording(bag.path, {stream: "/depth/compressed"})
        assert option in str(error.value)

    def test_one_topic_cannot_be_two_streams(self, bag):
        with bag:
            bag.image("/color", 1, color(), "rgb8")

        with pytest.raises(RecordingError, match="/color cannot be two streams"):
            open_recording(bag.path, {"color": "/color", "depth": "/color"})


class TestLabels:
    @pytest.mark.parametrize("encoding", ["mono8", "8UC1"])
    def test_they_are_taken_from_a_named_topic_alone(self, bag, encoding):
        with bag:
            bag.image("/color", 1, color(), "rgb8")
            bag.image("/depth", 1, depth(), "16UC1")
            bag.image("/truth", 1, labels(), encoding)

        assert "labels" not in open_recording(bag.path).sources
        recording = open_recording(bag.path, {"labels": "/truth"})
        assert recording.counts["labels"] == 1
        assert {i.stream for i in recording.images()} == {"color", "depth", "labels"}

    def test_rows_may_be_padded(self, bag):
        with bag:
            bag.image("/color", 1, color(), "rgb8")
            bag.image("/depth", 1, depth(), "16UC1")
            bag.image("/truth", 1, np.pad(labels(), ((0, 0), (0, 4))), "mono8", width=WIDTH)

        (image,) = open_recording(bag.path, {"labels": "/truth"}).images("labels")
        assert np.array_equal(decode_labels(image.message), labels())

    def test_they_may_be_png(self, bag):
        with bag:
            bag.image("/color", 1, color(), "rgb8")
            bag.image("/depth", 1, depth(), "16UC1")
            bag.compressed("/truth", 1, "png", encoded(".png", labels()))

        (image,) = open_recording(bag.path, {"labels": "/truth"}).images("labels")
        assert np.array_equal(decode_labels(image.message), labels())

    def test_they_must_be_a_byte_a_pixel(self, bag):
        with bag:
            bag.image("/color", 1, color(), "rgb8")
            bag.image("/depth", 1, depth(), "16UC1")
            bag.image("/wide", 1, depth(), "16UC1")

        wanted = {"depth": "/depth", "labels": "/wide"}
        with pytest.raises(RecordingError, match="/wide holds 16UC1 images: labels must be mono8"):
            open_recording(bag.path, wanted)


class TestCamera:
    def test_its_info_is_that_nearest_to_the_colour_topic(self, any_bag):
        with any_bag as bag:
            bag.image("/cam/color/image_raw", 1, color(), "rgb8")
            bag.image("/cam/depth/image_raw", 1, depth(), "16UC1")
            bag.camera_info("/cam/depth/camera_info", 1, 390.0)
            bag.camera_info("/cam/color/camera_info", 1, 613.0)

        info = open_recording(bag.path).camera_info
        assert (info.k[0], info.k[4], info.width, info.height) == (613.0, 613.0, 8, 6)
        assert (len(info.d), len(info.k), len(info.r), len(info.p)) == (5, 9, 9, 12)
        assert (info.distortion_model, info.frame_id) == ("plumb_bob", "camera")

    def test_without_one_there_is_none(self, bag):
        with bag:
            bag.image("/color", 1, color(), "rgb8")
            bag.image("/depth", 1, depth(), "16UC1")

        assert open_recording(bag.path).camera_info is None

    def test_depth_in_another_frame_is_told_to_be_unregistered(self, any_bag):
        with any_bag as bag:
            bag.image("/color", 1, color(), "rgb8", frame_id="eye")
            bag.image("/depth", 1, depth(), "16UC1", frame_id="nose")

        (warning,) = open_recording(bag.path).warnings
        assert warning == (
            "colour is in frame 'eye', depth in 'nose': "
            "depth that is not registered to colour gives worse labels"
        )

    @pytest.mark.parametrize(("of_depth", "warnings"), [(390.0, 1), (613.0, 0)])
    def test_depth_of_another_camera_matrix_is_told_to_be_unregistered(
        self, any_bag, of_depth, warnings
    ):
        with any_bag as bag:
            bag.image("/cam/color/image_raw", 1, color(), "rgb8")
            bag.image("/cam/depth/image_raw", 1, depth(), "16UC1")
            bag.camera_info("/cam/depth/camera_info", 1, of_depth)
            bag.camera_info("/cam/color/camera_info", 1, 613.0)

        assert len(open_recording(bag.path).warnings) == warnings


def test_without_rosbags_it_says_how_to_install_it(bag, monkeypatch):
    with bag:
        bag.image("/color", 1, color(), "rgb8")
    monkeypatch.setitem(sys.modules, "rosbags.typesys", None)

    with pytest.raises(RecordingError, match="pip install 'rosbags"):
        open_recording(bag.path)
