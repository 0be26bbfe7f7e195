"""The cache on disk: whatever happens to its files ends in a rebuild and one clear line."""

import logging
import os
import signal
import subprocess
import sys
import time

import pytest

from asymformer_ros.engines.cache import EngineCache


def never():
    raise AssertionError("it lies in the cache: nothing may be made")


def test_what_is_made_once_is_read_from_then_on(tmp_path):
    assert EngineCache(tmp_path).get("a.plan", lambda: b"engine") == b"engine"
    assert EngineCache(tmp_path).get("a.plan", never) == b"engine"


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(b"x" + path.read_bytes()[1:]),
        lambda path: path.with_name("a.plan.json").unlink(),
        lambda path: path.with_name("a.plan.json").write_bytes(b"{"),
        lambda path: path.with_name("a.plan.json").write_bytes(b"[]"),
        lambda path: path.with_name("a.plan.json").write_bytes(b"\xff\xfe"),
    ],
    ids=["emptied", "truncated", "altered", "no seal", "half a seal", "odd seal", "binary seal"],
)
def test_what_is_not_whole_is_made_again_with_one_line(tmp_path, caplog, damage):
    cache = EngineCache(tmp_path)
    cache.get("a.plan", lambda: b"engine")
    damage(tmp_path / "a.plan")
    with caplog.at_level(logging.WARNING):
        assert cache.get("a.plan", lambda: b"rebuilt") == b"rebuilt"
    (record,) = caplog.records
    assert "a.plan is damaged or incomplete" in record.getMessage()
    assert cache.get("a.plan", never) == b"rebuilt"


def test_a_folder_that_takes_no_files_costs_a_rebuild_and_one_line(tmp_path, caplog):
    (tmp_path / "file").touch()
    cache = EngineCache(tmp_path / "file" / "cache")
    with caplog.at_level(logging.WARNING):
        assert cache.get("a.plan", lambda: b"engine") == b"engine"
        assert cache.get("a.plan", lambda: b"again") == b"again"
    assert len(caplog.records) >= 2
    assert all("made again" in record.getMessage() for record in caplog.records)
    assert cache.entries() == []


def test_a_full_disk_costs_a_rebuild_and_one_line(tmp_path, caplog):
    # A file size limit fails the write half-way, as a full disk does.
    code = (
        "import logging, resource, signal, sys\n"
        "from asymformer_ros.engines.cache import EngineCache\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "logging.basicConfig(format='%(message)s')\n"
        "made = EngineCache(sys.argv[1]).get('a.plan', lambda: bytes(5000))\n"
        "assert made == bytes(5000)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    (line,) = done.stderr.splitlines()
    assert "a.plan cannot be kept (File too large)" in line
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".lock"]


def test_errors_of_the_making_pass_through_and_leave_nothing(tmp_path):
    def broken():
        raise RuntimeError("no GPU")

    cache = EngineCache(tmp_path)
    with pytest.raises(RuntimeError, match="no GPU"):
        cache.get("a.plan", broken)
    assert cache.entries() == []
    assert cache.get("a.plan", lambda: b"engine") == b"engine"


BUILDER = """
import sys, time
from pathlib import Path
from asymformer_ros.engines.cache import EngineCache
def make():
    with open(sys.argv[2], "a") as built:
        built.write("built\\n")
    time.sleep(float(sys.argv[3]))
    return b"engine"
assert EngineCache(sys.argv[1]).get("a.plan", make) == b"engine"
"""


def build(folder, built, duration_s):
    arguments = [sys.executable, "-c", BUILDER, str(folder), str(built), str(duration_s)]
    return subprocess.Popen(arguments)


def test_processes_that_start_at_once_build_once(tmp_path):
    built = tmp_path / "built"
    processes = [build(tmp_path / "cache", built, 1) for _ in range(3)]
    assert [process.wait(timeout=30) for process in processes] == [0, 0, 0]
    assert built.read_text() == "built\n"


def test_a_process_that_is_killed_while_it_builds_blocks_nobody(tmp_path):
    built = tmp_path / "built"
    killed = build(tmp_path / "cache", built, 60)
    while not built.exists():
        assert killed.poll() is None
        time.sleep(0.01)
    waiting = build(tmp_path / "cache", built, 0)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert waiting.wait(timeout=30) == 0
    assert built.read_text() == "built\nbuilt\n"


def test_the_content_can_be_listed_and_removed(tmp_path):
    cache = EngineCache(tmp_path)
    cache.put("b.plan", b"1234")
    cache.put("a.onnx", b"12")
    (tmp_path / "a.onnx").write_bytes(b"13")
    assert [(e.name, e.size, e.whole) for e in cache.entries()] == [
        ("a.onnx", 2, False),
        ("b.plan", 4, True),
    ]
    cache.remove("b.plan")
    cache.remove("b.plan")
    assert [entry.name for entry in cache.entries()] == ["a.onnx"]
