"""What a network sees of the depth under a percentile profile, against the official formula."""

import numpy as np
import pytest
import reference_recipe

torch = pytest.importorskip("torch")

from reference_network import reference_network

from asymformer_ros.engines.choose import load_engine
from asymformer_ros.engines.deploy_graph import normalise
from asymformer_ros.network.profile import official_profile
from asymformer_ros.perception.frames import RgbdFrame
from asymformer_ros.perception.relative_depth import relative_depth
from asymformer_ros.perception.segmenter import Segmenter

NAME = "nyu-rgb-percentile"
PROFILE = official_profile(NAME, 40)


def official(depth_m):
    """The formula of eval_enhanced.py; depth_m: float32, metres, 0 = no reading."""
    depth = torch.from_numpy(depth_m)
    low, high = torch.quantile(depth[depth > 1e-6], torch.tensor([0.02, 0.98]))
    relative = (depth.clamp(low, high) - (low + high) / 2) / ((high - low) / 2 + 1e-6)
    return torch.where(depth > 1e-6, relative, 0.0).numpy()


def seen(depth_m, profile=PROFILE):
    """What the network behind a deploy graph gets; depth_m: NaN = no reading."""
    rgb = torch.zeros(1, *depth_m.shape, 3, dtype=torch.uint8)
    _, depth = normalise(rgb, torch.from_numpy(relative_depth(depth_m, profile))[None], profile)
    return depth[0, 0].numpy()


def with_nan(depth_m):
    return np.where(depth_m == 0, np.float32(np.nan), depth_m)


def camera_metres(height, width):
    rgb, depth_mm = reference_recipe.camera_input(height, width)
    return rgb, (depth_mm / 1000).astype(np.float32)


def ramp(readings):
    depth_m = np.zeros((8, 8), np.float32)
    depth_m.flat[:readings] = np.linspace(0.7, 6, readings)
    return depth_m


@pytest.mark.parametrize("classes", [40, 37], ids=["NYUv2", "SUN RGB-D"])
@pytest.mark.parametrize(
    "depth_m",
    [
        pytest.param(camera_metres(96, 128)[1], id="camera"),
        pytest.param(np.random.default_rng(3).gamma(2, 2, (60, 80)).astype(np.float32), id="tail"),
        pytest.param(ramp(64), id="no holes"),
        pytest.param(ramp(11), id="eleven readings"),
    ],
)
def test_the_network_sees_what_the_official_formula_gives(depth_m, classes):
    found = seen(with_nan(depth_m), official_profile(NAME, classes))
    expected = official(depth_m)
    assert expected.min() == pytest.approx(-1, abs=1e-5)
    assert expected.max() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_up_to_ten_readings_stay_metres_as_the_official_script_leaves_them():
    depth_m = ramp(10)
    np.testing.assert_allclose(seen(with_nan(depth_m)), depth_m, rtol=0, atol=1e-5)


def test_a_frame_without_a_reading_is_nothing_but_zeros():
    assert np.abs(seen(np.full((8, 8), np.nan, np.float32))).max() < 1e-5


@pytest.mark.parametrize("metres", [0.3, 1.0, 7.77])
def test_a_wall_straight_ahead_is_nothing_but_zeros(metres):
    depth_m = np.full((8, 8), metres, np.float32)
    depth_m[2:4] = np.nan
    assert np.abs(seen(depth_m)).max() < 1e-5


def test_the_cameras_depth_is_left_as_it_was():
    depth_m = with_nan(ramp(40))
    before = depth_m.copy()
    relative = relative_depth(depth_m, PROFILE)
    np.testing.assert_array_equal(depth_m, before)
    assert relative.dtype == np.float32 and relative.flags.c_contiguous


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """An official checkpoint, a frame for it and the labels that its network gives it."""
    path = tmp_path_factory.mktemp("official") / "official.pth"
    network = reference_network()
    torch.save({"epoch": 500, "state_dict": network.state_dict()}, path)
    rgb, depth_m = camera_metres(480, 640)
    color, _ = reference_recipe.network_input(480, 640)
    with torch.inference_mode():
        logits = network(torch.from_numpy(color), torch.from_numpy(official(depth_m))[None, None])
    return path, RgbdFrame(rgb, with_nan(depth_m)), logits[0].argmax(0).numpy()


@pytest.mark.parametrize("engine", ["torch", "onnxruntime"])
def test_an_official_checkpoint_is_segmented_as_its_network_does_it(checkpoint, engine):
    if engine != "torch":
        pytest.importorskip(engine)
    path, frame, expected = checkpoint
    loaded = load_engine(str(path), engine, str(path.parent), NAME)
    try:
        labels = Segmenter(loaded.engine).segment(frame).labels
        unprepared, _ = loaded.engine.infer(frame.rgb, frame.depth_m)
    finally:
        loaded.engine.close()
    assert (labels == expected).mean() > 0.999
    assert (unprepared == expected).mean() < 0.9
