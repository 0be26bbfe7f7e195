"""What is costly to make and belongs to one machine: built once, proven whole, kept on disk."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

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
        self.folder = Path(folder or default).expanduser()

    def get(self, name: str, make: Callable[[], bytes]) -> bytes:
        """The content of `name`, from disk or from `make`, which runs in one process at a time.

        Errors of `make` pass through; those of the disk end in a warning.
        """
        content = self.read(name)
        if content is not None:
            return content
        with self._lock(name) as waited:
            content = self.read(name) if waited else None
            if content is None:
                content = make()
                self.put(name, content)
        return content

    def read(self, name: str) -> bytes | None:
        """The content of `name`; None, with a warning, if it is not whole."""
        path = self.folder / name
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            _log.warning("%s cannot be read (%s): it is made again", path, error.strerror)
            return None
        if self._seal(path) != hashlib.sha256(content).hexdigest():
            _log.warning("%s is damaged or incomplete: it is made again", path)
            return None
        return content

    def put(self, name: str, content: bytes) -> None:
        """Keep `content` under `name`, or warn that it cannot be kept."""
        path = self.folder / name
        try:
            write_atomically(path, content)
            seal = {"sha256": hashlib.sha256(content).hexdigest()}
            write_atomically(_seal_of(path), json.dumps(seal).encode())
        except OSError as error:
            _log.warning(
                "%s cannot be kept (%s): it is made again at every start; "
                "give a cache_dir with room that this user may write to",
                path,
                error.strerror,
            )

    def remove(self, name: str) -> None:
        """Forget `name`, if the disk lets us."""
        for path in (_seal_of(self.folder / name), self.folder / name):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                _log.warning("%s cannot be removed (%s)", path, error.strerror)

    def entries(self) -> list[CacheEntry]:
        """What lies in the folder, by name."""
        if not self.folder.is_dir():
            return []
        ends = (".json", ".lock")
        paths = [p for p in self.folder.iterdir() if p.is_file() and p.suffix not in ends]
        return [
            CacheEntry(
                path.name,
                path.stat().st_size,
                self._seal(path) == hashlib.sha256(path.read_bytes()).hexdigest(),
            )
            for path in sorted(paths)
            if not path.name.startswith(".")
        ]

    @staticmethod
    def _seal(path: Path) -> str | None:
        try:
            seal = json.loads(_seal_of(path).read_text())
            return str(seal["sha256"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @contextmanager
    def _lock(self, name: str) -> Iterator[bool]:
        """Hold the lock of `name`; yields whether another process held it before."""
        path = self.folder / f"{name}.lock"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("w")
        except OSError:
            yield False  # A folder that takes no lock keeps no file either: `put` says so.
            return
        # The kernel frees the lock with the file, so that a killed process leaves none behind.
        with file:
            waited = False
            while not _try_lock(file.fileno()):
                if not waited:
                    _log.info("another process is making %s: waiting for it", name)
                waited = True
                time.sleep(_POLL_S)
            yield waited


def _seal_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
