"""Files of MATLAB: HDF5 since version 7.3, before that a format of its own."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.evaluation.labelled_frames import DatasetError


def open_hdf5(path: Path) -> Any:
    """An h5py.File for reading."""
    h5py = _package("h5py", path)
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise DatasetError(
            f"{path} is missing, truncated or no MATLAB 7.3 file, download it again: {error}"
        ) from error


def load_variable(path: Path, name: str) -> NDArray[Any]:
    """A vector of a file before version 7.3: text of a cell array, records of a struct array."""
    scipy_io = _package("scipy.io", path)
    try:
        return np.atleast_1d(scipy_io.loadmat(path, squeeze_me=True, variable_names=[name])[name])
    except KeyError as error:
        raise DatasetError(f"{path} has no variable {name}: download it again") from error
    except Exception as error:  # a damaged file makes its parser raise all sorts
        reason = " ".join(str(error).split())
        raise DatasetError(f"{path} cannot be read, download it again: {reason}") from error


def _package(name: str, path: Path) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise DatasetError(
            f"{path} is read with the package {package}: pip install {package}"
        ) from error
