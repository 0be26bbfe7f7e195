"""Multi-scale evaluation against the official formula, written out once more."""

import numpy as np
import pytest
import reference_recipe

torch = pytest.importorskip("torch")

from asymformer_ros.engines.cache import EngineCache
from asymformer_ros.engines.engine import EngineError
from asymformer_ros.engines.model import Model
from asymformer_ros.engines.torch_engine import open_torch
from asymformer_ros.evaluation.multi_scale import OFFICIAL_SCALES, open_multi_scale, sum_of_logits
from asymformer_ros.network.asymformer import create
from asymformer_ros.network.checkpoint import save
from asymformer_ros.network.profile import Profile
from asymformer_ros.perception.frames import RgbdFrame
from asymformer_ros.perception.segmenter import Segmenter

NETWORK_SIZE = (160, 320)
SMALL = (96, 128)


def nano():
    return Model("asymformer-nano", "", EngineCache())


def camera_frame(size=(480, 640)):
    rgb, millimetres = reference_recipe.camera_input(*size)
    depth_m = np.where(millimetres == 0, np.nan, millimetres / 1000.0).astype(np.float32)
    return rgb, depth_m


def bilinear(image, rows, columns):
    """Samples of [C, H, W] at fractional rows and columns, edges repeated."""
    height, width = image.shape[1:]
    rows, columns = np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    bottom, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    down, across = (rows - top)[:, None], columns - left
    upper = image[:, top][:, :, left] * (1 - across) + image[:, top][:, :, right] * across
    lower = image[:, bottom][:, :, left] * (1 - across) + image[:, bottom][:, :, right] * across
    return upper * (1 - down) + lower * down


def official_sum(network, rgb, depth, scales, flip):
    """Logits [K, H, W] as MS5_eval adds them; rgb [3, H, W] and depth [H, W] normalised."""
    height, width = depth.shape
    total = 0.0
    for scale in scales:
        rows, columns = round(scale * height), round(scale * width)
        at_rows = (np.arange(rows) + 0.5) * height / rows - 0.5
        at_columns = (np.arange(columns) + 0.5) * width / columns - 0.5
        color = bilinear(rgb, at_rows, at_columns)
        nearest = depth[np.rint(at_rows).astype(int)][:, np.rint(at_columns).astype(int)]
        for turn in (1, -1) if flip else (1,):
            inputs = (np.ascontiguousarray(image[..., ::turn]) for image in (color, nearest[None]))
            with torch.inference_mode():
                logits = network(*(torch.from_numpy(image[None]).float() for image in inputs))
            logits = logits[0].double().numpy()[..., ::turn]
            # Corner on corner.
            back = np.linspace(0, rows - 1, height), np.linspace(0, columns - 1, width)
            total = total + bilinear(logits, *back)
    return total


@pytest.mark.parametrize("flip", [False, True])
def test_the_sum_is_the_official_one(flip):
    torch.manual_seed(1)
    network = create("asymformer-nano", 5).eval()
    rng = np.random.default_rng(4)
    rgb, depth = rng.normal(size=(3, *NETWORK_SIZE)), rng.normal(size=NETWORK_SIZE)
    scaled = [(160, 320), (192, 384), (224, 448)]
    tensors = (torch.from_numpy(image[None]).float() for image in (rgb, depth[None]))

    with torch.inference_mode():
        total = sum_of_logits(network, *tensors, scaled, flip)[0].numpy()

    expected = official_sum(network, rgb, depth, OFFICIAL_SCALES, flip)
    np.testing.assert_allclose(total, expected, rtol=0, atol=2e-4 * np.abs(expected).max())


def test_one_scale_unflipped_is_the_engine_itself():
    model, frame = nano(), camera_frame()
    single, engine = (
        open_multi_scale(model, [1.0], flip=False),
        open_torch(model.pytorch, "", "cpu"),
    )

    labels, confidence = single.infer(*frame)
    expected, near = engine.infer(*frame)

    assert (labels == expected).mean() >= 0.9999
    # The engine's confidence is a near lower bound of the soft-max.
    assert np.abs(confidence.astype(int) - near).mean() < 4
    assert (single.precision, single.input_size) == ("fp32", (480, 640))


@pytest.fixture
def small_model(tmp_path):
    """Random weights for a small input: figures do not matter, time does."""
    torch.manual_seed(2)
    profile = Profile("asymformer-nano", "nyu40", 40, SMALL)
    path = tmp_path / "small.safetensors"
    save(path, create("asymformer-nano", 40).eval(), profile)
    return Model(str(path), "", EngineCache())


def test_confidence_is_the_soft_max_of_the_mean_over_all_maps(small_model):
    frame = camera_frame(SMALL)
    once = open_multi_scale(small_model, [1.0], flip=False).infer(*frame)
    thrice = open_multi_scale(small_model, [1.0, 1.0, 1.0], flip=False).infer(*frame)

    assert np.array_equal(once[0], thrice[0])
    assert np.abs(once[1].astype(int) - thrice[1]).max() <= 1


def test_flipped_a_frame_and_its_mirror_image_get_mirrored_labels(small_model):
    engine = open_multi_scale(small_model, [1.0], flip=True)
    rgb, depth_m = camera_frame(SMALL)

    labels, _ = engine.infer(rgb, depth_m)
    mirrored, _ = engine.infer(rgb[:, ::-1], depth_m[:, ::-1])

    assert (mirrored[:, ::-1] == labels).mean() > 0.9999


def test_it_segments_frames_of_any_size_and_tells_what_it_does(small_model):
    engine = open_multi_scale(small_model, [1, 2], flip=True)
    segmentation = Segmenter(engine, 90).segment(RgbdFrame(*camera_frame((75, 50))))

    assert engine.name == "torch x1+2 flipped"
    assert engine.profile.label_space == "nyu40"
    assert segmentation.labels.shape == (75, 50)
    assert segmentation.labels.max() < 40


@pytest.mark.parametrize("scale", [1.3, 0.5, 0.0, -1.0, float("nan"), float("inf")])
def test_a_scale_that_the_network_cannot_take_is_refused(small_model, scale):
    with pytest.raises(EngineError, match=r"of 128x96 gives no sides .* choose multiples of 1$"):
        open_multi_scale(small_model, [1.0, scale], flip=False)


def test_official_scales_fit_the_official_size_and_others_are_told_their_step():
    assert open_multi_scale(nano(), OFFICIAL_SCALES, flip=False).name == "torch x1+1.2+1.4"
    with pytest.raises(EngineError, match=r"scale 1.3 of 640x480 .* choose multiples of 0\.2$"):
        open_multi_scale(nano(), [1.3], flip=False)
    with pytest.raises(EngineError, match="needs a scale"):
        open_multi_scale(nano(), [], flip=False)
