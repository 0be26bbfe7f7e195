"""pycuda.driver and cuda.bindings.driver without a GPU, under their recorded names.

Like the real thing a stream only remembers what is to be done until it is synchronised, contexts
belong to threads, and what is used without its context is an error. `journal` tells what was made
and freed, in order; `faults` what was freed wrongly, since nobody sees an exception of `__del__`.
"""

import sys
import threading
from types import ModuleType
from weakref import WeakSet, WeakValueDictionary

import numpy as np
from recorded_api import recorded, recorded_module

STREAM_NON_BLOCKING = 1
FREE_MEMORY = 8 << 30


class FakeCuda:
    """One GPU; `driver` is the fake pycuda.driver, `bindings` the fake cuda.bindings.driver."""

    def __init__(self):
        self.journal = []
        self.faults = []
        self.alive = WeakSet()
        self.fail = {}  # name of a pycuda function to the exception that it raises
        self.copies = []  # (direction, bytes) of every copy that was made
        self.streams = WeakValueDictionary()
        self.contexts = threading.local()
        self.bindings_fail_at = None
        self.launches = 0
        self._made = 0
        self.driver = self._pycuda()
        self.bindings = self._bindings()

    def install(self, monkeypatch, cuda_python=True):
        """Let `import pycuda.driver` and `from cuda.bindings import driver` find the fakes."""
        pycuda, cuda = ModuleType("pycuda"), ModuleType("cuda")
        pycuda.driver = self.driver
        cuda.bindings = ModuleType("cuda.bindings")
        cuda.bindings.driver = self.bindings
        monkeypatch.setitem(sys.modules, "pycuda", pycuda)
        monkeypatch.setitem(sys.modules, "pycuda.driver", self.driver)
        for name, module in (
            ("cuda", cuda),
            ("cuda.bindings", cuda.bindings),
            ("cuda.bindings.driver", self.bindings),
        ):
            monkeypatch.setitem(sys.modules, name, module if cuda_python else None)

    def need_context(self):
        if not getattr(self.contexts, "stack", None):
            raise self.driver.LogicError("no context is current on this thread")

    def made(self, thing):
        """For `__init__` of what has a `__del__` that calls `freed`."""
        self.need_context()
        self.alive.add(thing)

    def freed(self, what):
        """For `__del__`: on a real GPU the context must be current."""
        self.journal.append(f"free {what}")
        if not getattr(self.contexts, "stack", None):
            self.faults.append(f"{what} freed without a context")

    def new_handle(self):
        self._made += 1
        return 0x1000 * self._made

    def enqueue(self, stream, work):
        """Put work on a stream, or into the graph that is being captured from it."""
        self.need_context()
        stream._capture.append(work) if stream._capture is not None else stream._queue.append(work)

    def memory(self, address):
        """The bytes at an address on the fake GPU."""
        return self._allocations[address]

    def _fails(self, name):
        if name in self.fail:
            raise self.fail[name]

    def _pycuda(self):
        gpu = self
        gpu._allocations = {}

        class Error(Exception):
            pass

        class LogicError(Error):
            pass

        class MemoryError(Error):
            pass

        class Context:
            def push(self):
                if not hasattr(gpu.contexts, "stack"):
                    gpu.contexts.stack = []
                gpu.contexts.stack.append(self)
                gpu.journal.append("push context")

            @staticmethod
            def pop():
                gpu.need_context()
                gpu.contexts.stack.pop()
                gpu.journal.append("pop context")

            def detach(self):
                if self in getattr(gpu.contexts, "stack", []):
                    gpu.faults.append("context released while current")
                gpu.journal.append("release context")

        class Device:
            def __init__(self, number):
                gpu._fails("Device")
                assert number == 0

            def retain_primary_context(self):
                gpu.journal.append("retain context")
                return gpu.driver.Context()

        class Stream:
            def __init__(self, flags=0):
                gpu.made(self)
                assert flags == STREAM_NON_BLOCKING, "torch's legacy stream would break a capture"
                self._queue, self._capture, self._number = [], None, gpu.new_handle()
                gpu.streams[self._number] = self
                gpu.journal.append("make stream")

            def __del__(self):
                gpu.freed("stream")

            @property
            def handle(self):
                return self._number

            def synchronize(self):
                gpu.need_context()
                if "synchronize" in gpu.fail:
                    del self  # the real one is C, of which a traceback keeps nothing
                    gpu._fails("synchronize")
                queue, self._queue = self._queue, []
                for work in queue:
                    work()

        class Event:
            def __init__(self, flags=0):
                gpu.made(self)
                self._at = None

            def __del__(self):
                gpu.freed("event")

            def record(self, stream=None):
                self._at = None
                gpu.enqueue(stream, lambda: setattr(self, "_at", len(gpu.copies)))
                return self

            def time_till(self, other):
                assert None not in (self._at, other._at), "an event was read before it happened"
                return float(other._at - self._at)

        class DeviceAllocation:
            def __init__(self, size):
                gpu.need_context()
                self._address = gpu.new_handle()
                gpu._allocations[self._address] = np.full(size, 0xAA, np.uint8)

            def __int__(self):
                return self._address

            def free(self):
                gpu.need_context()
                gpu._fails("free")
                del gpu._allocations[self._address]
                gpu.journal.append("free memory")

        class PagelockedHostAllocation:
            def free(self):
                gpu.need_context()
                self._freed = True
                gpu.journal.append("free host memory")

        class PagelockedArray(np.ndarray):
            """numpy gives an array no other base, so this one says which allocation it has."""

            allocation = None

            @property
            def base(self):
                return self.allocation

        def init():
            gpu._fails("init")

        def mem_alloc(size):
            gpu._fails("mem_alloc")
            return gpu.driver.DeviceAllocation(size)

        def mem_get_info():
            gpu.need_context()
            return FREE_MEMORY, 2 * FREE_MEMORY

        def pagelocked_zeros(shape, dtype, order="C", mem_flags=0):
            gpu.need_context()
            gpu._fails("pagelocked_zeros")
            array = np.zeros(shape, dtype).view(PagelockedArray)
            array.allocation = gpu.driver.PagelockedHostAllocation()
            return array

        def check_host(array):
            assert isinstance(array, PagelockedArray), "a copy from pageable memory blocks"

        def memcpy_htod_async(dest, src, stream=None):
            check_host(src)

            def copy():
                gpu.memory(int(dest))[:] = np.asarray(src).reshape(-1).view(np.uint8)
                gpu.copies.append(("in", src.nbytes))

            gpu.enqueue(stream, copy)

        def memcpy_dtoh_async(dest, src, stream=None):
            check_host(dest)

            def copy():
                np.asarray(dest).reshape(-1).view(np.uint8)[:] = gpu.memory(int(src))
                gpu.copies.append(("out", dest.nbytes))

            gpu.enqueue(stream, copy)

        names = {name: value for name, value in locals().items() if name not in _LOCAL}
        return recorded_module("pycuda.driver", recorded("cuda_api.json", "pycuda.driver"), names)

    def _bindings(self):
        gpu = self

        def answer(name, *values):
            result = gpu.bindings.CUresult
            if gpu.bindings_fail_at == name:
                return (result.CUDA_ERROR_STREAM_CAPTURE_INVALIDATED,) + (None,) * len(values)
            return (result.CUDA_SUCCESS, *values)

        def cuStreamBeginCapture(stream, mode):
            assert mode is gpu.bindings.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
            assert not gpu.streams[stream]._queue, "the stream has work left"
            result = answer("cuStreamBeginCapture")
            if gpu.bindings_fail_at != "cuStreamBeginCapture":
                gpu.streams[stream]._capture = []
            return result

        def cuStreamEndCapture(stream):
            work, gpu.streams[stream]._capture = gpu.streams[stream]._capture, None
            if gpu.bindings_fail_at != "cuStreamEndCapture":
                gpu.journal.append("make graph")
            return answer("cuStreamEndCapture", work)

        def cuGraphInstantiate(graph, flags):
            return answer("cuGraphInstantiate", list(graph))

        def cuGraphLaunch(executable, stream):
            gpu.launches += 1
            for work in executable:
                gpu.enqueue(gpu.streams[stream], work)
            return answer("cuGraphLaunch")

        def cuGraphExecDestroy(executable):
            gpu.need_context()
            gpu.journal.append("free executable graph")
            return answer("cuGraphExecDestroy")

        def cuGraphDestroy(graph):
            gpu.journal.append("free graph")
            return answer("cuGraphDestroy")

        names = {name: value for name, value in locals().items() if name not in _LOCAL}
        record = recorded("cuda_api.json", "cuda.bindings.driver")
        return recorded_module("cuda.bindings.driver", record, names)


_LOCAL = frozenset({"self", "gpu", "answer", "PagelockedArray", "check_host"})
