"""resource() finds what comes with the package, wherever the package lies."""

import pytest

from asymformer_ros import resources
from asymformer_ros.resources import resource


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Moves the package to a made-up place."""

    def put(place: str):
        monkeypatch.setattr(resources, "PACKAGE", tmp_path / place)
        return tmp_path

    monkeypatch.delenv("AMENT_PREFIX_PATH", raising=False)
    return put


def write(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_the_shipped_profile_is_found():
    assert resource("config/fastdds.xml").is_file()


def test_found_in_a_source_checkout(package):
    root = package("checkout/asymformer_ros")
    write(root / "checkout/package.xml")
    settings = write(root / "checkout/config/segment.yaml")
    assert resource("config/segment.yaml") == settings


@pytest.mark.parametrize(
    "site", ["lib/python3.12/site-packages", "local/lib/python3/dist-packages", "."]
)
def test_found_in_the_share_folder_of_the_prefix(package, site):
    root = package(f"prefix/{site}/asymformer_ros")
    settings = write(root / "prefix/share/asymformer_ros/config/segment.yaml")
    assert resource("config/segment.yaml") == settings


def test_found_in_a_sourced_workspace(package, monkeypatch):
    root = package("elsewhere/asymformer_ros")
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"{root}/other:{root}/workspace")
    settings = write(root / "workspace/share/asymformer_ros/config/segment.yaml")
    assert resource("config/segment.yaml") == settings


def test_found_in_the_package_itself(package):
    root = package("prefix/asymformer_ros")
    weights = write(root / "prefix/asymformer_ros/weights/nano.onnx")
    assert resource("weights/nano.onnx") == weights


def test_a_stray_folder_beside_an_installed_package_is_not_taken(package):
    root = package("site-packages/asymformer_ros")
    write(root / "site-packages/config/segment.yaml")
    with pytest.raises(FileNotFoundError, match=r"config/segment\.yaml .* install the package"):
        resource("config/segment.yaml")
