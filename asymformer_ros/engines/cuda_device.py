"""One GPU's primary context on one thread, and the memory and events that live in it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import DTypeLike, NDArray

from asymformer_ros.engines.engine import EngineError, first_line

log = logging.getLogger("asymformer_ros.engines")

#: CU_STREAM_NON_BLOCKING: torch's calls on the legacy stream then neither wait nor break a capture.
_NON_BLOCKING = 1


@dataclass(frozen=True)
class MirroredArray:
    """An array in page-locked host memory and its copy on the GPU; only a copy call moves it."""

    host: NDArray[Any]
    device: Any

    @property
    def address(self) -> int:
        """Where the copy lies in GPU memory."""
        return int(self.device)


class CudaDevice:
    """GPU 0 through pycuda, with its primary context current on the thread that makes it.

    The primary context is the one that torch and the CUDA runtime use too; `pycuda.autoinit` would
    make another, in which their memory is invalid (pycuda#285). Contexts belong to threads: use and
    close this on the thread that made it. pycuda aborts the process when a thread ends with a
    context on its stack, so whoever makes one closes it. Raises EngineError.
    """

    def __init__(self) -> None:
        try:
            import pycuda.driver as cuda
        except Exception as error:  # a broken install raises more than ImportError
            raise EngineError(f"pycuda cannot be imported: {first_line(error)}") from error
        self.cuda = cuda
        self._freeing: list[tuple[str, Callable[[], Any]]] = []
        try:
            cuda.init()
            context = cuda.Device(0).retain_primary_context()
            self._freeing.append(("the CUDA context", context.detach))
            context.push()
            self._freeing.append(("the CUDA context's place", context.pop))
            self.stream: Any = cuda.Stream(_NON_BLOCKING)
            self._freeing.append(("the CUDA stream", self._drop_stream))
        except BaseException as error:
            self.close()
            if not isinstance(error, Exception):
                raise
            raise EngineError(f"the GPU cannot be opened: {first_line(error)}") from error

    @property
    def free_memory(self) -> int:
        """Bytes of GPU memory that nobody uses now."""
        return int(self.cuda.mem_get_info()[0])

    def mirrored(self, shape: tuple[int, ...], dtype: DTypeLike) -> MirroredArray:
        """Zeros on the host and as much memory on the GPU, freed by `close`."""
        host = self.cuda.pagelocked_zeros(shape, dtype)
        self._freeing.append(("page-locked memory", host.base.free))
        device = self.cuda.mem_alloc(host.nbytes)
        self._freeing.append(("GPU memory", device.free))
        return MirroredArray(host, device)

    def copy_in(self, array: MirroredArray) -> None:
        """Start copying the host's values to the GPU."""
        self.cuda.memcpy_htod_async(array.device, array.host, self.stream)

    def copy_out(self, array: MirroredArray) -> None:
        """Start copying the GPU's values to the host; they are there after `synchronize`."""
        self.cuda.memcpy_dtoh_async(array.host, array.device, self.stream)

    def synchronize(self) -> None:
        """Wait until the stream has done everything, without holding the interpreter's lock."""
        self.stream.synchronize()

    def close(self) -> None:
        """Free everything, last made first, the context at the end; again does nothing."""
        while self._freeing:
            what, free = self._freeing.pop()
            try:
                free()
            except Exception as error:  # after a fault on the GPU nothing can be freed any more
                log.warning("cannot free %s: %s", what, first_line(error))

    def _drop_stream(self) -> None:
        self.stream = None
