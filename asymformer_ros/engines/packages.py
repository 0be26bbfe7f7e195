"""Whether a runtime's packages are here and can be imported without ending this process."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from asymformer_ros.engines.cache import EngineCache
from asymformer_ros.engines.cpu_threads import cpu_features
from asymformer_ros.engines.engine import EngineError
from asymformer_ros.engines.other_process import run_python, signal_name

#: PyTorch from a slow disk takes half a minute.
IMPORT_LIMIT_S = 120.0

# Without its telemetry OpenVINO does not report to Google Analytics. What happens at the end of the
# process says nothing of the import.
_IMPORT = "import os; sys.modules['openvino_telemetry'] = None; import {}; os._exit(0)"

# What was wrong with an installation, empty for nothing: a hang is not waited for twice.
_outcomes: dict[str, str] = {}


def require_packages(cache: EngineCache, *packages: str) -> None:
    """EngineError, saying what to do, unless all can be imported.

    Each is tried in another process first: a wheel that was made for newer CPUs ends its process
    with an illegal instruction, a broken one with worse. What the cache keeps is tried once for an
    installation and a CPU, the rest once in each process.
    """
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise EngineError(f"not installed: pip install {' '.join(missing)}")
    for name in packages:
        if name not in sys.modules:
            _require_importable(cache, name)


def _require_importable(cache: EngineCache, package: str) -> None:
    key = f"{package}-{_installation(package)}.imports"
    if key not in _outcomes:
        try:
            cache.get(key, partial(_tried, package))
            _outcomes[key] = ""
        except EngineError as error:
            _outcomes[key] = str(error)
    if fault := _outcomes[key]:
        raise EngineError(fault)


def _tried(package: str) -> bytes:
    try:
        trial = run_python(_IMPORT.format(package), IMPORT_LIMIT_S)
    except subprocess.TimeoutExpired as error:
        limit = f"{IMPORT_LIMIT_S:.0f} s"
        raise EngineError(f"importing {package} does not end within {limit}") from error
    if trial.code < 0:
        raise EngineError(
            f"importing {package} ends the process with {signal_name(-trial.code)}: "
            f"it is broken or not made for this CPU, install another build of {package}"
        )
    if trial.code > 0:
        reason = trial.last_complaint or f"code {trial.code}"
        raise EngineError(f"{package} cannot be imported: {reason}")
    return b"imports"


def _installation(package: str) -> str:
    """Changes with the package's files, Python and the CPU."""
    spec = find_spec(package)
    origin = Path((spec and spec.origin) or "")
    stat = origin.stat()
    known = (origin, stat.st_mtime_ns, stat.st_size, sys.version, cpu_features())
    return hashlib.sha256(repr(known).encode()).hexdigest()[:16]
