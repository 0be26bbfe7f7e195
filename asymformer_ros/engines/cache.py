"""What is costly to make and belongs to one machine: built once, proven whole, kept on disk."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from glob import escape
from pathlib import Path

from asymformer_ros.engines.engine import EngineError
from asymformer_ros.files import write_atomically

_log = logging.getLogger(__name__)
_POLL_S = 0.1


@dataclass(frozen=True)
class CacheEntry:
    """One file of the cache: its name, its size in bytes, and whether its content is whole."""

    name: str
    size: int
    whole: bool


class EngineCache:
    """A folder of files, each beside a seal `<name>.json` with the SHA-256 of its content.

    A file without a seal or with another content is made again: it was cut off, damaged or edited.
    Where the folder cannot be written to, everything works without being kept.
    """

    def __init__(self, folder: str | Path = "") -> None:
        """folder: empty is asymformer_ros in $XDG_CACHE_HOME or ~/.cache."""
        default = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "asymformer_ros"
        try:
            self.folder = Path(folder or default).expanduser()
        except RuntimeError as error:
            raise EngineError(
                f"{folder or default} names no home directory: give another cache_dir"
            ) from error
        #: Whether anything that was made could not be kept.
        self.lost = False

    def get(self, name: str, make: Callable[[], bytes]) -> bytes:
        """The content of `name`, from disk or from `make`, which runs in one process at a time.

        Errors of `make` pass through; those of the disk end in a warning.
        """
        content, _ = self._read(name)
        if content is not None:
            return content
        with self._lock(name) as locked:
            # Another process may have made it meanwhile, and its seal may have been on its way.
            content, fault = self._read(name)
            if content is None:
                if fault:
                    _log.warning("%s is %s: it is made again", self.folder / name, fault)
                if locked:
                    self._remove_leftovers(name)
                content = make()
                self.put(name, content)
        return content

    def read(self, name: str) -> bytes | None:
        """The content of `name`; None if it is not there or not whole."""
        return self._read(name)[0]

    def put(self, name: str, content: bytes) -> None:
        """Keep `content` under `name`, or warn once that nothing can be kept."""
        path = self.folder / name
        try:
            write_atomically(path, content)
            seal = {"sha256": hashlib.sha256(content).hexdigest()}
            write_atomically(_seal_of(path), json.dumps(seal).encode())
        except OSError as error:
            self._warn(f"{name} cannot be kept in {self.folder} ({error.strerror})")

    def discard(self, name: str, content: bytes) -> None:
        """Forget `name` if that is still its content: another process may have made a new one."""
        with self._lock(name):
            if self.read(name) != content:
                return
            try:
                _seal_of(self.folder / name).unlink()
                (self.folder / name).unlink()
            except OSError as error:
                self._warn(f"{name} cannot be removed from {self.folder} ({error.strerror})")

    def fault(self) -> str:
        """Why the folder takes no files; empty if it does."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                return ""
        except OSError as error:
            return error.strerror or str(error)

    def entries(self) -> list[CacheEntry]:
        """What lies in the folder, by name."""
        ends = (".json", ".lock")
        try:
            paths = sorted(self.folder.iterdir())
        except OSError:
            return []
        return [
            self._entry(path)
            for path in paths
            if path.suffix not in ends and not path.name.startswith(".")
        ]

    def _entry(self, path: Path) -> CacheEntry:
        content, _ = self._read(path.name)
        try:
            return CacheEntry(path.name, path.stat().st_size, content is not None)
        except OSError:
            return CacheEntry(path.name, 0, False)

    def _read(self, name: str) -> tuple[bytes | None, str]:
        """The content of `name`, or None and what is wrong with it; nothing is, if it is absent."""
        path = self.folder / name
        try:
            content = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None, ""
        except OSError as error:
            return None, f"unreadable ({error.strerror})"
        try:
            seal = json.loads(_seal_of(path).read_text())["sha256"]
        except (OSError, ValueError, KeyError, TypeError):
            seal = None
        if seal != hashlib.sha256(content).hexdigest():
            return None, "damaged or incomplete"
        return content, ""

    @contextmanager
    def _lock(self, name: str) -> Iterator[bool]:
        """Hold the lock of `name`, or go on without one where the disk has none: False."""
        path = self.folder / f"{name}.lock"
        with ExitStack() as stack:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                # The kernel frees the lock with the file, so a killed process leaves none behind.
                file = _open_lock(path)
                stack.callback(os.close, file)
                _wait_for_lock(file, name)
                locked = True
            except OSError as error:
                locked = False
                _log.info(
                    "%s takes no locks (%s): what starts at once is built twice",
                    self.folder,
                    error.strerror,
                )
            yield locked

    def _remove_leftovers(self, name: str) -> None:
        """What was half-written when its process was killed."""
        for leftover in self.folder.glob(f".{escape(name)}.*"):
            with suppress(OSError):
                leftover.unlink()

    def _warn(self, what: str) -> None:
        """Once: the reason is the same for every file."""
        if not self.lost:
            self.lost = True
            _log.warning(
                "%s: what is built is built again at every start; "
                "give a cache_dir with room that this user may write to",
                what,
            )


def _open_lock(path: Path) -> int:
    """A descriptor of the lock file, which may be another user's; NFS wants one for writing."""
    flags = os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags | os.O_RDWR, 0o644)
    except PermissionError:
        return os.open(path, flags | os.O_RDONLY)


def _wait_for_lock(descriptor: int, name: str) -> None:
    told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not told:
                _log.info("another process is making %s: waiting for it", name)
            told = True
            time.sleep(_POLL_S)
        else:
            return


def _seal_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")
