"""The baseline computes what the engines compute."""

from dataclasses import replace

import numpy as np
import pytest

from asymformer_ros.network.profile import Profile
from asymformer_ros.resources import resource
from asymformer_ros.simulation import Intrinsics, random_view

torch = pytest.importorskip("torch", reason="the baseline runs in PyTorch")

from asymformer_ros.benchmark.eager import EagerNetwork
from asymformer_ros.engines.engine import EngineError
from asymformer_ros.engines.torch_engine import open_torch
from asymformer_ros.network.checkpoint import load, save

NANO = resource("weights/asymformer-nano.safetensors")
SMALL = (96, 128)


@pytest.mark.parametrize("channel_order", ["rgb", "bgr"])
@pytest.mark.parametrize("depth_holes", ["zero", "mean"])
def test_labels_are_those_of_the_engine_under_every_profile(tmp_path, channel_order, depth_holes):
    network, profile = load(NANO)
    profile = replace(
        profile,
        input_size=SMALL,
        channel_order=channel_order,
        depth_holes=depth_holes,
        depth_scale=0.8,
    )
    weights = tmp_path / "nano.safetensors"
    save(weights, network, profile)
    view = random_view(7, Intrinsics().scaled(*SMALL[::-1]))
    assert np.isnan(view.depth_m).any()

    (labels,) = EagerNetwork(weights, "", "cpu", "fp32").infer(view.rgb, view.depth_m)
    expected, _ = open_torch(weights, "", "cpu").infer(view.rgb, view.depth_m)

    assert labels.dtype == np.uint8 and labels.shape == SMALL
    assert len(np.unique(labels)) > 3
    assert (labels == expected).mean() > 0.999


def test_every_stage_is_timed():
    baseline = EagerNetwork(NANO, "", "cpu", "fp32")
    assert isinstance(baseline.profile, Profile)
    height, width = baseline.profile.input_size
    view = random_view(7, Intrinsics().scaled(width, height))
    baseline.infer(view.rgb, view.depth_m)
    assert all(stage > 0 for stage in baseline.stages)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_the_baseline_on_it_says_why():
    with pytest.raises(EngineError, match=r"PyTorch .* (finds no usable GPU|built without CUDA)"):
        EagerNetwork(NANO, "", "cuda", "fp32")
