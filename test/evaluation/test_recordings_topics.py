"""Which topics of a bag are taken for colour, depth and labels, and what is said where none is."""

import numpy as np
import pytest
from bags import Bag, encoded

from asymformer_ros.evaluation.recordings import RecordingError, open_recording

COLOR = np.full((6, 8, 3), 99, np.uint8)
GREY = COLOR[:, :, 0].copy()
DEPTH = np.full((6, 8), 1500, np.uint16)
ARRAYS = {
    "rgb8": COLOR,
    "16UC1": DEPTH,
    "mono8": GREY,
    "8UC1": GREY,
    "bayer_rggb8": GREY,
    "yuv422": np.zeros((6, 8, 2), np.uint8),
    "rgb16": np.zeros((6, 8, 3), np.uint16),
    "64FC1": np.zeros((6, 8), np.float64),
}
FILES = {
    "jpeg": encoded(".jpg", COLOR),
    "mono8; jpeg compressed mono8": encoded(".jpg", GREY),
    "mono8; png compressed": encoded(".png", GREY),
    "rgb16; png compressed": encoded(".png", ARRAYS["rgb16"]),
    "h264": b"\0\0\0\1",
}


@pytest.fixture
def bag(tmp_path):
    """A function that writes a bag of topics, each with its encoding or compressed format."""

    def write(topics):
        with Bag(tmp_path, "mcap") as bag:
            for name, encoding in topics.items():
                if encoding in FILES:
                    bag.compressed(name, 1, encoding, FILES[encoding])
                else:
                    bag.image(name, 1, ARRAYS[encoding], encoding)
        return bag.path

    return write


def refusal(path, **wanted):
    """The sentence that refuses a bag, and the proposals at its end."""
    with pytest.raises(RecordingError) as error:
        open_recording(path, wanted)
    sentence = str(error.value).splitlines()[0]
    return sentence, sentence.partition("; likely ")[2].split(", ")


ROBOTS = {
    f"/robot{n}/cam/{part}/image_raw": encoding
    for n in (1, 2)
    for part, encoding in (("color", "rgb8"), ("depth", "16UC1"))
}


class TestNamespaces:
    @pytest.mark.parametrize("robot", ["/robot1", "/robot2"])
    @pytest.mark.parametrize(("named", "found"), [("color", "depth"), ("depth", "color")])
    def test_naming_one_stream_of_a_camera_names_the_other(self, bag, robot, named, found):
        wanted = {named: f"{robot}/cam/{named}/image_raw"}

        assert open_recording(bag(ROBOTS), wanted).sources == {
            **wanted,
            found: f"{robot}/cam/{found}/image_raw",
        }

    @pytest.mark.parametrize(
        ("topics", "sources"),
        [
            (
                {"/front/color": "rgb8", "/front/depth": "16UC1", "/rear/depth": "16UC1"},
                {"color": "/front/color", "depth": "/front/depth"},
            ),
            (
                {"/front/color": "rgb8", "/rear/color": "rgb8", "/rear/depth": "16UC1"},
                {"color": "/rear/color", "depth": "/rear/depth"},
            ),
            (
                {"/r/a/color/compressed": "jpeg", "/r/a/depth": "16UC1", "/r/b/depth": "16UC1"},
                {"color": "/r/a/color/compressed", "depth": "/r/a/depth"},
            ),
        ],
    )
    def test_an_only_stream_names_the_other_of_its_camera(self, bag, topics, sources):
        assert open_recording(bag(topics)).sources == sources

    @pytest.mark.parametrize(
        "depths",
        [
            ["/camera/depth/image_rect_raw", "/camera/aligned_depth_to_color/image_raw"],
            ["/camera/depth/image_raw", "/camera/depth/image_rect"],
            ["/one/depth", "/two/depth"],
            # Nothing says that it is of another camera.
            ["/camera/depth/image_raw", "/depth_registered"],
        ],
    )
    def test_where_several_are_as_likely_the_user_is_asked(self, bag, depths):
        path = bag({"/camera/color/image_raw": "rgb8", **dict.fromkeys(depths, "16UC1")})

        sentence, likely = refusal(path, color="/camera/color/image_raw")
        assert "several topics with depth images" in sentence
        assert "choose one with --depth-topic" in sentence
        assert sorted(likely) == sorted(depths)

    def test_of_two_whole_cameras_the_user_is_asked_for_one(self, bag):
        sentence, likely = refusal(bag(ROBOTS))
        assert "choose one with --color-topic" in sentence
        assert likely == ["/robot1/cam/color/image_raw", "/robot2/cam/color/image_raw"]


class TestTopicsThatAreNoCandidates:
    @pytest.mark.parametrize("namespace", ["/", "/robot/", "/a/b/"])
    @pytest.mark.parametrize(
        ("output", "encoding"),
        [
            ("semantic/color", "rgb8"),
            ("semantic/overlay", "rgb8"),
            ("semantic/overlay/compressed", "jpeg"),
        ],
    )
    def test_outputs_of_the_node_are_not_taken_for_colour(self, bag, namespace, output, encoding):
        path = bag({namespace + output: encoding, "/c": "rgb8", "/d": "16UC1"})

        assert open_recording(path).sources["color"] == "/c"

    @pytest.mark.parametrize("name", ["/semantic/left/color", "/semantics/color", "/my_semantic"])
    def test_other_topics_of_like_names_are(self, bag, name):
        assert open_recording(bag({name: "rgb8", "/d": "16UC1"})).sources["color"] == name

    @pytest.mark.parametrize("output", ["", "/confidence", "/mask"])
    def test_outputs_of_the_node_are_not_proposed(self, bag, output):
        path = bag({"/c": "rgb8", "/d": "16UC1", f"/semantic{output}": "mono8", "/truth": "mono8"})

        assert refusal(path, labels=f"/semantik{output}")[1] == ["/truth"]

    def test_where_there_is_nothing_else_it_says_whose_they_are(self, bag):
        sentence, likely = refusal(bag({"/semantic/color": "rgb8", "/d": "16UC1"}))
        assert "no topic with colour images" in sentence
        assert sentence.endswith(": /semantic/color is made by the node itself")
        assert likely == [""]

    def test_an_output_can_be_named(self, bag):
        path = bag({"/c": "rgb8", "/d": "16UC1", "/semantic": "mono8"})

        assert open_recording(path, {"labels": "/semantic"}).sources["labels"] == "/semantic"

    def test_labels_are_no_colour(self, bag):
        path = bag({"/truth": "mono8", "/grey": "mono8", "/d": "16UC1"})

        sentence, _ = refusal(path, labels="/truth")
        assert "/grey is mono8" in sentence
        assert "/truth" not in sentence

    def test_a_topic_named_for_another_stream_is_told(self, bag):
        sentence, _ = refusal(bag({"/c": "rgb8", "/d": "16UC1"}), color="/d")
        assert "no topic with depth images" in sentence
        assert sentence.endswith(": /d is named for another stream")


class TestProposals:
    @pytest.mark.parametrize(
        ("truth", "encoding"),
        [
            ("/labels/image_raw", "mono8"),
            ("/labels/image_raw", "8UC1"),
            ("/labels/compressed", "mono8; png compressed"),
        ],
    )
    def test_a_wrong_label_topic_is_answered_with_those_that_may_be_labels(
        self, bag, truth, encoding
    ):
        path = bag({"/c": "rgb8", "/d": "16UC1", truth: encoding})

        sentence, likely = refusal(path, labels="/label")
        assert "no image on /label: choose one with --label-topic" in sentence
        assert likely == [truth]

    def test_topics_named_for_other_streams_are_not_among_them(self, bag):
        path = bag({"/camera/grey": "mono8", "/camera/truth": "mono8", "/d": "16UC1"})

        _, likely = refusal(path, color="/camera/grey", labels="/camera/grei")
        assert likely == ["/camera/truth"]

    def test_grey_jpeg_holds_no_labels(self, bag):
        path = bag({"/c": "rgb8", "/d": "16UC1", "/g": "mono8; jpeg compressed mono8"})

        assert refusal(path, labels="/truth")[1] == [""]


class TestColorThatIsNotTaken:
    @pytest.mark.parametrize(
        ("encoding", "shown"),
        [
            ("mono8", "mono8"),
            ("mono8; jpeg compressed mono8", "'mono8; jpeg compressed mono8'"),
            ("mono8; png compressed", "'mono8; png compressed'"),
        ],
    )
    def test_grey_is_proposed_but_must_be_named(self, bag, encoding, shown):
        path = bag({"/c": encoding, "/d": "16UC1"})

        sentence, _ = refusal(path)
        assert sentence.endswith(
            "no topic with colour images (rgb8, bgr8, rgba8, bgra8, JPEG or PNG): "
            f"/c is {shown}, which may be colour in grey or labels: name it with --color-topic"
        )
        assert open_recording(path, {"color": "/c"}).sources == {"color": "/c", "depth": "/d"}

    def test_several_are_told_in_one_sentence_and_copies_not_at_all(self, bag):
        topics = {"/l": "mono8", "/l/compressed": "mono8; jpeg compressed mono8", "/r": "mono8"}

        sentence, _ = refusal(bag({**topics, "/d": "16UC1"}))
        assert "): /l and /r are mono8, which may be colour" in sentence
        assert "compressed" not in sentence

    @pytest.mark.parametrize(
        ("encoding", "shown"),
        [
            ("bayer_rggb8", "bayer_rggb8"),
            ("yuv422", "yuv422"),
            ("rgb16", "rgb16"),
            ("rgb16; png compressed", "'rgb16; png compressed'"),
            ("h264", "'h264'"),
        ],
    )
    def test_of_an_encoding_that_is_not_read_it_is_said(self, bag, encoding, shown):
        sentence, _ = refusal(bag({"/c": encoding, "/d": "16UC1"}))
        assert "no topic with colour images" in sentence
        assert sentence.endswith(f": /c is {shown}, which is not read as colour: convert it")

    @pytest.mark.parametrize("encoding", ["8UC1", "64FC1"])
    def test_numbers_are_not_taken_for_colour_of_a_kind(self, bag, encoding):
        sentence, _ = refusal(bag({"/x": encoding, "/d": "16UC1"}))
        assert sentence.endswith(": choose one with --color-topic")

    def test_what_is_not_read_is_no_matter_where_colour_is_found(self, bag):
        path = bag({"/c": "rgb8", "/raw": "bayer_rggb8", "/grey": "mono8", "/d": "16UC1"})

        assert open_recording(path).sources == {"color": "/c", "depth": "/d"}


@pytest.mark.parametrize("count", [1, 3])
def test_damaged_messages_are_counted_in_words_that_fit_any_number(tmp_path, count):
    with Bag(tmp_path, "mcap") as bag:
        for number in range(5):
            bag.image("/d", 2 * number, DEPTH, "16UC1")
            bag.image("/c", 2 * number + 1, COLOR, "rgb8")
    (file,) = bag.path.glob("*.mcap")
    parts = file.read_bytes().split(b"16UC1")
    damaged = parts[0] + b"16UC1" + b"\xff6UC1".join(parts[1 : 2 + count])
    file.write_bytes(b"16UC1".join([damaged, *parts[2 + count :]]))

    recording = open_recording(bag.path)
    assert sum(1 for _ in recording.images("depth")) == 5 - count
    sentence = f"messages on /d that are damaged and were left out: {count}"
    assert recording.losses.sentences == (sentence,)


@pytest.mark.parametrize(
    ("content", "found"),
    [(b"", "the data is empty"), (b"no image", "the data begins with '6e 6f 20 69")],
)
def test_a_label_file_that_is_no_image_gets_words_that_fit_a_file(tmp_path, content, found):
    for folder, image in (("color", COLOR), ("depth", DEPTH)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.png").write_bytes(encoded(".png", image))
    (tmp_path / "label").mkdir()
    (tmp_path / "label/1.png").write_bytes(content)

    with pytest.raises(RecordingError) as error:
        open_recording(tmp_path)
    assert f"label/1.png: {found}" in str(error.value)
    assert "neither JPEG nor PNG: check the file, or the topic" in str(error.value)
