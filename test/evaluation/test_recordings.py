"""Reading recordings: folders of image files, times of playing them, real recordings."""

import re
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from asymformer_ros.evaluation.recordings import (
    RawMessage,
    RecordedImage,
    Recording,
    RecordingError,
    Timeline,
    open_recording,
)

FRAMES = Path(__file__).parents[2].parent / "shared" / "data" / "frames"
NYUV2_SMALL = FRAMES.parent / "nyuv2_small" / "test"
HEIGHT, WIDTH = 6, 8
MS = 1_000_000

needs_real_data = pytest.mark.skipif(
    not FRAMES.is_dir(), reason="needs the recordings in ../shared/data"
)


def color(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


def depth(seed=0):
    return np.random.default_rng(seed).integers(500, 5000, (HEIGHT, WIDTH), np.uint16)


def labels(seed=0):
    return np.random.default_rng(seed).integers(0, 40, (HEIGHT, WIDTH), np.uint8)


def write(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


def pixels(image, dtype, *shape):
    message = image.message
    return message.data.view(dtype).reshape(message.height, message.width, *shape)


def spoil(path, content):
    """Put an image or bytes in the place of a file."""
    path.write_bytes(content) if isinstance(content, bytes) else write(path, content)


#: Of images that cannot be read: folder, content, and the reason that is told.
BROKEN = [
    ("depth", depth().astype(np.uint8), "a PNG of 1 x 8 bits holds no distances"),
    ("depth", np.dstack([depth()] * 3), "a PNG of 3 x 16 bits .* are colour and depth swapped"),
    ("color", depth(), "a PNG of 1 x 16 bits .*: are colour and depth swapped"),
    ("label40", labels()[:4], "labels of 8x4, their colour image is 8x6"),
    ("label40", labels().astype(np.uint16), "a PNG of 1 x 16 bits holds no class indices"),
    ("label40", color(), "a PNG of 3 x 8 bits holds no class indices"),
    ("color", b"no image", "no PNG, JPEG, WebP or .npy"),
    ("depth", b"no image", "the data begins with .* neither JPEG nor PNG"),
    ("label40", b"no image", "the data begins with .* neither JPEG nor PNG"),
]


@pytest.fixture
def folder(tmp_path):
    """Three frames, the second of them without labels."""
    for number in (2, 10, 1):
        write(tmp_path / f"color/{number}.png", color(number))
        write(tmp_path / f"depth/{number}.png", depth(number))
    for number in (1, 10):
        write(tmp_path / f"label40/{number}.png", labels(number))
    return tmp_path


class TestFolder:
    def test_a_frame_is_labels_depth_and_colour_of_one_stem_and_stamp(self, folder):
        recording = open_recording(folder, rate_hz=4.0)

        images = list(recording.images())
        assert [(i.stream, i.name) for i in images] == [
            *(("labels", "1"), ("depth", "1"), ("color", "1")),
            *(("depth", "2"), ("color", "2")),
            *(("labels", "10"), ("depth", "10"), ("color", "10")),
        ]
        assert [i.stamp_ns / MS for i in images] == [0, 0, 0, 250, 250, 500, 500, 500]
        assert [i.time_ns for i in images] == [i.stamp_ns for i in images]
        assert recording.counts == {"color": 3, "depth": 3, "labels": 2}
        assert [i.name for i in recording.images("labels")] == ["1", "10"]

    def test_pixels_are_those_of_the_files(self, folder):
        of_labels, of_depth, of_color = list(open_recording(folder).images())[:3]

        assert (of_color.message.encoding, of_color.message.step) == ("rgb8", 3 * WIDTH)
        assert np.array_equal(pixels(of_color, np.uint8, 3)[..., ::-1], color(1))
        assert (of_depth.message.encoding, of_depth.message.step) == ("16UC1", 2 * WIDTH)
        assert np.array_equal(pixels(of_depth, np.uint16), depth(1))
        assert (of_labels.message.encoding, of_labels.message.step) == ("mono8", WIDTH)
        assert np.array_equal(pixels(of_labels, np.uint8), labels(1))

    @pytest.mark.parametrize("suffix", ["jpg", "jpeg", "webp", "PNG"])
    def test_colour_may_be_jpeg_or_webp_and_its_folder_rgb(self, tmp_path, suffix):
        write(tmp_path / f"rgb/1.{suffix}", np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
        write(tmp_path / "depth/1.png", depth())
        write(tmp_path / "label/1.png", labels())

        *_, image = open_recording(tmp_path).images()
        assert np.abs(pixels(image, np.uint8, 3).astype(int) - 90).max() <= 3

    def test_images_without_a_partner_are_left_out_and_told(self, folder):
        (folder / "depth/2.png").unlink()
        write(folder / "depth/11.png", depth())
        write(folder / "label40/3.png", labels())

        recording = open_recording(folder)
        assert [i.name for i in recording.images() if i.stream == "depth"] == ["1", "10"]
        # The label of 11.png is none, that of 3.png is a label of nothing.
        assert recording.losses.sentences == (
            "3 images have no partner of their name and are left out",
        )
        assert recording.warnings == ()

    @pytest.mark.parametrize(("bad", "image", "sentence"), BROKEN)
    def test_a_first_frame_that_cannot_be_read_is_refused(self, folder, bad, image, sentence):
        spoil(folder / f"{bad}/1.png", image)

        with pytest.raises(RecordingError, match=f"{bad}/1.png: {sentence}"):
            open_recording(folder)

    @pytest.mark.parametrize(("bad", "image", "sentence"), BROKEN)
    def test_a_later_image_that_cannot_be_read_is_lost_alone(self, folder, bad, image, sentence):
        spoil(folder / f"{bad}/10.png", image)

        recording = open_recording(folder)
        lost = {"label40": {"labels"}}.get(bad, {bad})
        if bad == "color" and isinstance(image, bytes):
            lost.add("labels")  # their size cannot be checked
        read = [(i.stream, i.name) for i in recording.images()]
        assert {stream for stream, name in read if name == "10"} == {*recording.counts} - lost
        assert len(read) == 8 - len(lost)
        (loss,) = recording.losses.sentences
        assert re.fullmatch(rf".*/{bad}/10\.png: {sentence}.*", loss)

    @pytest.mark.parametrize(
        ("only", "broken"),
        [(("color", "depth"), "label40"), (("color", "labels"), "depth"), (("depth",), "color")],
    )
    def test_files_of_streams_that_are_not_asked_for_are_not_read(self, folder, only, broken):
        recording = open_recording(folder)
        for file in (folder / broken).iterdir():
            file.unlink()

        assert {image.stream for image in recording.images(*only)} == set(only)
        assert recording.losses.sentences == ()

    @pytest.mark.parametrize(
        ("files", "sentence"),
        [
            ([], r"no images in color or rgb/: a folder to replay has colour images in color/"),
            (["color/1.png"], r"no images in depth/"),
            (["color/1.png", "depth/2.png"], "no colour image has the name of a depth image"),
        ],
    )
    def test_a_folder_without_frames_is_refused(self, tmp_path, files, sentence):
        for name in files:
            write(tmp_path / name, depth())

        with pytest.raises(RecordingError, match=sentence):
            open_recording(tmp_path)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("missing", "does not exist: give the path"), ("notes.txt", r"give a \.bag, \.mcap or \.db3")],
)
def test_what_is_no_recording_is_refused(tmp_path, name, sentence):
    (tmp_path / "notes.txt").touch()

    with pytest.raises(RecordingError, match=sentence):
        open_recording(tmp_path / name)


class Playing:
    """A recording of (stream, time, stamp) in milliseconds, played on a simulated clock.

    The first play is asked for at START, and times are given relative to that.
    """

    START = 1_700_000_000_000

    def __init__(self, *images, pause=100):
        self.images = [
            RecordedImage(
                *(stream, time * MS, stamp * MS, ""),
                RawMessage("mono8", 0, 0, 0, False, np.empty(0, np.uint8)),
            )
            for stream, time, stamp in images
        ]
        first = {image.stream: image for image in reversed(self.images)}
        self.timeline = Timeline(Recording({}, {}, first, (), lambda *only: iter(())), pause * MS)
        self.now = self.START

    def play(self):
        """(when it was published, its new stamp) of every image, in milliseconds."""
        self.timeline.begin(self.now * MS)
        published = []
        for image in self.images:
            self.now = max(self.now, self.timeline.due_ns(image) / MS)
            stamp = self.timeline.stamp_ns(image) / MS
            published.append((self.now - self.START, stamp - self.START))
        return published


class TestTimeline:
    def test_stamps_keep_their_distances_and_the_first_colour_image_is_fresh(self):
        playing = Playing(("depth", 7, 520), ("color", 10, 500), ("color", 40, 533))
        assert playing.play() == [(0, 23), (3, 3), (36, 36)]

    def test_a_delay_of_the_recording_shows_as_latency(self):
        playing = Playing(("color", 0, 0), ("depth", 1, 0), ("color", 50, 33))
        assert playing.play() == [(0, 0), (1, 0), (50, 33)]

    def test_no_colour_image_is_published_before_its_stamp(self):
        playing = Playing(("color", 0, 0), ("depth", 1, 0), ("color", 20, 33), ("depth", 21, 33))
        assert playing.play() == [(0, 0), (1, 0), (33, 33), (33, 33)]

    @pytest.mark.parametrize("depth_stamp", [0, 60, 90, 120, 500, 900])
    def test_the_stamps_of_the_next_play_follow_after_the_pause(self, depth_stamp):
        playing = Playing(
            *(("color", 0, 500), ("depth", 1, depth_stamp)),
            *(("color", 30, 530), ("depth", 31, depth_stamp + 30)),
        )
        first = [stamp for _, stamp in playing.play()]
        for _ in range(3):
            following = [stamp for _, stamp in playing.play()]
            assert min(following) >= max(first) + 100
            assert np.diff(following) == pytest.approx(np.diff(first))
            first = following

    @pytest.mark.parametrize("years", [-5, 5])
    def test_a_depth_clock_of_another_age_stops_nothing(self, years):
        of_depth = years * 365 * 86_400_000
        playing = Playing(("color", 0, 0), ("depth", 1, of_depth), ("color", 33, 33))
        for start in (0, 133):
            published = playing.play()
            assert [when for when, _ in published] == [start, start + 1, start + 33]
            assert published[1][1] - published[0][1] == of_depth

    @pytest.mark.parametrize(("years", "seconds"), [(-100, 0), (100, 2**31 - 1)])
    def test_stamps_stay_within_what_a_message_holds(self, years, seconds):
        playing = Playing(("color", 0, 0), ("depth", 1, years * 365 * 86_400_000))
        _, (_, stamp) = playing.play()
        assert stamp + Playing.START == seconds * 1000


@needs_real_data
class TestRealRecordings:
    def test_the_bag_of_the_realsense(self):
        pytest.importorskip("rosbags.highlevel", reason="needs rosbags")
        recording = open_recording(FRAMES / "realsense_d435/single_depth_color_640x480.bag")

        assert recording.counts == {"color": 1, "depth": 2}
        first = SimpleNamespace(**recording.first)
        assert (first.color.message.encoding, first.depth.message.encoding) == ("rgb8", "mono16")
        assert first.depth.stamp_ns - first.color.stamp_ns == 101_566_000
        assert "focal length of 613.2, depth of 390.4" in recording.warnings[0]
        extracted = cv2.imread(str(FRAMES / "realsense_d435/depth_000001500ns.png"), -1)
        assert np.array_equal(pixels(first.depth, np.uint16), extracted)

    def test_frames_of_the_kinect(self):
        recording = open_recording(FRAMES / "kinect1_dining")

        assert recording.counts == {"color": 2, "depth": 2}
        assert (pixels(recording.first["depth"], np.uint16) == 0).mean() > 0.2

    def test_frames_of_nyuv2(self):
        recording = open_recording(FRAMES / "nyuv2")

        assert recording.counts == {"color": 6, "depth": 6, "labels": 6}
        assert len(list(recording.images())) == 18

    @pytest.mark.skipif(not NYUV2_SMALL.is_dir(), reason=f"needs {NYUV2_SMALL.name}")
    def test_depth_of_eight_bits_is_refused(self):
        with pytest.raises(RecordingError, match="a PNG of 1 x 8 bits holds no distances"):
            open_recording(NYUV2_SMALL)
