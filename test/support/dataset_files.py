"""Data sets of a few small frames, written in the layouts of their authors."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

UNLABELLED = 255
SUN_ORIGIN = "/n/fs/sun3d/data/SUNRGBD"


@dataclass(frozen=True, eq=False)
class Picture:
    """rgb uint8 [H, W, 3]; millimetres uint16 [H, W], 0 = hole; labels uint8 [H, W], 255 = void."""

    rgb: np.ndarray
    millimetres: np.ndarray
    labels: np.ndarray

    @property
    def metres(self):
        """As it must be read: NaN in holes."""
        metres = (self.millimetres / 1000).astype(np.float32)
        metres[self.millimetres == 0] = np.nan
        return metres


def picture(seed, classes=40, height=6, width=8):
    """Random parts, with some holes and some void."""
    rng = np.random.default_rng(seed)
    millimetres = rng.integers(500, 8000, (height, width), np.uint16)
    labels = rng.integers(0, classes, (height, width), np.uint8)
    millimetres[rng.random((height, width)) < 0.1] = 0
    labels[rng.random((height, width)) < 0.1] = UNLABELLED
    return Picture(rng.integers(0, 256, (height, width, 3), np.uint8), millimetres, labels)


def write_image(path, array, *settings):
    path.parent.mkdir(parents=True, exist_ok=True)
    color = array.ndim == 3 and array.shape[2] == 3
    assert cv2.imwrite(str(path), array[:, :, ::-1] if color else array, settings)


def write_array(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)


def from_one(labels):
    """Classes 1.., 0 = void: 255 wraps around."""
    return labels + np.uint8(1)


def write_list(root: Path, split, lines):
    root.mkdir(parents=True, exist_ok=True)
    (root / f"{split}.txt").write_text("\n".join(lines) + "\n")


def write_asymformer(root, name, one):
    write_image(root / f"images/{name}.png", one.rgb)
    write_image(root / f"depths/{name}.png", one.millimetres)
    write_image(root / f"labels/{name}.png", from_one(one.labels).astype(np.uint16))


def write_acnet(root, name, one):
    write_array(root / f"images/{name}.npy", one.rgb)
    write_array(root / f"depths/{name}.npy", one.metres)
    write_array(root / f"labels40/{name}.npy", from_one(one.labels).astype(np.float64))


def write_nyuv2_small(root, name, one, split="test"):
    """Depth in steps of 10 m / 255, with every pixel a distance."""
    lossless = (cv2.IMWRITE_WEBP_QUALITY, 101)
    write_image(root / f"{split}/color/{name}.webp", one.rgb, *lossless)
    write_image(root / f"{split}/depth/{name}.png", (one.millimetres // 40).astype(np.uint8))
    write_image(root / f"{split}/label/{name}.png", one.labels)


def write_dformer(root, name, one):
    write_image(root / f"RGB/{name}.jpg", one.rgb)
    write_image(root / f"Depth/{name}.png", one.millimetres)
    write_image(root / f"Label/{name}.png", from_one(one.labels))


def write_asymformer_sun(root, name, one, split="test"):
    write_array(root / f"{split}_image/{name}.npy", one.rgb)
    write_image(root / f"{split}_depth/{name}.png", one.millimetres * np.uint16(8))
    write_image(root / f"{split}_label/{name}.png", from_one(one.labels))


def write_nyuv2_mat(path, images, depths, labels):
    """images uint8 [N, H, W, 3], depths float32 [N, H, W], labels uint16 [N, H, W]."""
    import h5py

    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file["images"] = images.transpose(0, 3, 2, 1)
        file["depths"] = depths.transpose(0, 2, 1)
        file["labels"] = labels.transpose(0, 2, 1)


def write_sunrgbd(root, pictures, test):
    """pictures: by folder below SUNRGBD, in the order of SUNRGBDMeta; test: folders of the split.

    Every text is as in the toolbox: an absolute path on its authors' machine.
    """
    import h5py
    import scipy.io

    fields = ("sequenceName", "rgbpath", "rgbname", "depthpath", "depthname")
    meta = np.empty((1, len(pictures)), [(field, object) for field in fields])
    for index, (folder, one) in enumerate(pictures.items()):
        place = root / "SUNRGBD" / folder
        write_image(place / "image/color.png", one.rgb)
        write_image(place / "depth_bfx/depth.png", one.millimetres * np.uint16(8))
        origin = f"{SUN_ORIGIN}/{folder}"
        meta[0, index] = (
            f"SUNRGBD/{folder}",
            f"{origin}/image/color.png",
            "color.png",
            f"{origin}/depth/depth.png",
            "depth.png",
        )
    toolbox = root / "SUNRGBDtoolbox"
    for folder in ("Metadata", "traintestSUNRGBD"):
        (toolbox / folder).mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(toolbox / "Metadata/SUNRGBDMeta.mat", {"SUNRGBDMeta": meta})
    train = [folder for folder in pictures if folder not in test]
    splits = {"alltrain": _cells(train), "alltest": _cells(test)}
    scipy.io.savemat(toolbox / "traintestSUNRGBD/allsplit.mat", splits)
    with h5py.File(toolbox / "Metadata/SUNRGBD2Dseg.mat", "w") as file:
        references = file.create_dataset(
            "SUNRGBD2Dseg/seglabel", (len(pictures), 1), h5py.ref_dtype
        )
        for index, one in enumerate(pictures.values()):
            file[f"#refs#/{index}"] = from_one(one.labels).T
            references[index, 0] = file[f"#refs#/{index}"].ref


def _cells(folders):
    cells = np.empty((1, len(folders)), object)
    cells[0, :] = [f"{SUN_ORIGIN}/{folder}" for folder in folders]
    return cells
