"""`pip install .` brings the modules, the data files and the commands."""

import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGED = ("setup.py", "pyproject.toml", "LICENSE", "asymformer_ros", "config", "launch")
pytest.importorskip("pip")


def files(folder: Path, pattern: str = "*") -> set[str]:
    found = (path.relative_to(folder) for path in folder.rglob(pattern) if path.is_file())
    return {str(path) for path in found if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def target(tmp_path_factory) -> Path:
    """A fresh folder with the package in it, installed from a copy: pip builds in the source."""
    source = tmp_path_factory.mktemp("source")
    for name in PACKAGED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    target = tmp_path_factory.mktemp("target")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--no-index", "--target", target, source], check=True)
    return target


def test_every_module_is_installed(target):
    package = ROOT / "asymformer_ros"
    assert files(target / "asymformer_ros", "*.py") == files(package, "*.py")


def test_the_bundled_weights_are_installed(target):
    assert files(target / "asymformer_ros/weights") == files(ROOT / "asymformer_ros/weights")


@pytest.mark.parametrize("folder", ["config", "launch"])
def test_the_data_folders_are_installed_and_found(target, folder):
    script = f"from asymformer_ros.resources import resource; print(resource({folder!r}))"
    found = subprocess.check_output([sys.executable, "-c", script], cwd=target, text=True).strip()
    assert Path(found).is_relative_to(target)
    assert files(Path(found)) == files(ROOT / folder)


def test_every_command_resolves(target):
    (package,) = distributions(path=[str(target)])
    commands = package.entry_points.select(group="console_scripts")
    assert commands.names == {"asymformer", "segmentation_node", "simulated_camera"}
    for command in commands:
        assert callable(command.load())
