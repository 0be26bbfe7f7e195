"""`asymformer segment` as it is typed."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from asymformer_ros.cli.main import main
from asymformer_ros.simulation import Intrinsics, random_view

pytest.importorskip("onnxruntime", reason="needs onnxruntime")

FRAMES = Path(__file__).parents[2].parent / "shared" / "data" / "frames"
SMALL = FRAMES.parent / "nyuv2_small" / "test"
FILES = {"labels.png", "confidence.png", "overlay.png", "legend.png"}
HEIGHT, WIDTH = 240, 320

needs_real_data = pytest.mark.skipif(
    not FRAMES.is_dir(), reason="needs the recordings in ../shared/data"
)


def millimetres(depth_m):
    return np.nan_to_num(1000 * depth_m).astype(np.uint16)


@pytest.fixture(scope="module")
def room():
    return random_view(3, Intrinsics().scaled(WIDTH, HEIGHT))


@pytest.fixture
def pair(room, tmp_path):
    color, depth = tmp_path / "color.png", tmp_path / "depth.png"
    cv2.imwrite(str(color), room.rgb[:, :, ::-1])
    cv2.imwrite(str(depth), millimetres(room.depth_m))
    return color, depth


class Segmented:
    """The command run to its end: exit code, what it printed and the pictures it wrote."""

    def __init__(self, capsys, folder, *arguments):
        self.code = main(
            ["segment", *map(str, arguments), "--engine", "onnxruntime", "--output", str(folder)]
        )
        self.output, self.errors = capsys.readouterr()
        files = folder.iterdir() if folder.is_dir() else ()
        self.pictures = {file.name: cv2.imread(str(file), cv2.IMREAD_UNCHANGED) for file in files}

    @property
    def shares(self):
        """Per cent of the pixels by the name of the class, as the table has it."""
        rows = re.findall(r"^  (\S.*?)  +([\d.]+)%  +[\d.-]+  +(?:[\d.]+ m|-)$", self.output, re.M)
        return {name: float(share) for name, share in rows}


@pytest.fixture
def segment(capsys, tmp_path):
    return lambda *arguments: Segmented(capsys, tmp_path / "segmentation", *arguments)


def test_it_writes_labels_confidence_overlay_and_legend(segment, pair, room):
    done = segment(*pair)

    assert done.code == 0 and done.errors == ""
    assert set(done.pictures) == FILES
    labels, confidence = done.pictures["labels.png"], done.pictures["confidence.png"]
    assert labels.shape == confidence.shape == (HEIGHT, WIDTH)
    assert labels.dtype == confidence.dtype == np.uint8
    assert (labels == room.labels).mean() > 0.4
    assert done.pictures["overlay.png"].shape == (HEIGHT, WIDTH, 3)
    assert "onnxruntime fp32" in done.output and re.search(r"time +\d+ ms", done.output)


def test_the_table_tells_shares_confidence_and_distance_of_what_is_in_view(segment, pair):
    done = segment(*pair)

    labels = done.pictures["labels.png"]
    in_view = [n for n in np.bincount(labels.ravel()) if n >= labels.size / 1000]
    shares = sorted((100 * n / labels.size for n in in_view), reverse=True)
    assert list(done.shares.values()) == pytest.approx(shares, abs=0.051)
    assert "wall" in done.shares


def test_the_legend_shows_the_colours_of_the_classes_in_view_alone(segment, pair):
    from asymformer_ros.perception.labels import load_label_space

    done = segment(*pair)

    drawn = done.pictures["legend.png"][:, :, ::-1]
    space = load_label_space("nyu40")
    swatches = [tuple(drawn[24 * row + 12, 12]) for row in range(len(done.shares))]
    expected = [tuple(space.palette[space.classes.index(name)]) for name in done.shares]
    assert swatches == expected
    assert drawn.shape[0] < 24 * (len(expected) + 1)


def test_the_overlay_mixes_the_image_with_the_classes(segment, pair, room):
    from asymformer_ros.perception.labels import load_label_space

    done = segment(*pair)

    colors = load_label_space("nyu40").palette[done.pictures["labels.png"]]
    mixed = (colors.astype(float) + room.rgb) / 2
    assert np.abs(done.pictures["overlay.png"][:, :, ::-1] - mixed).max() <= 1


def test_groups_replace_the_classes(segment, pair):
    assert set(segment(*pair, "--label-space", "nav").shares) <= {
        *("floor", "wall", "ceiling", "door", "furniture", "object", "person", "glass", "stairs"),
        "unlabelled",
    }


def test_arrays_and_their_units_give_the_same_labels(segment, pair, room, tmp_path):
    np.save(tmp_path / "color.npy", room.rgb)
    np.save(tmp_path / "depth.npy", millimetres(room.depth_m) / 1000.0)

    of_arrays = segment(tmp_path / "color.npy", tmp_path / "depth.npy", "--depth-unit", "m")

    of_files = segment(*pair)
    assert np.array_equal(of_arrays.pictures["labels.png"], of_files.pictures["labels.png"])


def test_a_turned_camera_gets_turned_labels(segment, room, tmp_path, pair):
    for path, image in zip(pair, (room.rgb[:, :, ::-1], millimetres(room.depth_m)), strict=True):
        cv2.imwrite(str(tmp_path / f"turned_{path.name}"), np.rot90(image))

    turned = segment(*(tmp_path / f"turned_{path.name}" for path in pair), "--rotate", "90")

    upright = segment(*pair).pictures["labels.png"]
    assert turned.pictures["labels.png"].shape == (WIDTH, HEIGHT)
    assert (np.rot90(turned.pictures["labels.png"], -1) == upright).mean() > 0.95


def test_an_unlikely_depth_is_segmented_with_a_warning(segment, pair):
    done = segment(*pair, "--depth-unit", "1")
    assert done.code == 0 and set(done.pictures) == FILES
    assert re.search(r"warning: the median depth is \S+ m: is the depth in another", done.errors)


def test_depth_without_a_reading_is_segmented_with_a_warning(segment, pair):
    cv2.imwrite(str(pair[1]), np.zeros((HEIGHT, WIDTH), np.uint16))
    done = segment(*pair)
    assert done.code == 0 and "no reading at all" in done.errors
    assert re.search(r"^  wall .* -$", done.output, re.M)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["{tmp}/none.png", "{tmp}/depth.png"], "none.png: there is no such file"),
        (["{tmp}", "{tmp}/depth.png"], "this is a folder: give one image"),
        (["{tmp}/depth.png", "{tmp}/color.png"], "are colour and depth swapped?"),
        (["{tmp}/color.png", "{tmp}/half.png"], "register the depth to the colour"),
        (["{tmp}/color.png", "{tmp}/grey.png"], "nothing says the unit of uint8 depth"),
        (["{tmp}/color.png", "{tmp}/depth.png", "--weights", "none"], "neither bundled"),
        (["{tmp}/color.png", "{tmp}/depth.png", "--label-space", "none"], "no bundled name"),
        (["{tmp}/color.png", "{tmp}/depth.png", "--profile", "nyu-rgb"], "its own profile"),
        (["{tmp}/color.png", "{tmp}/depth.png", "--output", "{tmp}/color.png"], "File exists"),
    ],
)
def test_what_cannot_work_ends_with_one_line(pair, room, tmp_path, capsys, arguments, sentence):
    cv2.imwrite(str(tmp_path / "half.png"), millimetres(room.depth_m)[::2, ::2])
    cv2.imwrite(str(tmp_path / "grey.png"), room.rgb[:, :, 0])
    typed = [argument.format(tmp=tmp_path) for argument in arguments]

    assert main(["segment", "--output", str(tmp_path / "out"), *typed]) == 1

    message = capsys.readouterr().err
    assert sentence in message
    assert message.startswith("asymformer segment: ") and message.count("\n") == 1


def test_a_unit_that_is_none_is_refused_by_the_parser(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["segment", "color.png", "depth.png", "--depth-unit", "inch"])
    assert ended.value.code == 2
    assert "depth unit 'inch': give one of mm, m" in capsys.readouterr().err


@needs_real_data
@pytest.mark.parametrize(
    ("color", "depth", "unit"),
    [
        ("frames/nyuv2/color/0002.png", "frames/nyuv2/depth/0002.png", ""),
        ("frames/kinect1_dining/color/1.png", "frames/kinect1_dining/depth/1.png", ""),
        ("nyuv2_small/test/color/0002.webp", "nyuv2_small/test/depth/0002.png", "nyuv2-small"),
    ],
)
def test_real_images_of_several_cameras_are_segmented(segment, color, depth, unit):
    data = FRAMES.parent
    done = segment(data / color, data / depth, *(["--depth-unit", unit] if unit else []))
    assert done.code == 0 and done.errors == ""
    assert set(done.pictures) == FILES
    assert done.shares["wall"] > 10
