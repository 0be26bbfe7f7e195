"""Data sets that cannot be used say which file, why, and what to do."""

import sys

import cv2
import numpy as np
import pytest
from dataset_files import (
    picture,
    write_acnet,
    write_array,
    write_asymformer,
    write_asymformer_sun,
    write_dformer,
    write_image,
    write_list,
    write_nyuv2_mat,
    write_nyuv2_small,
    write_sunrgbd,
)

from asymformer_ros.evaluation.datasets import LAYOUTS, open_dataset
from asymformer_ros.evaluation.labelled_frames import DatasetError
from asymformer_ros.perception.depth_unit import parse_depth_unit

FOLDER = "kv1/b3dodata/img_0063"


@pytest.fixture
def asymformer(tmp_path):
    """One frame, `1`."""
    write_asymformer(tmp_path, 1, picture(1))
    write_list(tmp_path, "test", ["1"])
    return tmp_path


def refusal(path, layout="asymformer", split="test", unit=None):
    """The message with which a data set, or its first frame, is refused."""
    with pytest.raises(DatasetError) as error:
        open_dataset(path, layout, split, unit).read(0)
    return str(error.value)


def test_an_unknown_layout_or_split_is_named(tmp_path):
    assert "layout 'asymforme' is unknown; did you mean" in refusal(tmp_path, "asymforme")
    assert refusal(tmp_path, split="val") == "split 'val' is unknown: give train or test"


def test_a_path_that_does_not_exist_is_named(tmp_path):
    assert (
        refusal(tmp_path / "none") == f"{tmp_path}/none does not exist: give the folder of the "
        "data set"
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_empty_folder_is_told_what_the_layout_has(tmp_path, layout):
    message = refusal(tmp_path, layout)
    assert message.startswith(f"{tmp_path} has no ")
    assert f"layout {layout} is {LAYOUTS[layout]}; known layouts: " in message


class TestAnotherLayout:
    """The message tells which layout the folder has."""

    @pytest.mark.parametrize(
        ("write", "layout"),
        [
            (write_asymformer, "asymformer"),
            (write_acnet, "acnet"),
            (write_nyuv2_small, "nyuv2-small"),
            (write_dformer, "dformer"),
            (write_asymformer_sun, "asymformer-sun"),
        ],
    )
    def test_of_folders(self, tmp_path, write, layout):
        write(tmp_path, "0001", picture(1))
        other = "acnet" if layout == "asymformer" else "asymformer"
        assert refusal(tmp_path, other).endswith(f"; this looks like layout {layout}")

    def test_of_matlab_files(self, tmp_path):
        (tmp_path / "nyu_depth_v2_labeled.mat").touch()
        assert refusal(tmp_path, "sunrgbd").endswith("; this looks like layout nyuv2-mat")
        for name in ("a/SUNRGBD", "a/SUNRGBDtoolbox"):
            (tmp_path / name).mkdir(parents=True)
        assert refusal(tmp_path / "a", "asymformer-sun").endswith("this looks like layout sunrgbd")

    def test_of_the_folder_above(self, tmp_path):
        write_nyuv2_small(tmp_path, "0001", picture(1))
        message = refusal(tmp_path / "test", "nyuv2-small")
        assert message.endswith(f"its parent {tmp_path} looks like layout nyuv2-small")


class TestLists:
    def test_listed_frames_must_be_there(self, asymformer):
        write_list(asymformer, "test", ["1", "2"])
        message = refusal(asymformer)
        assert message.startswith(f"{asymformer}/images/2.png is missing (and 2 more): ")
        assert "test is 2, by test.txt" in message

    @pytest.mark.parametrize(("content", "why"), [(b"\n\n", "is empty"), (b"\xff", "as text")])
    def test_a_list_without_names_is_refused(self, asymformer, content, why):
        (asymformer / "test.txt").write_bytes(content)
        message = refusal(asymformer)
        assert message.startswith(f"{asymformer}/test.txt") and why in message

    @pytest.mark.parametrize("part", ["images", "depths", "labels"])
    def test_without_a_list_a_frame_must_have_all_its_parts(self, tmp_path, part):
        for name in ("1", "2"):
            write_asymformer(tmp_path, name, picture(1))
        (tmp_path / part / "2.png").unlink()
        message = refusal(tmp_path)
        assert message.startswith(f"{tmp_path}/{part}/2.png is missing: ")

    @pytest.mark.parametrize("name", ["a", "0", "3", "1450"])
    def test_without_a_list_only_official_numbers_will_do(self, tmp_path, name):
        write_asymformer(tmp_path, name, picture(1))
        message = refusal(tmp_path)
        assert message.startswith(f"{tmp_path}/test.txt is missing")
        assert "not named by the numbers of NYUv2, 1 to 1449: add the list" in message


class TestFiles:
    @pytest.mark.parametrize("content", [b"no image", b"", b"\x89PNG\r\n\x1a\n"])
    @pytest.mark.parametrize("part", ["images", "depths", "labels"])
    def test_a_file_that_is_no_image_is_named(self, asymformer, part, content):
        (asymformer / part / "1.png").write_bytes(content)
        assert refusal(asymformer).startswith(f"{asymformer}/{part}/1.png")

    @pytest.mark.parametrize("content", [b"no array", b"", b"PK\3\4damaged"])
    @pytest.mark.parametrize("part", ["images", "depths", "labels40"])
    def test_a_file_that_is_no_array_is_named(self, tmp_path, part, content):
        write_acnet(tmp_path, 1, picture(1))
        write_list(tmp_path, "test", ["1"])
        (tmp_path / part / "1.npy").write_bytes(content)
        assert refusal(tmp_path, "acnet").startswith(f"{tmp_path}/{part}/1.npy")

    def test_an_archive_of_arrays_is_refused(self, tmp_path):
        write_acnet(tmp_path, 1, picture(1))
        write_list(tmp_path, "test", ["1"])
        with (tmp_path / "labels40/1.npy").open("wb") as file:
            np.savez(file, a=np.ones(2))
        assert "labels40/1.npy is an archive of several arrays" in refusal(tmp_path, "acnet")

    @pytest.mark.parametrize("color", [picture(1).metres, picture(1).rgb / 255])
    def test_an_array_that_is_no_colour_is_refused(self, tmp_path, color):
        write_acnet(tmp_path, 1, picture(1))
        write_list(tmp_path, "test", ["1"])
        write_array(tmp_path / "images/1.npy", color)
        assert "images/1.npy: colour is uint8 [H, W, 3]" in refusal(tmp_path, "acnet")

    @pytest.mark.parametrize("part", ["depths", "labels"])
    def test_parts_of_several_sizes_are_refused(self, asymformer, part):
        path = asymformer / part / "1.png"
        write_image(path, cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[:4])
        message = refusal(asymformer)
        assert message.startswith("frame 1: colour is 8x6, depth ") and "8x4" in message

    def test_sizes_are_compared_before_frames_of_sun_rgbd_are_resized(self, tmp_path):
        write_asymformer_sun(tmp_path, 1, picture(1, classes=37))
        write_list(tmp_path, "test", ["1"])
        write_image(tmp_path / "test_label/1.png", np.ones((5, 8), np.uint8))
        assert "colour is 8x6, depth 8x6, labels 8x5" in refusal(tmp_path, "asymformer-sun")


class TestDepth:
    """Nothing is guessed from the type of the numbers."""

    @pytest.mark.parametrize(
        ("layout", "write", "depth", "wrong"),
        [
            ("asymformer", write_asymformer, "depths/1.png", np.uint8),
            ("nyuv2-small", write_nyuv2_small, "test/depth/1.png", np.uint16),
            ("asymformer-sun", write_asymformer_sun, "test_depth/1.png", np.uint8),
        ],
    )
    def test_another_bit_depth_than_the_unit_has_is_refused(
        self, tmp_path, layout, write, depth, wrong
    ):
        write(tmp_path, 1, picture(1, classes=37))
        write_list(tmp_path, "test", ["1"])
        write_image(tmp_path / depth, np.ones((6, 8), wrong))
        message = refusal(tmp_path, layout)
        assert message.startswith(f"{tmp_path}/{depth}: depth is {np.dtype(wrong)}, the unit ")
        assert "declare its true unit" in message

    def test_millimetres_in_a_layout_of_metres_are_refused(self, tmp_path):
        write_acnet(tmp_path, 1, picture(1))
        write_list(tmp_path, "test", ["1"])
        write_array(tmp_path / "depths/1.npy", picture(1).millimetres)
        assert "depths/1.npy: depth is uint16, the unit m is for float" in refusal(
            tmp_path, "acnet"
        )
        millimetres = parse_depth_unit("mm")
        frame = open_dataset(tmp_path, "acnet", "test", millimetres).read(0)
        assert np.array_equal(frame.depth_m, picture(1).metres, equal_nan=True)

    @pytest.mark.parametrize("channels", [3, 4])
    def test_a_picture_of_depth_is_refused(self, tmp_path, channels):
        write_dformer(tmp_path, 1, picture(1))
        write_list(tmp_path, "test", ["1"])
        write_image(tmp_path / "Depth/1.png", np.ones((6, 8, channels), np.uint8))
        message = refusal(tmp_path, "dformer", unit=parse_depth_unit("0.04"))
        assert message.startswith(f"{tmp_path}/Depth/1.png: a PNG of {channels} x 8 bits holds no")


class TestLabels:
    @pytest.mark.parametrize(
        ("layout", "write", "path", "value", "range_of_values"),
        [
            ("asymformer", write_asymformer, "labels/1.png", 41, "0 to 40, void is 0"),
            ("asymformer", write_asymformer, "labels/1.png", 255, "0 to 40, void is 0"),
            ("nyuv2-small", write_nyuv2_small, "test/label/1.png", 40, "0 to 39, void is 255"),
            ("asymformer-sun", write_asymformer_sun, "test_label/1.png", 38, "0 to 37, void is 0"),
        ],
    )
    def test_a_value_outside_the_classes_is_named(
        self, tmp_path, layout, write, path, value, range_of_values
    ):
        write(tmp_path, 1, picture(1, classes=37))
        write_list(tmp_path, "test", ["1"])
        labels = np.zeros((6, 8), np.uint8)
        labels[3, 4] = value
        write_image(tmp_path / path, labels)
        assert refusal(tmp_path, layout).startswith(
            f"{tmp_path}/{path} has the label {value}: this layout stores {range_of_values}"
        )

    @pytest.mark.parametrize("value", [-1.0, 41.0, 2.5, np.nan, 65536.0])
    def test_arrays_must_hold_whole_numbers_of_the_classes(self, tmp_path, value):
        write_acnet(tmp_path, 1, picture(1))
        write_list(tmp_path, "test", ["1"])
        labels = np.ones((6, 8))
        labels[3, 4] = value
        write_array(tmp_path / "labels40/1.npy", labels)
        name = f"{value:.0f}" if value == 41 else str(value)
        assert f"labels40/1.npy has the label {name}: this" in refusal(tmp_path, "acnet")

    @pytest.mark.parametrize(
        ("image", "bits"), [(picture(1).rgb, ()), (picture(1).labels, (cv2.IMWRITE_PNG_BILEVEL, 1))]
    )
    def test_an_image_that_holds_no_classes_is_refused(self, asymformer, image, bits):
        write_image(asymformer / "labels/1.png", image, *bits)
        message = refusal(asymformer)
        assert message.startswith(f"{asymformer}/labels/1.png cannot be read as labels")
        assert "a grey PNG of 8 or 16 does" in message

    def test_an_array_of_several_channels_is_refused(self, tmp_path):
        write_acnet(tmp_path, 1, picture(1))
        write_list(tmp_path, "test", ["1"])
        write_array(tmp_path / "labels40/1.npy", picture(1).rgb)
        assert "labels40/1.npy is uint8 (6, 8, 3): labels" in refusal(tmp_path, "acnet")


class TestNyuv2Mat:
    @pytest.fixture(autouse=True)
    def h5py(self):
        return pytest.importorskip("h5py")

    @pytest.fixture
    def mat(self, tmp_path):
        return tmp_path / "nyu_depth_v2_labeled.mat"

    def write(self, path, count=1449, label=1, depths=np.float32, height=2):
        shape = (count, 2, 3)
        images, labels = np.zeros((*shape, 3), np.uint8), np.full(shape, label, np.uint16)
        write_nyuv2_mat(path, images, np.ones((count, height, 3), depths), labels)

    def test_a_file_of_another_format_is_refused(self, mat):
        mat.write_bytes(b"MATLAB 5.0 MAT-file")
        assert "truncated or no MATLAB 7.3 file" in refusal(mat, "nyuv2-mat")

    def test_a_file_of_something_else_is_refused(self, mat, h5py):
        with h5py.File(mat, "w") as file:
            file["images"] = np.ones(3)
        assert "has no images, depths and labels" in refusal(mat, "nyuv2-mat")
        with h5py.File(mat, "a") as file:
            file["depths"] = file["labels"] = np.ones(3)
        assert "holds float64 images (3,), depths (3,) and labels (3,)" in refusal(mat, "nyuv2-mat")

    @pytest.mark.parametrize(("wrong", "value"), [("count", 1448), ("height", 4)])
    def test_a_part_of_the_official_file_is_refused(self, mat, wrong, value):
        self.write(mat, **{wrong: value})
        assert "the official file 1449 frames: download it again" in refusal(mat, "nyuv2-mat")

    def test_what_a_frame_cannot_be_is_named_with_its_number(self, mat):
        self.write(mat, label=895)
        assert refusal(mat, "nyuv2-mat", "train").startswith(
            f"{mat}, frame 3 has the label 895: this layout stores 0 to 894, void is 0"
        )
        other = mat.with_name("other.mat")
        self.write(other, depths=np.uint16)
        assert f"{other}, frame 3: depth is uint16, the unit m" in refusal(
            other, "nyuv2-mat", "train"
        )


class TestSunRgbd:
    @pytest.fixture(autouse=True)
    def packages(self):
        pytest.importorskip("h5py")
        pytest.importorskip("scipy")

    @pytest.fixture
    def sunrgbd(self, tmp_path):
        write_sunrgbd(tmp_path, {FOLDER: picture(1, classes=37)}, test=[FOLDER])
        return tmp_path

    @pytest.mark.parametrize("name", ["image/color.png", "depth_bfx/depth.png"])
    def test_a_frame_of_the_split_must_be_there(self, sunrgbd, name):
        (sunrgbd / "SUNRGBD" / FOLDER / name).unlink()
        assert refusal(sunrgbd, "sunrgbd").startswith(
            f"{sunrgbd}/SUNRGBD/{FOLDER}/{name} is missing: it is one of the test frames of "
        )

    @pytest.mark.parametrize(
        "name",
        [
            "Metadata/SUNRGBDMeta.mat",
            "Metadata/SUNRGBD2Dseg.mat",
            "traintestSUNRGBD/allsplit.mat",
        ],
    )
    def test_every_file_of_the_toolbox_is_needed(self, sunrgbd, name):
        file = sunrgbd / "SUNRGBDtoolbox" / name
        file.write_bytes(b"MATLAB")
        assert refusal(sunrgbd, "sunrgbd").startswith(f"{file} ")
        file.unlink()
        assert refusal(sunrgbd, "sunrgbd").startswith(f"{file} ")

    def test_files_of_the_toolbox_hold_what_they_are_for(self, sunrgbd):
        import scipy.io

        toolbox = sunrgbd / "SUNRGBDtoolbox"
        meta, splits = (
            toolbox / "Metadata/SUNRGBDMeta.mat",
            toolbox / "traintestSUNRGBD/allsplit.mat",
        )
        scipy.io.savemat(splits, {"alltest": "elsewhere", "other": 1})
        assert "names no frame of" in refusal(sunrgbd, "sunrgbd")
        assert "has no variable alltrain" in refusal(sunrgbd, "sunrgbd", "train")
        scipy.io.savemat(meta, {"SUNRGBDMeta": np.ones(3)})
        assert f"{meta} lacks rgbpath, rgbname or depthname" in refusal(sunrgbd, "sunrgbd")

    def test_labels_and_metadata_must_be_of_one_toolbox(self, sunrgbd):
        import h5py

        labels = sunrgbd / "SUNRGBDtoolbox/Metadata/SUNRGBD2Dseg.mat"
        with h5py.File(labels, "w") as file:
            file["SUNRGBD2Dseg/seglabel"] = np.ones((2, 1))
        assert f"{labels} has labels of 2 frames, " in refusal(sunrgbd, "sunrgbd")
        with h5py.File(labels, "w") as file:
            file["seglabel"] = np.ones((2, 1))
        assert f"{labels} has no SUNRGBD2Dseg.seglabel" in refusal(sunrgbd, "sunrgbd")

    def test_a_frame_is_named_by_its_folder(self, tmp_path):
        one = picture(1, classes=37)
        one.labels[0, 0] = 37
        write_sunrgbd(tmp_path, {FOLDER: one}, test=[FOLDER])
        assert f"SUNRGBD2Dseg.mat, {FOLDER} has the label 38" in refusal(tmp_path, "sunrgbd")


@pytest.mark.parametrize("package", ["h5py", "scipy"])
def test_a_missing_package_is_named_with_its_remedy(tmp_path, monkeypatch, package):
    pytest.importorskip("h5py")
    pytest.importorskip("scipy")
    write_sunrgbd(tmp_path, {FOLDER: picture(1, classes=37)}, test=[FOLDER])
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    assert refusal(tmp_path, "sunrgbd").endswith(
        f"with the package {package}: pip install {package}"
    )
