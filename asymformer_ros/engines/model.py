"""A weights file, in the forms that engines take it in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from asymformer_ros.engines.cache import EngineCache
from asymformer_ros.engines.engine import EngineError
from asymformer_ros.engines.onnx_file import external_files, read_profile
from asymformer_ros.engines.packages import require_packages
from asymformer_ros.network.profile import CheckpointError, Profile
from asymformer_ros.resources import resource

_BUNDLED = resource("weights")
_ENGINES = Path(__file__).parent
_PYTORCH = (".safetensors", ".pth", ".pt")
# What TensorRT builds is of one version and one kind of GPU.
_ENGINE_FILES = (".engine", ".plan", ".trt")


class Model:
    """What the parameter `weights` names; conversions are made once and kept in `cache`.

    weights: name of bundled weights or a path: a deploy graph or an official export (.onnx), or
    PyTorch weights (.safetensors, .pth). profile_name: preprocessing of official weights, empty for
    the official default. Raises CheckpointError.
    """

    def __init__(self, weights: str, profile_name: str, cache: EngineCache) -> None:
        self.path = _find(weights)
        self.profile_name = profile_name
        self.cache = cache
        content = self.path.read_bytes()
        own = read_profile(content) is not None
        if own and profile_name:
            raise CheckpointError(
                f"{self.path} carries its own profile: leave the parameter 'profile' empty"
            )
        if own and external_files(content):
            raise CheckpointError(
                f"{self.path} keeps its weights in another file, where engines do not find them: "
                "save it as one file"
            )
        #: Begins the names of all that is made from these weights.
        self.key = _key(self.path, content, profile_name)

    @property
    def graph(self) -> bytes:
        """The deploy graph as an ONNX file, read anew: engines keep it in forms of their own.

        Raises EngineError or CheckpointError.
        """
        if self.path.suffix in _PYTORCH:
            return self.cache.get(f"{self.key}.onnx", self._exported)
        content = self.path.read_bytes()
        if read_profile(content) is None:
            return self.cache.get(f"{self.key}.onnx", self._wrapped)
        self.require_unchanged(content)
        return content

    def require_unchanged(self, content: bytes | None = None) -> None:
        """CheckpointError if the file is not what it was: `key` must not name other weights.

        content: of the file, if it was read anyway.
        """
        content = self.path.read_bytes() if content is None else content
        if _key(self.path, content, self.profile_name) != self.key:
            raise CheckpointError(f"{self.path} was changed while it was in use: start again")

    @cached_property
    def profile(self) -> Profile:
        """The profile of the weights; raises EngineError or CheckpointError."""
        if self.path.suffix in _PYTORCH and find_spec("onnx") is None:
            from asymformer_ros.network.checkpoint import load

            return load(self.pytorch, self.profile_name)[1]
        return self.graph_and_profile()[1]

    def graph_and_profile(self) -> tuple[bytes, Profile]:
        """`graph` and what it says of itself, from one reading."""
        graph = self.graph
        profile = read_profile(graph)
        assert profile is not None, "a deploy graph carries its profile"
        return graph, profile

    @property
    def pytorch(self) -> Path:
        """The weights as PyTorch takes them; raises EngineError."""
        beside = self.path.with_suffix(".safetensors")
        if self.path.suffix != ".onnx":
            return self.path
        if self.path.parent == _BUNDLED and beside.is_file():
            return beside
        raise EngineError(
            f"{self.path.name} is not a PyTorch file: give the .pth or .safetensors it came from"
        )

    def _exported(self) -> bytes:
        self._require("torch", "safetensors", "onnx", what=f"converting {self.path.name} to ONNX")
        from asymformer_ros.engines.onnx_export import export_onnx
        from asymformer_ros.network.checkpoint import load

        graph = export_onnx(*load(self.path, self.profile_name))
        self.require_unchanged()
        return graph

    def _wrapped(self) -> bytes:
        self._require("onnx", what=f"running {self.path.name}, which this package did not export,")
        import onnx
        from google.protobuf.message import DecodeError

        from asymformer_ros.engines.official_onnx import wrap_official

        try:
            model = onnx.load(self.path.resolve())
        except (DecodeError, onnx.checker.ValidationError) as error:
            raise CheckpointError(f"{self.path} is not a readable ONNX file") from error
        graph = bytes(wrap_official(model, self.profile_name).SerializeToString())
        self.require_unchanged()
        return graph

    def _require(self, *packages: str, what: str) -> None:
        missing = [name for name in packages if find_spec(name) is None]
        if missing:
            raise EngineError(
                f"{what} needs {' and '.join(missing)}: pip install {' '.join(missing)}, "
                "or make the .onnx elsewhere with 'asymformer export'"
            )
        require_packages(self.cache, *packages)


def _key(path: Path, content: bytes, profile_name: str) -> str:
    """Changes with the weights and with the code that turns them into engines."""
    digest = hashlib.sha256(content)
    for beside in _content_beside(path, content):
        digest.update(beside)
    digest.update(profile_name.encode())
    for room in (_ENGINES, _ENGINES.parent / "network"):
        for source in sorted(room.glob("*.py")):
            digest.update(source.read_bytes())
    return f"{path.stem}-{digest.hexdigest()[:16]}"


def _content_beside(path: Path, content: bytes) -> Iterator[bytes]:
    """The weights that an ONNX file keeps in other files, as today's PyTorch exports them."""
    if path.suffix != ".onnx":
        return
    folder = path.resolve().parent
    for name in sorted(external_files(content)):
        file = PurePosixPath(name)
        if file.is_absolute() or ".." in file.parts or not (folder / file).is_file():
            raise CheckpointError(
                f"{path} keeps its weights in {name}, which is not beside it: "
                "copy that file as well, or export with external_data=False"
            )
        yield (folder / file).read_bytes()


def _find(weights: str) -> Path:
    """The weights file of a bundled name or a path."""
    bundled = _BUNDLED / f"{weights}.onnx"
    if bundled.is_file():
        return bundled
    try:
        path = Path(weights).expanduser()
    except RuntimeError as error:
        raise CheckpointError(f"weights {weights!r} name no home directory") from error
    if not path.is_file():
        names = ", ".join(sorted(file.stem for file in _BUNDLED.glob("*.onnx")))
        raise CheckpointError(
            f"weights {weights!r} are neither bundled ({names}) nor a file: "
            "check the parameter 'weights'"
        )
    if path.suffix != ".onnx" and path.suffix not in _PYTORCH:
        raise CheckpointError(
            f"weights {path} have an unknown ending: give .onnx or {', '.join(_PYTORCH)}"
            + (", of which an engine is made here" if path.suffix in _ENGINE_FILES else "")
        )
    return path
