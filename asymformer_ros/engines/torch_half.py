"""A deploy graph in half precision, with islands in float32."""

from __future__ import annotations

import copy
from typing import Any

from torch import Tensor, nn

from asymformer_ros.engines.deploy_graph import DeployGraph
from asymformer_ros.network.fusion import LocalAttentionGuidedFeatureSelection


def half_with_islands(graph: DeployGraph) -> DeployGraph:
    """Turn the network to float16, as `Module.half` does; returns the graph itself.

    What lies around the network, from the camera's values to its input and from its logits to the
    labels, stays in float32, and so does LAFS: its weights are as small as 1/C^2, below 2^-14 where
    half precision loses digits, and its plain sum over the channels passes 65504.
    """
    islands = [
        module
        for module in graph.network.modules()
        if isinstance(module, LocalAttentionGuidedFeatureSelection)
    ]
    exact = [copy.deepcopy(island.state_dict()) for island in islands]
    network = graph.network.half()
    network.down_sample_1.register_forward_pre_hook(_take_half)
    network.Decoder.register_forward_hook(_give_float)
    for island, weights in zip(islands, exact, strict=True):
        island.float().load_state_dict(weights)
        island.register_forward_pre_hook(_take_float)
        island.register_forward_hook(_give_half)
    return graph


def _take_half(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(value.half() for value in inputs)


def _take_float(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(value.float() for value in inputs)


def _give_half(_: nn.Module, inputs: Any, output: Tensor) -> Tensor:
    return output.half()


def _give_float(_: nn.Module, inputs: Any, output: Tensor) -> Tensor:
    return output.float()
