"""The cache on disk: whatever happens to its files ends in a rebuild and one clear line."""

import errno
import fcntl
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


def test_a_folder_that_takes_no_files_costs_rebuilds_and_one_line(tmp_path, caplog):
    (tmp_path / "file").touch()
    cache = EngineCache(tmp_path / "file" / "cache")
    with caplog.at_level(logging.WARNING):
        assert cache.get("a.plan", lambda: b"engine") == b"engine"
        assert cache.get("a.plan", lambda: b"again") == b"again"
        cache.put("b.timing", b"")
    (record,) = caplog.records
    assert "give a cache_dir with room that this user may write to" in record.getMessage()
    assert cache.lost
    assert cache.entries() == []
    assert cache.fault() == "Not a directory"


def test_a_folder_that_may_only_be_read_is_used(tmp_path, caplog, monkeypatch):
    EngineCache(tmp_path).put("a.plan", b"engine")
    monkeypatch.setattr("asymformer_ros.engines.cache.write_atomically", refuse_to_write)
    with caplog.at_level(logging.WARNING):
        assert EngineCache(tmp_path).get("a.plan", never) == b"engine"
        assert not caplog.records
        assert EngineCache(tmp_path).get("b.plan", lambda: b"engine") == b"engine"
    (record,) = caplog.records
    assert "(Read-only file system)" in record.getMessage()


def refuse_to_write(path, content):
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def test_a_disk_without_locks_is_used_without(tmp_path, caplog, monkeypatch):
    def no_locks(descriptor, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    cache = EngineCache(tmp_path)
    with caplog.at_level(logging.INFO):
        assert cache.get("a.plan", lambda: b"engine") == b"engine"
    assert cache.get("a.plan", never) == b"engine"
    (record,) = caplog.records
    assert "takes no locks (No locks available)" in record.getMessage()
    assert not cache.lost


def test_what_another_process_has_just_made_is_not_made_again(tmp_path, monkeypatch):
    cache, flock = EngineCache(tmp_path), fcntl.flock

    def made_meanwhile(descriptor, operation):
        EngineCache(tmp_path).put("a.plan", b"engine")
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", made_meanwhile)
    assert cache.get("a.plan", never) == b"engine"


def test_only_what_was_read_is_discarded(tmp_path):
    cache = EngineCache(tmp_path)
    cache.put("a.plan", b"new")
    cache.discard("a.plan", b"old")
    assert cache.read("a.plan") == b"new"
    cache.discard("a.plan", b"new")
    assert cache.read("a.plan") is None
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
    assert line.startswith(f"a.plan cannot be kept in {tmp_path} (File too large)")
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


def test_the_lock_may_be_another_user_s(tmp_path, caplog, monkeypatch):
    open_file = os.open

    def as_another_user(path, flags, *arguments, **options):  # root may write anywhere
        if str(path).endswith(".lock") and flags & os.O_ACCMODE != os.O_RDONLY:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return open_file(path, flags, *arguments, **options)

    (tmp_path / "a.plan.lock").touch(0o444)
    monkeypatch.setattr(os, "open", as_another_user)
    with caplog.at_level(logging.INFO):
        assert EngineCache(tmp_path).get("a.plan", lambda: b"engine") == b"engine"
    assert not caplog.records


def test_without_a_lock_what_another_writes_now_is_left_alone(tmp_path, monkeypatch):
    def no_locks(descriptor, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    (tmp_path / ".a.plan.x1y2").write_bytes(b"being written")
    EngineCache(tmp_path).get("a.plan", lambda: b"engine")
    assert (tmp_path / ".a.plan.x1y2").exists()


def test_what_a_killed_process_left_half_written_is_removed(tmp_path):
    leftovers = [tmp_path / ".a.plan.x1y2", tmp_path / ".a.plan.json.x1y2"]
    others = tmp_path / ".a.planet.x1y2"
    for path in (*leftovers, others):
        path.write_bytes(b"half written")
    EngineCache(tmp_path).get("a.plan", lambda: b"engine")
    assert not any(path.exists() for path in leftovers)
    assert others.exists()


def test_the_content_is_listed_with_damage(tmp_path):
    cache = EngineCache(tmp_path)
    cache.put("b.plan", b"1234")
    cache.put("a.onnx", b"12")
    (tmp_path / "a.onnx").write_bytes(b"13")
    (tmp_path / ".c.plan.x1y2").write_bytes(b"half written")
    (tmp_path / "gone.plan").symlink_to(tmp_path / "nowhere")
    assert [(e.name, e.size, e.whole) for e in cache.entries()] == [
        ("a.onnx", 2, False),
        ("b.plan", 4, True),
        ("gone.plan", 0, False),
    ]
