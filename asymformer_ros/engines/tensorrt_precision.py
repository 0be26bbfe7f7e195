"""Half precision in a TensorRT engine: asked for, and then looked for in what was built."""

from __future__ import annotations

import logging
import re
from types import ModuleType
from typing import Any

from asymformer_ros.engines.engine import EngineError

log = logging.getLogger("asymformer_ros.engines")

#: A network fused to one kernel shows little more than its inputs and outputs, and proves nothing.
FEWEST_TENSORS = 6

# The inspector writes "Half" for a fused kernel's tensor and "Row major linear FP16 format" or the
# like for others. Its text is searched, not parsed: JSON that holds a layer's "-inf" is none.
_FORMAT = re.compile(r'"[^"]*(?:Format|Data ?[Tt]ype)[^"]*"\s*:\s*"([^"]*)"')
_HALF = re.compile(r"\b(?:half|fp16|float16)\b", re.IGNORECASE)
_FLOAT32 = re.compile(r"\b(?:float|fp32|float32)\b", re.IGNORECASE)


def pin_precisions(trt: ModuleType, network: Any) -> None:
    """Tell TensorRT 8 to compute in float32 what the parsed graph has in float32.

    The rest is its own choice: with every layer pinned it finds implementations for fewer of them.
    Newer networks are strongly typed and refuse this. Layers on integers, constants and casts have
    no choice and are left alone.
    """
    floats = (trt.DataType.FLOAT, trt.DataType.HALF)
    fixed = (trt.LayerType.CONSTANT, trt.LayerType.SHAPE, trt.LayerType.CAST)
    for index in range(network.num_layers):
        layer = network.get_layer(index)
        if layer.type in fixed:
            continue
        inputs = [layer.get_input(i) for i in range(layer.num_inputs)]
        outputs = [layer.get_output(i) for i in range(layer.num_outputs)]
        # A comparison has no floating-point output, an optional input may be absent.
        types = [tensor.dtype for tensor in (*outputs, *inputs) if tensor is not None]
        precision = next((dtype for dtype in types if dtype in floats), None)
        if precision != trt.DataType.FLOAT:
            continue
        layer.precision = precision
        for i, tensor in enumerate(outputs):
            if tensor.dtype == trt.DataType.FLOAT:
                layer.set_output_type(i, tensor.dtype)


def assert_half(trt: ModuleType, engine: Any) -> None:
    """EngineError unless half precision is in the engine, built with DETAILED verbosity."""
    inspector = engine.create_engine_inspector()
    share = half_share(inspector.get_engine_information(trt.LayerInformationFormat.JSON))
    if share is None:
        log.warning("TensorRT does not show the engine's precision: it fused the whole network")
    elif share == 0.0:
        raise EngineError(
            f"TensorRT {trt.__version__} built an engine without any half precision in it"
        )


def half_share(information: str) -> float | None:
    """Share of half precision among the floating-point tensors in an engine inspector's text.

    None where it shows fewer than `FEWEST_TENSORS` of them.
    """
    formats = _FORMAT.findall(information)
    half = sum(bool(_HALF.search(text)) for text in formats)
    single = sum(bool(_FLOAT32.search(text)) for text in formats)
    return None if half + single < FEWEST_TENSORS else half / (half + single)
