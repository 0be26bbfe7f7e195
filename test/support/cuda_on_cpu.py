"""As much of torch.cuda as an engine needs, on the CPU: above all, recording and replaying.

Every name is put in the place of the installed PyTorch's own and fails where that has none.
A recording keeps operators with the tensors that they took and gave; a replay runs the operators on
these tensors and writes into these, so that a value that came from the host stays what it was.
"""

import inspect
import time
from contextlib import contextmanager, nullcontext

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class FakeStream:
    def synchronize(self):
        pass


class FakeEvent:
    def __init__(self, enable_timing=False):
        assert enable_timing
        self.at = None

    def record(self, stream=None):
        self.at = time.perf_counter()

    def elapsed_time(self, end_event):
        return 1e3 * (end_event.at - self.at)


class FakeGraph:
    def __init__(self):
        self.calls = []

    def replay(self):
        for call, args, kwargs, given in self.calls:
            again = call(*args, **kwargs)
            for old, new in zip(tree_leaves(given), tree_leaves(again), strict=True):
                if isinstance(old, torch.Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)


class _Recorder(TorchDispatchMode):
    def __init__(self, graph):
        super().__init__()
        self.graph = graph

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        given = func(*args, **(kwargs or {}))
        self.graph.calls.append((func, args, kwargs or {}, given))
        return given


@contextmanager
def fake_graph(cuda_graph, pool=None, stream=None, capture_error_mode="global"):
    assert isinstance(stream, FakeStream) and capture_error_mode == "thread_local"
    with _Recorder(cuda_graph):
        yield


def install(monkeypatch, torch_cuda):
    """Let an engine of the module torch_cuda run on the CPU."""
    for fake, real in ((fake_graph, torch.cuda.graph), (FakeEvent, torch.cuda.Event)):
        assert (
            inspect.signature(fake).parameters.keys() <= inspect.signature(real).parameters.keys()
        )
    for fake, real in (
        (FakeStream, torch.cuda.Stream),
        (FakeEvent, torch.cuda.Event),
        (FakeGraph, torch.cuda.CUDAGraph),
    ):
        for method in vars(fake):
            assert method.startswith("_") or hasattr(real, method), (real, method)
    monkeypatch.setattr(torch.cuda, "Stream", FakeStream)
    monkeypatch.setattr(torch.cuda, "Event", FakeEvent)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", FakeGraph)
    monkeypatch.setattr(torch.cuda, "graph", fake_graph)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    monkeypatch.setattr(torch_cuda, "_GPU", "cpu")
    monkeypatch.setattr(
        torch_cuda, "_page_locked", lambda shape, dtype: torch.zeros(shape, dtype=dtype)
    )
