"""Data sets on disk become frames: pixels, units, holes, void and splits."""

import gc
from pathlib import Path

import cv2
import numpy as np
import pytest
from dataset_files import (
    Picture,
    picture,
    write_acnet,
    write_asymformer,
    write_asymformer_sun,
    write_dformer,
    write_list,
    write_nyuv2_mat,
    write_nyuv2_small,
    write_sunrgbd,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from asymformer_ros.evaluation.datasets import open_dataset
from asymformer_ros.evaluation.datasets.nyuv2 import official_split
from asymformer_ros.evaluation.datasets.sun_size import resized
from asymformer_ros.evaluation.labelled_frames import DatasetError, LabelledFrame
from asymformer_ros.perception.depth_unit import parse_depth_unit
from asymformer_ros.perception.labels import load_label_space

DATA = Path(__file__).parents[2].parent / "shared" / "data"
MM = parse_depth_unit("mm")


def read_all(frames):
    return [frames.read(index) for index in range(len(frames.names))]


def assert_shows(frame, one: Picture):
    assert (frame.rgb.dtype, frame.depth_m.dtype, frame.labels.dtype) == ("u1", "f4", "u1")
    assert np.array_equal(frame.rgb, one.rgb)
    assert np.allclose(frame.depth_m, one.metres, rtol=1e-6, atol=0, equal_nan=True)
    assert np.array_equal(frame.labels, one.labels)


@pytest.mark.parametrize("write", [write_asymformer, write_acnet])
def test_a_listed_folder_is_read_in_the_order_of_its_list(tmp_path, write):
    for number in (2, 10, 300):
        write(tmp_path, number, picture(number))
    write_list(tmp_path, "test", ["10", "2", ""])
    write_list(tmp_path, "train", ["300"])

    layout = write.__name__.removeprefix("write_")
    frames = open_dataset(tmp_path, layout, "test")
    assert frames.names == ("10", "2")
    for frame, number in zip(read_all(frames), (10, 2), strict=True):
        assert frame.name == str(number)
        assert_shows(frame, picture(number))
    assert open_dataset(tmp_path, layout, "train").names == ("300",)
    assert frames.label_space == "nyu40"
    unit = {"asymformer": "mm", "acnet": "m"}[layout]
    expected = {"layout": layout, "split": "test", "depth unit": unit, "frames": "2, by test.txt"}
    assert frames.settings == expected


@pytest.mark.parametrize("line", ["RGB/7.jpg Label/7.png", "RGB/7.jpg", "7.jpg", "7"])
def test_dformer_lists_hold_paths_or_names(tmp_path, line):
    one = picture(7)
    # JPEG keeps one colour.
    flat = Picture(np.full_like(one.rgb, (200, 100, 50)), one.millimetres, one.labels)
    write_dformer(tmp_path, 7, flat)
    write_list(tmp_path, "test", [line])

    (frame,) = read_all(open_dataset(tmp_path, "dformer", "test", MM))
    assert np.abs(frame.rgb.astype(int) - (200, 100, 50)).max() <= 2
    assert_shows(LabelledFrame("7", flat.rgb, frame.depth_m, frame.labels), flat)


def test_dformer_depth_has_a_unit_only_by_declaration(tmp_path):
    write_dformer(tmp_path, 7, picture(7))
    write_list(tmp_path, "test", ["7"])

    with pytest.raises(DatasetError, match="needs --depth-unit: its published depth images are"):
        open_dataset(tmp_path, "dformer", "test")
    unit = parse_depth_unit("0.0002")
    frames = open_dataset(tmp_path, "dformer", "test", unit)
    expected = picture(7).metres / 5
    assert np.allclose(frames.read(0).depth_m, expected, rtol=1e-6, equal_nan=True)
    assert frames.settings["depth unit"] == "0.0002"


def test_nyuv2_small_is_split_by_folders_and_its_depth_has_no_holes(tmp_path):
    for name in ("0001", "0002"):
        write_nyuv2_small(tmp_path, name, picture(int(name)))
    write_nyuv2_small(tmp_path, "0003", picture(3), "train")

    frames = open_dataset(tmp_path, "nyuv2-small", "test")
    assert frames.names == ("0001", "0002")
    assert frames.settings["frames"] == "2 of the 654 of the official split"
    frame = frames.read(1)
    assert np.array_equal(frame.rgb, picture(2).rgb)
    assert np.array_equal(frame.labels, picture(2).labels)
    steps = picture(2).millimetres // 40
    assert np.allclose(frame.depth_m, (steps + 0.5) / 25.5, rtol=1e-6)
    assert open_dataset(tmp_path, "nyuv2-small", "train").names == ("0003",)


def test_without_a_list_all_frames_of_nyuv2_are_split_officially(tmp_path):
    write_asymformer(tmp_path, 1, picture(1))
    for number in range(2, 1450):
        for part in ("images", "depths", "labels"):
            (tmp_path / part / f"{number}.png").symlink_to(tmp_path / part / "1.png")

    frames = {split: open_dataset(tmp_path, "asymformer", split) for split in ("train", "test")}
    for split, count in (("train", 795), ("test", 654)):
        assert frames[split].names == tuple(map(str, official_split(split)))
        assert len(frames[split].names) == count


def test_the_official_split_divides_the_frames():
    train, test = official_split("train"), official_split("test")
    assert (len(train), len(test)) == (795, 654)
    assert sorted(train + test) == list(range(1, 1450))
    # The first and the last of each, as in splits.mat.
    assert (test[:3], train[:3]) == ((1, 2, 9), (3, 4, 5))
    assert (test[-1], train[-1]) == (1449, 1440)


class TestNyuv2Mat:
    """All frames are there, but of 2 x 3 pixels."""

    @pytest.fixture(autouse=True)
    def h5py(self):
        return pytest.importorskip("h5py")

    @settings(max_examples=5, deadline=None)
    @given(seed=st.integers(0, 2**32 - 1), width=st.integers(1, 4), height=st.integers(1, 4))
    def test_what_is_written_is_read(self, tmp_path_factory, seed, width, height):
        rng = np.random.default_rng(seed)
        shape = (1449, height, width)
        images = rng.integers(0, 256, (*shape, 3), np.uint8)
        depths = rng.uniform(0.7, 10, shape).astype(np.float32)
        labels = rng.integers(0, 895, shape, np.uint16)
        path = tmp_path_factory.mktemp("mat") / "nyu_depth_v2_labeled.mat"
        write_nyuv2_mat(path, images, depths, labels)

        frames = open_dataset(path, "nyuv2-mat", "test")
        assert len(frames.names) == 654
        for index in (0, 2, 653):
            frame, place = frames.read(index), official_split("test")[index] - 1
            assert frame.name == f"{place + 1:04d}"
            assert np.array_equal(frame.rgb, images[place])
            assert np.array_equal(frame.depth_m, depths[place])
            assert np.array_equal(frame.labels == 255, labels[place] == 0)

    def test_known_labels_become_their_classes(self, tmp_path):
        # The labels are: void, book, cabinet, ceiling, garbage bin, wall, box, person.
        stored = [0, 1, 3, 4, 12, 21, 26, 331]
        classes = [
            None,
            "otherprop",
            "cabinet",
            "ceiling",
            "otherfurniture",
            "wall",
            "box",
            "person",
        ]
        labels = np.zeros((1449, 1, len(stored)), np.uint16)
        labels[1, 0] = stored
        path = tmp_path / "renamed.mat"
        images, depths = np.zeros((*labels.shape, 3), np.uint8), np.ones(labels.shape, np.float32)
        write_nyuv2_mat(path, images, depths, labels)

        frame = open_dataset(path, "nyuv2-mat", "test").read(1)
        names = dict(enumerate(load_label_space("nyu40").classes))
        assert [names.get(label) for label in frame.labels[0].tolist()] == classes

    def test_a_folder_that_holds_the_file_will_do(self, tmp_path):
        shape = (1449, 2, 3)
        path = tmp_path / "nyu_depth_v2_labeled.mat"
        ones = np.ones(shape, np.float32)
        write_nyuv2_mat(path, np.zeros((*shape, 3), np.uint8), ones, ones.astype(np.uint16))
        assert open_dataset(tmp_path, "nyuv2-mat", "train").read(0).name == "0003"

    def test_the_file_is_closed_when_the_frames_go(self, tmp_path, h5py):
        shape = (1449, 2, 3)
        path = tmp_path / "nyu_depth_v2_labeled.mat"
        ones = np.ones(shape, np.float32)
        write_nyuv2_mat(path, np.zeros((*shape, 3), np.uint8), ones, ones.astype(np.uint16))
        frames = open_dataset(path, "nyuv2-mat", "test")
        frames.read(0)
        with pytest.raises(OSError):
            h5py.File(path, "a")
        del frames
        gc.collect()
        h5py.File(path, "a").close()


class TestSunRgbd:
    @pytest.fixture
    def folders(self):
        return ["kv1/b3dodata/img_0063", "xtion/a/2013-05", "kv2/kinect2data/000002_2014-05-26"]

    def test_the_official_folder_is_read_in_the_order_of_its_metadata(self, tmp_path, folders):
        pytest.importorskip("h5py")
        pytest.importorskip("scipy")
        pictures = {
            folder: picture(seed, classes=37, height=480, width=640)
            for seed, folder in enumerate(folders)
        }
        write_sunrgbd(tmp_path, pictures, test=[folders[2], folders[0]])

        frames = open_dataset(tmp_path, "sunrgbd", "test")
        assert frames.names == (folders[0], folders[2])
        for frame in read_all(frames):
            assert_shows(frame, pictures[frame.name])
        assert open_dataset(tmp_path, "sunrgbd", "train").names == (folders[1],)
        assert frames.label_space == "sunrgbd37"
        assert frames.settings["frames"] == "2 of the 2 of allsplit.mat"
        assert "640x480" in frames.settings["resize"]

    def test_the_layout_of_asymformer_has_a_folder_a_split(self, tmp_path):
        for split in ("train", "test"):
            one = picture(len(split), classes=37, height=480, width=640)
            write_asymformer_sun(tmp_path, f"a_{split}", one, split)
            write_list(tmp_path, split, [f"a_{split}"])

            (frame,) = read_all(open_dataset(tmp_path, "asymformer-sun", split))
            assert frame.name == f"a_{split}"
            assert_shows(frame, one)

    @pytest.mark.parametrize("size", [(530, 730), (427, 561), (441, 591), (531, 681)])
    def test_frames_of_its_cameras_are_resized_as_scikit_image_does(self, size):
        zoom = pytest.importorskip("scipy.ndimage").zoom  # what skimage.transform.resize calls
        one = picture(1, 37, *size)
        rgb = cv2.GaussianBlur(one.rgb, (0, 0), 2.0)
        frame = resized(LabelledFrame("a", rgb, one.metres, one.labels))
        factors = (480 / size[0], 640 / size[1])

        def official(image, order, *more):
            image = image.astype(np.float64)
            return zoom(image, (*factors, *more), order=order, mode="reflect", grid_mode=True)

        assert np.array_equal(frame.labels, official(one.labels, 0))
        assert np.array_equal(frame.depth_m, official(one.metres, 0), equal_nan=True)
        assert np.abs(frame.rgb - official(rgb, 1, 1)).max() <= 1


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the frames in ../shared/data")
class TestRealFrames:
    def test_nyuv2_small_is_read_whole_and_in_order(self):
        for split, count in (("train", 795), ("test", 654)):
            frames = open_dataset(DATA / "nyuv2_small", "nyuv2-small", split)
            assert frames.names == tuple(f"{number:04d}" for number in official_split(split))
            assert len(frames.names) == count
        seen = set()
        for frame in map(frames.read, range(count)):
            assert frame.rgb.shape == (240, 320, 3)
            assert frame.depth_m.min() > 0 and frame.depth_m.max() <= 10.01
            seen |= set(np.unique(frame.labels).tolist())
        assert seen == {*range(40), 255}

    def test_the_first_frame_is_that_of_full_size(self):
        frame = open_dataset(DATA / "nyuv2_small", "nyuv2-small", "test").read(0)
        folder = DATA / "frames/nyuv2"
        labels = cv2.imread(str(folder / "label40/0001.png"), cv2.IMREAD_UNCHANGED)
        depth = cv2.imread(str(folder / "depth/0001.png"), cv2.IMREAD_UNCHANGED)
        color = cv2.imread(str(folder / "color/0001.png"))[:, :, ::-1]
        assert np.array_equal(frame.labels, labels[::2, ::2])
        assert np.abs(frame.depth_m - depth[::2, ::2] / 1000).max() < 0.04
        difference = frame.rgb - cv2.resize(color, (320, 240), interpolation=cv2.INTER_AREA) * 1.0
        assert np.abs(difference).mean() < 4

    @pytest.mark.parametrize("layout", ["asymformer", "acnet"])
    def test_full_size_frames_written_in_other_layouts_come_back(self, tmp_path, layout):
        folder = DATA / "frames/nyuv2"
        parts = {
            part: cv2.imread(str(folder / part / "0001.png"), cv2.IMREAD_UNCHANGED)
            for part in ("color", "depth", "label40")
        }
        one = Picture(parts["color"][:, :, ::-1], parts["depth"], parts["label40"])
        {"asymformer": write_asymformer, "acnet": write_acnet}[layout](tmp_path, "0001", one)
        write_list(tmp_path, "test", ["0001"])
        assert_shows(open_dataset(tmp_path, layout, "test").read(0), one)
