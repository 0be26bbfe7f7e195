"""Other encodings: through cv_bridge where it works, and one clear sentence where it does not."""

from __future__ import annotations

import importlib.util
import os
import sys

import numpy as np
import pytest

pytest.importorskip("sensor_msgs.msg", reason="needs the ROS message packages")

from sensor_msgs.msg import Image

from asymformer_ros.perception.frames import FrameError
from asymformer_ros.ros import image_bridge
from asymformer_ros.ros.images import decode_color, decode_depth

# The names and arguments of vision_opencv's cv_bridge/python/cv_bridge/core.py (Humble to Rolling).
WORKING = """
import sys
import numpy as np


class CvBridgeError(TypeError):
    pass


class CvBridge:
    def imgmsg_to_cv2(self, img_msg, desired_encoding="passthrough"):
        made = {"yuv422": (np.uint8, 2), "rgb16": (np.uint16, 3), "64FC1": (np.float64, 1)}
        made |= {"16SC1": (np.int16, 1), "bayer_rggb16": (np.uint16, 1)}
        if img_msg.encoding not in made:
            raise CvBridgeError(f"Unrecognized image encoding\\n[{img_msg.encoding}]")
        dtype, channels = made[img_msg.encoding]
        columns = img_msg.step // np.dtype(dtype).itemsize // channels
        array = np.ndarray((img_msg.height, columns, channels), dtype, img_msg.data)
        array = array[:, : img_msg.width]
        if desired_encoding == "passthrough":
            return array[..., 0] if channels == 1 else array
        assert desired_encoding == "rgb8"
        if not array.size:
            return None
        return np.repeat(array[..., :1], 3, axis=2).astype(np.uint8)
"""
KILLED = """
import os
import signal


class CvBridge:
    def imgmsg_to_cv2(self, img_msg, desired_encoding="passthrough"):
        os.kill(os.getpid(), signal.SIGSEGV)
"""


@pytest.fixture(autouse=True)
def fresh_bridge():
    image_bridge._bridge.cache_clear()
    yield
    image_bridge._bridge.cache_clear()


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a cv_bridge of this source, for this process and for those that it starts."""

    def install_one(source):
        (tmp_path / "cv_bridge.py").write_text(source)
        monkeypatch.delitem(sys.modules, "cv_bridge", raising=False)
        monkeypatch.syspath_prepend(tmp_path)
        paths = (str(tmp_path), os.environ.get("PYTHONPATH", ""))
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))

    yield install_one
    sys.modules.pop("cv_bridge", None)


def message(encoding, dtype, channels, **fields):
    values = np.arange(1, 1 + 2 * 4 * channels, dtype=dtype)
    layout = {"height": 2, "width": 4, "step": values.nbytes // 2}
    made = Image(encoding=encoding, **layout | fields)
    made.data.frombytes(values.tobytes())
    return made


@pytest.mark.parametrize(
    ("encoding", "dtype", "channels"), [("yuv422", np.uint8, 2), ("rgb16", np.uint16, 3)]
)
def test_cv_bridge_makes_rgb8_of_other_colour_encodings(install, encoding, dtype, channels):
    install(WORKING)

    decoded = decode_color(message(encoding, dtype, channels))

    first = np.arange(1, 1 + 8 * channels, channels).reshape(2, 4)
    np.testing.assert_array_equal(decoded, np.dstack((first,) * 3))
    assert decoded.dtype == np.uint8


def test_cv_bridge_passes_through_floats_of_another_width_as_metres(install):
    install(WORKING)

    decoded = decode_depth(message("64FC1", np.float64, 1))

    np.testing.assert_array_equal(decoded, np.arange(1, 9, dtype=np.float32).reshape(2, 4))
    assert decoded.dtype == np.float32


@pytest.mark.parametrize(
    ("encoding", "dtype"), [("16SC1", np.int16), ("bayer_rggb16", np.uint16), ("jpeg", np.uint8)]
)
def test_what_cv_bridge_makes_is_no_depth_without_a_unit(install, encoding, dtype):
    install(WORKING)

    with pytest.raises(FrameError, match=f"depth: encoding '{encoding}' holds no distances"):
        decode_depth(message(encoding, dtype, 1))


@pytest.mark.parametrize(
    ("encoding", "fields", "reason"),
    [
        ("8UC3", {}, r"cannot convert it either \(CvBridgeError: Unr.* \[8UC3\]\)"),
        ("yuv422", {"step": 4}, r"cv_bridge made \(2, 2, 3\) of 4x2"),
        ("yuv422", {"height": 3}, "cannot convert it either"),
        ("yuv422", {"height": 1, "width": 1, "step": 0}, "cv_bridge makes nothing of it either"),
    ],
)
def test_what_cv_bridge_cannot_read_is_refused_with_its_reason(install, encoding, fields, reason):
    install(WORKING)

    with pytest.raises(FrameError, match=f"publish rgb8, .* or mono8, .*{reason}") as refusal:
        decode_color(message(encoding, np.uint8, 2, **fields))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            "raise ImportError('numpy.core.multiarray failed to import')",
            "ImportError: numpy.core.multiarray failed to import",
        ),
        (KILLED, "it is killed by signal 11"),
        ("import os; os._exit(3)", "exit code 3"),
    ],
)
def test_a_cv_bridge_built_for_another_numpy_is_named_and_kills_nothing(install, source, reason):
    install(source)

    for _ in range(2):
        with pytest.raises(FrameError) as refusal:
            decode_color(message("yuv422", np.uint8, 2))
        assert str(refusal.value) == (
            "colour: encoding 'yuv422' is not supported: publish rgb8, bgr8, rgba8, bgra8 or mono8,"
            f" or install a cv_bridge that was built for numpy {np.__version__}:"
            f" the installed one fails ({reason})"
        )


@pytest.mark.parametrize("encoding", ["yuv422", "bayer_rggb8", "8UC3", "rgb16", "bgr16", "", "\0"])
def test_without_cv_bridge_one_sentence_says_what_to_publish_or_install(encoding):
    if importlib.util.find_spec("cv_bridge"):
        pytest.skip("cv_bridge is installed")

    with pytest.raises(FrameError) as refusal:
        decode_color(message(encoding, np.uint8, 2))
    assert str(refusal.value) == (
        f"colour: encoding {encoding!r} is not supported: publish rgb8, bgr8, rgba8, bgra8 or"
        " mono8, or install cv_bridge (apt install ros-${ROS_DISTRO}-cv-bridge)"
    )


def test_the_real_cv_bridge_converts_yuv422():
    pytest.importorskip("cv_bridge", reason="cv_bridge is not on PyPI: needs a ROS installation")

    # U = V = 128 is grey.
    yuv = message("yuv422", np.uint8, 2)
    yuv.data[:] = type(yuv.data)("B", [128, 200] * 8)
    decoded = decode_color(yuv)
    assert decoded.shape == (2, 4, 3)
    assert np.ptp(decoded) <= 2
