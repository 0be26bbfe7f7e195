"""Packages that do not import, or end the process that tries: each is one sentence."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from asymformer_ros.engines import packages
from asymformer_ros.engines.cache import EngineCache
from asymformer_ros.engines.engine import EngineError
from asymformer_ros.engines.packages import require_packages

SEGFAULT = "import ctypes; ctypes.string_at(0)"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a package with this source, for this process and those it starts."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))

    def write(source: str) -> None:
        (folder / "a_runtime.py").write_text(source)
        importlib.invalidate_caches()

    return write


@pytest.fixture(autouse=True)
def _nothing_is_known(monkeypatch):
    monkeypatch.setattr(packages, "_outcomes", {})


@pytest.fixture
def cache(tmp_path):
    return EngineCache(tmp_path / "cache")


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        pytest.param(SEGFAULT, "ends the process with SIGSEGV: it is broken or not", id="crash"),
        pytest.param("import os; os.kill(os.getpid(), 4)", "with SIGILL", id="another CPU's"),
        pytest.param(
            "raise OSError('no libx.so')", "cannot be imported: OSError: no l", id="raise"
        ),
        pytest.param("import sys; sys.exit('no licence')", "imported: no licence", id="exit"),
        pytest.param("import os; os._exit(3)", "cannot be imported: code 3", id="silent exit"),
    ],
)
def test_what_does_not_import_is_an_engine_error(install, cache, source, sentence):
    install(source)
    with pytest.raises(EngineError, match=sentence) as error:
        require_packages(cache, "a_runtime")
    assert "\n" not in str(error.value)
    assert "a_runtime" not in sys.modules
    assert cache.entries() == []


def test_what_hangs_is_given_up_and_not_waited_for_again(install, cache, monkeypatch):
    monkeypatch.setattr(packages, "IMPORT_LIMIT_S", 0.5)
    install("import threading; threading.Event().wait()")
    for _ in range(2):
        with pytest.raises(EngineError, match="importing a_runtime does not end within 0 s"):
            require_packages(cache, "a_runtime")
        monkeypatch.setattr(packages, "IMPORT_LIMIT_S", 1000.0)


def test_what_lies_in_the_working_directory_is_not_imported(install, cache, tmp_path, monkeypatch):
    install("import wave")
    (tmp_path / "wave.py").write_text("raise RuntimeError('I am a data set')")
    monkeypatch.chdir(tmp_path)
    require_packages(cache, "a_runtime")


def test_an_end_that_crashes_is_nothing_against_the_import(install, cache):
    install("import atexit, os; atexit.register(os.abort)")
    require_packages(cache, "a_runtime")


def test_what_is_not_installed_is_named(cache):
    with pytest.raises(EngineError, match=r"^not installed: pip install b_runtime c_runtime$"):
        require_packages(cache, "b_runtime", "json", "c_runtime")


def test_an_installation_is_tried_once(install, cache, tmp_path, monkeypatch):
    tried = tmp_path / "tried"
    source = f"open({str(tried)!r}, 'a').write('x')"
    install(source)
    for _ in range(3):
        monkeypatch.setattr(packages, "_outcomes", {})  # as in another process
        require_packages(cache, "a_runtime")
    assert tried.read_text() == "x"
    install(source + "  # a newer one")
    require_packages(cache, "a_runtime")
    assert tried.read_text() == "xx"


def test_the_runtimes_of_this_package_import(cache):
    require_packages(cache, "openvino", "onnxruntime")
    for name in ("openvino", "onnxruntime"):
        assert packages._tried(name)


def test_a_file_of_another_size_or_time_is_another_installation(install):
    install("pass")
    before = packages._installation("a_runtime")
    assert packages._installation("a_runtime") == before
    Path(importlib.import_module("a_runtime").__file__ or "").write_text("pass  # changed")
    assert packages._installation("a_runtime") != before
