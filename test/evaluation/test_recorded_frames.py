"""From a recording to frames: paired, decoded, matched with their truth, and all accounted for."""

from dataclasses import replace

import numpy as np
import pytest

from asymformer_ros.evaluation.frames import EvaluatedFrame, LostFrame
from asymformer_ros.evaluation.recorded_frames import RecordedFrames, truths_of
from asymformer_ros.evaluation.recordings import (
    RawMessage,
    RecordedImage,
    Recording,
    RecordingError,
)

HEIGHT, WIDTH = 4, 6
MS = 1_000_000
SLOP_NS = 20 * MS


def raw(array, encoding):
    data = np.ascontiguousarray(array).view(np.uint8).reshape(-1)
    return RawMessage(encoding, *array.shape[:2], len(data) // len(array), False, data)


def image(stream, stamp_ms, value=1, size=(HEIGHT, WIDTH), encoding=""):
    """An image full of one value."""
    dtype, shape, known = {
        "color": (np.uint8, (*size, 3), "rgb8"),
        "depth": (np.uint16, size, "16UC1"),
        "labels": (np.uint8, size, "mono8"),
    }[stream]
    message = raw(np.full(shape, value, dtype), encoding or known)
    return RecordedImage(stream, round(stamp_ms * MS), round(stamp_ms * MS), "camera", message)


def recording(*images):
    streams = {one.stream for one in images}
    return Recording(
        sources={stream: f"/{stream}" for stream in streams},
        counts={stream: sum(one.stream == stream for one in images) for stream in streams},
        first={one.stream: one for one in reversed(images)},
        warnings=(),
        images=lambda *wanted: (one for one in images if one.stream in wanted),
    )


class Read:
    """All frames of a recording and the account of them."""

    def __init__(self, *images, slop_ns=SLOP_NS, queue_size=10):
        source = recording(*images)
        self.source = RecordedFrames(source, truths_of(source, None), slop_ns, queue_size)
        self.items = list(self.source.frames())
        self.intake = self.source.intake
        self.problems = "\n".join(self.intake.problems)

    @property
    def told(self):
        """The stamps of the frames in ms, "lost" for a lost one, with the truth if there is one."""
        return [_name(item) + _truth(item) for item in self.items]


def _name(item):
    return "lost" if isinstance(item, LostFrame) else f"{item.frame.stamp_ns // MS}"


def _truth(item):
    return "" if item.truth is None else f" is {item.truth[0, 0]}"


def pairs(*stamps_ms):
    return [image(stream, stamp) for stamp in stamps_ms for stream in ("color", "depth")]


def test_pairs_become_frames_in_the_nodes_units():
    read = Read(image("color", 33, value=9), image("depth", 40, value=1500))

    (item,) = read.items
    assert isinstance(item, EvaluatedFrame)
    assert item.name == "0.033000000"
    assert item.frame.rgb.shape == (HEIGHT, WIDTH, 3) and item.frame.rgb[0, 0, 0] == 9
    assert item.frame.depth_m[0, 0] == np.float32(1.5)
    assert item.truth is None


def test_names_are_stamps_to_the_nanosecond():
    stamp_ns = 1_700_000_000_033_333_333
    images = [replace(image(stream, 0), stamp_ns=stamp_ns) for stream in ("color", "depth")]

    assert Read(*images).items[0].name == "1700000000.033333333"


def test_stamps_that_are_too_far_apart_are_told_with_the_remedy():
    read = Read(*(image(stream, stamp) for stream, stamp in [("color", 0), ("depth", 100)] * 3))

    assert read.told == ["lost"]
    assert "stamps of colour and depth are 100.0 ms apart at the end, the slop is 20.0" in (
        read.problems
    )


def test_the_last_frames_need_no_successor():
    read = Read(image("color", 0), image("depth", 8), image("color", 33), image("depth", 41))

    assert read.told == ["0", "33"]
    assert read.intake.received_color == read.intake.received_depth == 2


def test_colour_without_depth_is_lost_in_its_place():
    read = Read(*pairs(0), image("color", 33), *pairs(66), image("color", 99))

    assert read.told == ["0", "lost", "66", "lost"]
    assert read.intake.dropped == {"no_partner": 2}


def test_truth_belongs_to_the_colour_of_its_stamp_wherever_it_was_recorded():
    truth = [image("labels", 0, 10), image("labels", 33, 11), image("labels", 66, 12)]
    images = [*pairs(0), image("color", 33), *pairs(66), *pairs(99)]

    expected = ["0 is 10", "lost is 11", "66 is 12", "99"]
    assert Read(*images, *truth).told == expected
    assert Read(*truth, *images).told == expected


def test_labels_without_a_colour_image_are_told_and_change_no_score():
    read = Read(image("labels", 10, 9), *pairs(33), image("labels", 33, 1), image("labels", 50, 9))

    assert read.told == ["33 is 1"]
    assert read.intake.problems == ("2 of 3 label images on /labels fit no colour image",)


def test_truth_may_be_out_of_order_and_belong_to_images_that_are():
    truth = [image("labels", stamp, k) for k, stamp in enumerate([0, 66, 33, 99])]
    read = Read(*pairs(0, 33), *pairs(99, 66), *truth)

    # The node, too, drops an image that is overtaken by a newer pair.
    assert sorted(read.told) == ["0 is 0", "33 is 2", "99 is 3", "lost is 1"]


def test_truth_may_begin_long_before_the_images_and_be_rare():
    early = [image("labels", 33 * k, 1) for k in range(500)]
    begin = 33 * 500
    rare = [image("labels", begin + 330 * k, k) for k in range(20)]
    read = Read(*pairs(*range(begin, begin + 6600, 33)), *early, *rare)

    scored = [told for told in read.told if "is" in told]
    assert scored == [f"{begin + 330 * k} is {k}" for k in range(20)]


@pytest.mark.parametrize(
    ("images", "cause", "sentence"),
    [
        ([image("color", 0, encoding="yuv422"), image("depth", 0)], "bad_color", "'yuv422' is not"),
        ([image("color", 0), image("depth", 0, encoding="8UC1")], "bad_depth", "holds no distance"),
        (
            [image("color", 0), image("depth", 0, size=(2, 2))],
            "size_mismatch",
            "colour is 6x4 but depth is 2x2",
        ),
    ],
)
def test_images_that_cannot_be_used_are_lost_with_their_cause(images, cause, sentence):
    read = Read(*images, image("labels", 0, 3), *pairs(33))

    assert read.told == ["lost is 3", "33"]
    assert read.intake.dropped == {cause: 1}
    assert sentence in read.problems


def test_truth_that_cannot_be_read_is_left_out():
    read = Read(*pairs(0), image("labels", 0, encoding="16UC1"))

    assert read.told == ["0"]
    assert "truth was left out: labels: encoding '16UC1' holds no classes" in read.problems


def test_a_recording_that_loops_is_read_on():
    play = [*pairs(0, 200, 400), image("color", 600), *pairs(0, 200, 400)]
    truth = [image("labels", stamp, k) for k, stamp in enumerate([0, 200, 400, 600, 0, 200, 400])]
    read = Read(*play, *truth)

    paired = ["0 is 0", "200 is 1", "400 is 2", "0 is 4", "200 is 5", "400 is 6"]
    assert [told for told in read.told if "lost" not in told] == paired
    assert "lost is 3" in read.told
    assert len(read.items) == read.intake.received_color == 7
    assert read.intake.dropped == {"time_reset": 1}


def test_what_was_lost_in_the_file_is_passed_on():
    def images(*_):
        yield from pairs(0)
        source.losses.note("the file ends early")

    source = Recording({}, {"color": 1}, {}, (), images)
    frames = RecordedFrames(source, None, SLOP_NS, 10)
    assert len(list(frames.frames())) == 1
    assert frames.intake.problems == ("the file ends early",)


def test_an_error_of_the_recording_is_raised_and_the_account_is_there():
    def images(*_):
        yield from pairs(0)
        raise RecordingError("gone")

    frames = RecordedFrames(Recording({}, {"color": 1}, {}, (), images), None, SLOP_NS, 10)
    with pytest.raises(RecordingError, match="gone"):
        list(frames.frames())
    assert frames.intake.received_color == 1


def test_warnings_of_a_recording_are_problems_of_its_evaluation():
    source = replace(recording(*pairs(0)), warnings=("depth is not registered",))
    frames = RecordedFrames(source, None, SLOP_NS, 10)

    assert len(list(frames.frames())) == 1
    assert frames.intake.problems == ("depth is not registered",)


def test_sentences_are_counted_and_not_without_end():
    bad = [image("color", 33 * k, encoding=f"odd{k % 30}") for k in range(90)]
    depth = [image("depth", 33 * k) for k in range(90)]
    read = Read(*(one for both in zip(bad, depth, strict=True) for one in both))

    assert len(read.intake.problems) == 21
    assert read.intake.problems[0].endswith("(3 times)")
    assert read.intake.problems[-1] == "and 30 more such sentences"
