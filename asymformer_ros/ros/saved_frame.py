"""One frame with all its outputs as a folder of files: what a bug report needs."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from array import array
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo

from asymformer_ros import __version__
from asymformer_ros.perception.depth import to_millimetres
from asymformer_ros.perception.frames import FrameError, Segmentation
from asymformer_ros.ros.frame_outputs import FrameOutputs
from asymformer_ros.ros.frame_processor import SegmentedFrame
from asymformer_ros.ros.pipeline import FrameAccount


def save_frame(parent: Path, segmented: SegmentedFrame, report: Mapping[str, Any]) -> Path:
    """Write a frame into a new folder of `parent`, named after its stamp; returns the folder.

    It holds color/ and depth/ as `asymformer replay` reads them (depth 16-bit PNG in millimetres,
    0 = no reading), every output as a picture, the cloud as points.npy and the rest, with `report`,
    in frame.yaml. The folder is whole or not there. Raises OSError.
    """
    outputs = segmented.outputs
    parent.mkdir(parents=True, exist_ok=True)
    final = _unused(parent, f"frame_{outputs.frame.stamp_ns:019d}")
    temporary = Path(tempfile.mkdtemp(dir=parent, prefix=f".{final.name}."))
    try:
        for name, image in _pictures(outputs, segmented.network).items():
            _write_png(temporary / name, image)
        with suppress(FrameError):  # without a usable camera info, which frame.yaml shows
            np.save(temporary / "points.npy", outputs.cloud())
        document = _document(outputs) | dict(report)
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
        (temporary / "frame.yaml").write_text(text, encoding="utf-8")
        temporary.chmod(0o755)  # mkdtemp's 0700 would lock other users out
        temporary.replace(final)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return final


def save_folder(save_dir: str) -> Path:
    """The folder that the parameter `save_dir` names; empty: in ROS's own. Raises OSError."""
    folder = save_dir or str(Path(os.environ.get("ROS_HOME", "~/.ros"), "asymformer_ros"))
    try:
        return Path(folder).expanduser().absolute()
    except RuntimeError as error:
        raise OSError(f"{folder}: {error}") from error


def describe_node(node: Node, engine: str, account: FrameAccount) -> dict[str, Any]:
    """What frame.yaml says of the node; engine: what runs, in one sentence."""
    # Parameters, whatever rclpy's type hint says.
    parameters: dict[str, Any] = node.get_parameters_by_prefix("")
    return {
        "node": node.get_fully_qualified_name(),
        "engine": engine,
        # Not asdict, which makes something else of a Counter.
        "account": {name: _plain(value) for name, value in vars(account).items()},
        "parameters": _plain({name: p.value for name, p in sorted(parameters.items())}),
    }


def _unused(parent: Path, name: str) -> Path:
    """A new path of that name; numbered, because stamps recur: bags loop, clocks stand at zero."""
    number, path = 1, parent / name
    while path.exists():
        number += 1
        path = parent / f"{name}_{number}"
    return path


def _pictures(outputs: FrameOutputs, network: Segmentation) -> dict[str, NDArray[Any]]:
    """Images by file name; colour in B, G, R order."""
    frame = outputs.frame
    return {
        f"color/{frame.stamp_ns}.png": frame.rgb[..., ::-1],
        f"depth/{frame.stamp_ns}.png": to_millimetres(frame.depth_m),
        "network_labels.png": network.labels,
        "semantic.png": outputs.segmentation.labels,
        "confidence.png": outputs.segmentation.confidence,
        "color.png": outputs.colors[..., ::-1],
        "overlay.png": outputs.overlay_image[..., ::-1],
        "mask.png": outputs.mask_image,
    }


def _document(outputs: FrameOutputs) -> dict[str, Any]:
    space = outputs.options.labelling.space
    return {
        "asymformer_ros": __version__,
        "stamp_ns": outputs.frame.stamp_ns,
        "frame_id": outputs.frame.frame_id,
        "camera_info": _camera_info(outputs.camera_info),
        "label_space": {"name": space.name, "classes": list(space.classes)},
        "scene": [_plain(asdict(entry)) for entry in outputs.classes()],
    }


def _camera_info(info: CameraInfo | None) -> dict[str, Any] | None:
    if info is None:
        return None
    numbers = {name: [float(value) for value in getattr(info, name)] for name in "kdrp"}
    return {
        "width": info.width,
        "height": info.height,
        "distortion_model": info.distortion_model,
        **numbers,
    }


def _plain(value: Any) -> Any:
    """What YAML knows: None for NaN, lists for arrays and tuples, dicts for mappings."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list | array):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return None if math.isnan(value) else value
    return value


def _write_png(path: Path, image: NDArray[Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    # Fast rather than small: no message is received meanwhile.
    fast = (cv2.IMWRITE_PNG_COMPRESSION, 1)
    encoded, content = cv2.imencode(".png", np.ascontiguousarray(image), fast)
    assert encoded, "OpenCV encodes 8 and 16 bits as PNG"
    path.write_bytes(content.tobytes())
