"""Which nodes of a network's graph stay in float32 when the others run in half precision.

Half precision ends at 65504 and loses digits below 2^-14. LAFS passes the upper end in its sum over
the channels and the lower end in its 1/C^2, and no NaN tells of it. All is decided by operators and
how they are connected, because names and shapes depend on who exported the graph.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

#: Where the time goes; runtimes multiply in half and sum in float32.
PRODUCTS = frozenset({"Conv", "Einsum", "Gemm", "MatMul"})
_MOVES = frozenset(
    {"Concat", "Expand", "Flatten", "Gather", "Identity", "Pad", "Reshape", "Slice", "Split"}
    | {"Squeeze", "Transpose", "Unsqueeze"}
)
_ELEMENTWISE = frozenset({"Add", "Div", "Erf", "Gelu", "Mul", "Relu", "Sigmoid", "Sub"})
# A soft-max subtracts its maximum first, so that nothing in it exceeds one. LayerNormalization is
# not among them: a strongly typed TensorRT takes its squares in the type of its input, whatever
# ONNX says, and they pass 65504 where a value is 256 from the mean.
_HALF = PRODUCTS | _MOVES | _ELEMENTWISE | {"Resize", "Softmax"}
_SUMS = frozenset({"GlobalAveragePool", "ReduceMean", "ReduceSum"})

LARGEST = float(np.finfo(np.float16).max)
SMALLEST_NORMAL = float(np.finfo(np.float16).smallest_normal)


def float32_islands(graph: GraphProto, constants: Mapping[str, NDArray[np.float32]]) -> set[int]:
    """Indices of the nodes that stay in float32; constants: the graph's float32 ones by name.

    Islands are everything before the first and after the last product, every operator that is not
    known to be safe, LAFS from its average to its sigmoid, norms, also those written out by
    hand, and nodes with a constant that half precision cannot hold.
    """
    flow = _Flow(graph)
    outputs = {output.name for output in graph.output}
    islands = {
        index
        for index, node in enumerate(graph.node)
        if node.op_type not in _HALF
        or index not in flow.between_products
        or not outputs.isdisjoint(node.output)
        or _beyond_half(node, constants)
        or (node.op_type == "Div" and node.input[1] in flow.activations)
    }
    for index, node in enumerate(graph.node):
        if node.op_type == "Sigmoid":
            islands |= _lafs(index, graph, flow)
    # Backwards, so that a difference is seen after the square that is made of it.
    for index in reversed(range(len(graph.node))):
        node, uses = graph.node[index], flow.uses(index)
        if node.op_type not in _ELEMENTWISE or not uses <= islands:
            continue
        only_summed = all(graph.node[use].op_type in _SUMS for use in uses)
        if (only_summed and len(flow.operands(node)) == 2) or flow.sources(node) & islands:
            islands.add(index)
    return islands


class _Flow:
    """How the values of a graph depend on one another.

    activations: names of the values that depend on the frame, not only on its shape.
    between_products: indices of the products and of the nodes with one before and one after them.
    """

    def __init__(self, graph: GraphProto) -> None:
        self._producer: dict[str, int] = {}
        self._consumers: dict[str, set[int]] = defaultdict(set)
        self._graph = graph
        self.activations = {value.name for value in graph.input}
        after: set[str] = set()
        for index, node in enumerate(graph.node):
            self._producer.update((name, index) for name in node.output)
            for name in node.input:
                self._consumers[name].add(index)
            if node.op_type in ("Shape", "Size"):
                continue
            if not self.activations.isdisjoint(node.input):
                self.activations.update(node.output)
            if node.op_type in PRODUCTS or not after.isdisjoint(node.input):
                after.update(node.output)
        self.between_products: set[int] = set()
        before: set[str] = set()
        for index in reversed(range(len(graph.node))):
            node = graph.node[index]
            product = node.op_type in PRODUCTS
            if product or not before.isdisjoint(node.output):
                before.update(node.input)
                if product or not after.isdisjoint(node.output):
                    self.between_products.add(index)

    def operands(self, node: NodeProto) -> list[str]:
        """The node's inputs that are activations."""
        return [name for name in node.input if name in self.activations]

    def sources(self, node: NodeProto) -> set[int]:
        """The nodes that the node's activations come from."""
        return {self._producer[name] for name in self.operands(node) if name in self._producer}

    def uses(self, index: int) -> set[int]:
        """The nodes that take the node's outputs."""
        outputs = self._graph.node[index].output
        return set().union(*(self._consumers[name] for name in outputs))

    def chain(self, index: int, through: frozenset[str]) -> list[int]:
        """From a node backwards through operators with one activation to the first other one."""
        chain = [index]
        while len(sources := self.sources(self._graph.node[chain[-1]])) == 1:
            chain.extend(sources)
            if self._graph.node[chain[-1]].op_type not in through:
                break
        return chain


def _beyond_half(node: NodeProto, constants: Mapping[str, NDArray[np.float32]]) -> bool:
    """Whether a constant of the node overflows, or its first, the factor, only has lost digits."""
    values = [np.abs(constants[name]) for name in node.input if name in constants]
    peaks = [float(value.max(initial=0.0)) for value in values]
    return any(peak > LARGEST for peak in peaks) or (
        bool(peaks) and 0.0 < peaks[0] < SMALLEST_NORMAL
    )


def _lafs(sigmoid: int, graph: GraphProto, flow: _Flow) -> set[int]:
    """The nodes from LAFS's average to its sigmoid; empty if the sigmoid is not that of LAFS.

    The sigmoid's input is a scaled sum, over the channels, of one activation times another.
    """
    path = flow.chain(sigmoid, _MOVES | _SUMS | {"Div", "Mul"})
    contraction = graph.node[path[-1]]
    if contraction.op_type not in PRODUCTS | {"Mul"} or len(flow.operands(contraction)) != 2:
        return set()
    for operand in flow.sources(contraction):
        squeeze = flow.chain(operand, _HALF)
        if graph.node[squeeze[-1]].op_type in _SUMS:
            path += squeeze
    return set(path)
