"""The network against vectors of the official implementation."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import reference_recipe
from reference_network import reference_network

torch = pytest.importorskip("torch")

from torch.utils.flop_counter import FlopCounterMode

from asymformer_ros.engines.deploy_graph import DeployGraph, fold, normalise
from asymformer_ros.network.asymformer import create
from asymformer_ros.network.profile import official_profile

DATA = Path(__file__).parents[1] / "data"
TOLERANCE = 1e-4
SIZES = [(96, 128), (480, 640)]


@pytest.fixture(scope="module")
def official():
    return reference_network()


@pytest.fixture(scope="module")
def vectors():
    return np.load(DATA / "asymformer_reference.npz")


def run(network, size):
    rgb, depth = reference_recipe.network_input(*size)
    with torch.inference_mode():
        return network(torch.from_numpy(rgb), torch.from_numpy(depth)).numpy()


def test_parameter_counts():
    count = {
        name: sum(p.numel() for p in create(name).parameters())
        for name in ("asymformer-t", "asymformer-nano")
    }
    assert count["asymformer-t"] == 33_059_576
    assert count["asymformer-nano"] <= 3_000_000


def test_a_head_for_sun_rgbd_has_37_classes():
    network = create("asymformer-nano", num_classes=37).eval()
    assert run(network, (96, 128)).shape == (1, 37, 96, 128)


def test_small_logits_match_the_official_ones(official, vectors):
    logits = run(official, (96, 128))
    # The stored full-size logits are half precision: 7.8 at most, so 2^-8 is their last bit.
    assert np.abs(logits - vectors["96x128/logits_f16"]).max() < 2**-8
    assert (logits.argmax(1) == vectors["96x128/argmax_u8"]).all()
    quarter = official.quarter_logits(
        *map(torch.from_numpy, reference_recipe.network_input(96, 128))
    )
    assert np.abs(quarter.detach().numpy() - vectors["96x128/logits_quarter_f32"]).max() < TOLERANCE


def test_full_size_logits_match_the_official_ones(official, vectors):
    logits = run(official, (480, 640))
    assert (
        np.abs(logits[:, :, ::11, ::11] - vectors["480x640/logits_stride11_f32"]).max() < TOLERANCE
    )
    assert (logits.argmax(1)[:, ::4, ::4] == vectors["480x640/argmax_stride4_u8"]).all()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_every_stage_has_the_official_statistics(official, vectors, size):
    hooks, seen = [], {}

    def watch(name, module):
        hooks.append(module.register_forward_hook(lambda _m, _i, out: seen.__setitem__(name, out)))

    for number in range(1, 5):
        stage = getattr(official, f"down_sample_{number}")
        watch(f"s{number}.rgb_stem", stage.rgb_stem)
        watch(f"s{number}.rgb_out", stage.rgb_layer)
        watch(f"s{number}.depth_embed_tokens", stage.depth_stem)
        watch(f"s{number}.depth_norm_tokens", stage.depth_norm)
        watch(f"s{number}.out", stage)
        if stage.SCC is not None:
            watch(f"s{number}.lafs", stage.SCC.fus_atten)
            watch(f"s{number}.fused", stage.SCC.conv_bn)
    watch("dec.fuse", official.Decoder.linear_fuse)
    watch("dec.logits_quarter", official.Decoder)
    run(official, size)
    for hook in hooks:
        hook.remove()

    prefix = f"{size[0]}x{size[1]}/stat/"
    expected = {key.removeprefix(prefix) for key in vectors.files if key.startswith(prefix)}
    assert expected == set(seen)
    for name in expected:
        value = seen[name]
        if isinstance(value, tuple):  # (tokens, height, width) and (rgb, merged)
            value = value[1] if name.endswith(".out") else value[0]
        value = value.contiguous().double().numpy().reshape(-1)
        picks = value[np.linspace(0, value.size - 1, 64).astype(int)]
        moments = [value.mean(), value.std(), value.min(), value.max(), np.abs(value).mean()]
        np.testing.assert_allclose(
            np.concatenate((moments, picks)),
            vectors[prefix + name],
            atol=2e-4,
            rtol=2e-4,
            err_msg=name,
        )


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_folded_network_gives_the_same_logits(official, size):
    assert np.abs(run(fold(official), size) - run(official, size)).max() < TOLERANCE


NYU, SUN = (official_profile("nyu-rgb", classes) for classes in (40, 37))
ZERO_METRES = -reference_recipe.DEPTH_MEAN / reference_recipe.DEPTH_STD


@pytest.mark.parametrize(
    ("profile", "units_per_metre", "hole"),
    [
        pytest.param(NYU, 1.0, ZERO_METRES, id="NYUv2"),
        # 1/8 mm divided by 10000.
        pytest.param(SUN, 0.8, ZERO_METRES, id="SUN RGB-D"),
        pytest.param(replace(NYU, depth_holes="mean"), 1.0, 0.0, id="holes at the mean"),
        pytest.param(replace(SUN, depth_holes="mean"), 0.8, 0.0, id="SUN RGB-D, holes at the mean"),
    ],
)
def test_the_deploy_graph_normalises_as_the_official_scripts(
    official, profile, units_per_metre, hole
):
    size = (96, 128)
    rgb, depth_mm = reference_recipe.camera_input(*size)
    depth_m = np.where(depth_mm == 0, np.nan, depth_mm / 1000.0).astype(np.float32)
    units = depth_mm / 1000.0 * units_per_metre
    depth = (units - reference_recipe.DEPTH_MEAN) / reference_recipe.DEPTH_STD
    depth[depth_mm == 0] = hole
    color, _ = reference_recipe.network_input(*size)
    inputs = (color, depth.astype(np.float32)[None, None])

    graph = DeployGraph(official, profile)
    with torch.inference_mode():
        log_probabilities = graph.log_probabilities(
            torch.from_numpy(rgb), torch.from_numpy(depth_m)
        )
        logits = official.quarter_logits(*map(torch.from_numpy, inputs))
        expected = torch.log_softmax(logits, dim=1)[0]
    assert (log_probabilities - expected).abs().max() < TOLERANCE


def test_bgr_profiles_hand_the_network_blue_first(official):
    rgb, depth_mm = reference_recipe.camera_input(96, 128)
    depth_m = torch.from_numpy((depth_mm / 1000.0).astype(np.float32))
    bgr = DeployGraph(official, official_profile("nyu-bgr", 40))
    of_rgb = DeployGraph(official, official_profile("nyu-rgb", 40))
    with torch.inference_mode():
        as_bgr = bgr.log_probabilities(torch.from_numpy(rgb), depth_m)
        swapped = of_rgb.log_probabilities(torch.from_numpy(rgb[:, :, ::-1].copy()), depth_m)
    assert torch.equal(as_bgr, swapped)


def test_the_deploy_graph_multiplies_at_most_36_5_billion_times_a_frame(official):
    graph = DeployGraph(official, official_profile("nyu-bgr", 40))
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        graph(torch.zeros(480, 640, 3, dtype=torch.uint8), torch.ones(480, 640))
    assert 30e9 < counter.get_total_flops() / 2 <= 36.5e9


def test_normalisation_keeps_to_the_device_of_its_input():
    # Tensors without data refuse to mix with those on the CPU, as CUDA's do.
    rgb = torch.zeros(1, 96, 128, 3, dtype=torch.uint8, device="meta")
    depth_m = torch.zeros(1, 96, 128, device="meta")
    color, depth = normalise(rgb, depth_m, official_profile("nyu-bgr", 40))
    assert color.is_meta and depth.is_meta
    assert (color.shape, depth.shape) == ((1, 3, 96, 128), (1, 1, 96, 128))
