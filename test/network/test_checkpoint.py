"""Weights files: both official key formats, wrappers, our own format, and everything wrong."""

import json
import pickle
from argparse import Namespace
from pathlib import Path

import pytest
import reference_recipe

torch = pytest.importorskip("torch")

from asymformer_ros.network.asymformer import create
from asymformer_ros.network.checkpoint import load, save
from asymformer_ros.network.profile import CheckpointError, Profile, official_profile

DATA = Path(__file__).parents[1] / "data"
NANO = Profile(network="asymformer-nano", label_space="nyu40", num_classes=40)


def official_state(format_name):
    """A state dict in one of the two official key formats, filled by the reference recipe."""
    layout = json.loads((DATA / f"state_dict_{format_name}.json").read_text())["tensors"]
    state = {}
    for key, shape, *_ in layout:
        current = key.replace(".SCC.conv1.", ".SCC.conv_bn.0.").replace(
            ".SCC.bn.", ".SCC.conv_bn.1."
        )
        full = [*shape, 1, 1] if key.startswith("Decoder.linear_c") and len(shape) == 2 else shape
        state[key] = torch.from_numpy(reference_recipe.tensor(current, full)).reshape(shape)
    return state


@pytest.fixture(scope="module")
def current():
    return official_state("current")


@pytest.fixture
def nano_file(tmp_path):
    torch.manual_seed(1)
    network = create("asymformer-nano")
    path = tmp_path / "nano.safetensors"
    save(path, network, NANO)
    return path, network


@pytest.mark.parametrize("key_format", ["current", "released"])
@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "state_dict"])
@pytest.mark.parametrize("prefix", ["", "module."], ids=["plain", "module."])
def test_official_checkpoints_load_in_every_published_form(
    tmp_path, current, key_format, wrapped, prefix
):
    state = {prefix + key: value for key, value in official_state(key_format).items()}
    content = {"global_step": 7, "epoch": 3, "state_dict": state, "optimizer": {}}
    path = tmp_path / "official.pth"
    torch.save(content if wrapped else state, path)
    network, profile = load(path)
    assert profile.channel_order == "bgr"
    assert profile.label_space == "nyu40"
    loaded = network.state_dict()
    assert set(loaded) == set(current)
    assert all(torch.equal(loaded[key], current[key]) for key in current)
    assert not network.training


def linear(state):
    """As NVIDIA's Transformer Engine has 1x1 convolutions, with a state of its own beside."""
    flat = {
        key: value[:, :, 0, 0] if value.shape[2:] == (1, 1) else value
        for key, value in state.items()
    }
    return flat | {"Decoder.linear_c1.proj._extra_state": None}


def convolved(state):
    """With attention's projections as 1x1 convolutions."""
    return {
        key: value[:, :, None, None] if key.endswith("attn.proj.weight") else value
        for key, value in state.items()
    }


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(lambda state: {"model": state}, id="model"),
        pytest.param(lambda state: {f"model.{key}": v for key, v in state.items()}, id="model."),
        pytest.param(lambda state: {"state_dict": linear(state)}, id="linear layers"),
        pytest.param(convolved, id="convolutions"),
    ],
)
def test_what_the_official_loaders_take_is_taken(tmp_path, current, content):
    torch.save(content(current), tmp_path / "official.pth")
    loaded = load(tmp_path / "official.pth")[0].state_dict()
    assert all(torch.equal(loaded[key], current[key]) for key in current)


def test_an_official_state_dict_may_be_a_safetensors_file(tmp_path, current):
    from safetensors.torch import save_file

    save_file(current, tmp_path / "official.safetensors")
    network, profile = load(tmp_path / "official.safetensors", "imagenet-rgb")
    assert profile == official_profile("imagenet-rgb", 40)
    assert all(torch.equal(network.state_dict()[key], current[key]) for key in current)


def test_averaged_weights_that_are_not_used_are_told(tmp_path, current, caplog):
    averaged = {key: value + 1 for key, value in current.items()}
    torch.save({"state_dict": current, "state_dict_ema": averaged}, tmp_path / "official.pth")
    loaded = load(tmp_path / "official.pth")[0].state_dict()
    assert all(torch.equal(loaded[key], current[key]) for key in current)
    (record,) = caplog.records
    assert "under 'state_dict' are used, not those under 'state_dict_ema'" in record.getMessage()


def test_averaged_weights_alone_are_taken(tmp_path, current, caplog):
    torch.save({"state_dict_ema": current}, tmp_path / "official.pth")
    loaded = load(tmp_path / "official.pth")[0].state_dict()
    assert all(torch.equal(loaded[key], current[key]) for key in current)
    assert not caplog.records


def test_version_1_5_is_known_by_its_branches(tmp_path, current):
    branch = "down_sample_1.rgb_layer.0.dwconv.branch_kxk.weight"
    torch.save(current | {branch: torch.zeros(1)}, tmp_path / "later.pth")
    with pytest.raises(CheckpointError, match=r"is of AsymFormer v1\.5, another network"):
        load(tmp_path / "later.pth")


def test_what_is_not_a_weight_is_named(tmp_path, current):
    torch.save({"state_dict": current, "args": Namespace(lr=1)}, tmp_path / "official.pth")
    with pytest.raises(CheckpointError, match=r"it holds argparse\.Namespace as well") as error:
        load(tmp_path / "official.pth")
    assert "\x1b" not in str(error.value)


def test_a_sun_rgbd_checkpoint_is_known_by_its_37_classes(tmp_path, current):
    state = dict(current)
    state["Decoder.linear_pred.weight"] = state["Decoder.linear_pred.weight"][:37]
    state["Decoder.linear_pred.bias"] = state["Decoder.linear_pred.bias"][:37]
    torch.save(state, tmp_path / "sun.pth")
    _, profile = load(tmp_path / "sun.pth", "imagenet-rgb")
    assert (profile.label_space, profile.num_classes, profile.depth_scale) == ("sunrgbd37", 37, 0.8)
    assert profile.channel_order == "rgb"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda s: s.pop("down_sample_1.depth_stem.proj.bias"),
            "key down_sample_1.depth_stem.proj.bias is missing",
        ),
        (lambda s: s.update({"extra.weight": torch.zeros(1)}), "key extra.weight is left over"),
        (
            lambda s: s.update({"down_sample_2.depth_norm.bias": torch.zeros(3)}),
            r"down_sample_2.depth_norm.bias has shape \[3\], expected \[64\]",
        ),
        (lambda s: s.pop("Decoder.linear_pred.weight"), "not an AsymFormer checkpoint"),
    ],
    ids=["missing", "left over", "shape", "no head"],
)
def test_the_first_key_that_does_not_fit_is_named(tmp_path, current, damage, message):
    state = dict(current)
    damage(state)
    torch.save(state, tmp_path / "bad.pth")
    with pytest.raises(CheckpointError, match=message):
        load(tmp_path / "bad.pth")


class _Payload:
    """Unpickling this would create a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path):
    trace = tmp_path / "executed"
    with (tmp_path / "evil.pth").open("wb") as file:
        pickle.dump({"state_dict": _Payload(trace)}, file)
    with pytest.raises(CheckpointError, match=r"holds [\w.]+ as well"):
        load(tmp_path / "evil.pth")
    assert not trace.exists()


@pytest.mark.parametrize(
    "content",
    [{1: torch.zeros(1)}, {"Decoder.linear_pred.weight": torch.tensor(1.0)}, [1, 2], 7],
    ids=["keys", "scalar", "list", "number"],
)
def test_another_content_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=r"holds no state dict|is not an AsymFormer check"):
        load(tmp_path / "other.pth")


def test_a_page_that_was_saved_in_place_of_weights_is_told(tmp_path):
    (tmp_path / "page.pth").write_bytes(b"<!DOCTYPE html><html>Quota exceeded</html>")
    with pytest.raises(
        CheckpointError, match=r"no file of PyTorch, it begins with b'<!DOCTYPE html>"
    ):
        load(tmp_path / "page.pth")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"\x00" * 64, b"not weights at all"])
def test_a_file_that_is_no_checkpoint_gives_one_sentence(tmp_path, suffix, content):
    path = tmp_path / f"junk{suffix}"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="junk") as error:
        load(path)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="does not exist"):
        load(tmp_path / "nowhere.pth")


def test_our_format_brings_back_weights_and_profile(nano_file):
    path, network = nano_file
    loaded, profile = load(path)
    assert profile == NANO
    for key, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value)


def test_a_truncated_file_is_refused(nano_file):
    path, _ = nano_file
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(CheckpointError, match="not a readable safetensors"):
        load(path)


def test_a_failed_write_leaves_the_old_file_and_no_other(nano_file, monkeypatch):
    path, network = nano_file
    before = path.read_bytes()

    def fail(self, target):
        raise OSError("disk gone")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk gone"):
        save(path, network, NANO)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]
