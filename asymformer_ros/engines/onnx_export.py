"""The deploy graph as an ONNX file that carries its profile."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

from asymformer_ros.engines.deploy_graph import DeployGraph
from asymformer_ros.files import write_atomically
from asymformer_ros.network.asymformer import AsymFormer
from asymformer_ros.network.profile import METADATA_KEY, Profile

#: The newest opset that TensorRT 8.6 parses.
OPSET = 17


def export_onnx(network: AsymFormer, profile: Profile, path: str | Path) -> None:
    """Write the deploy graph at the profile's input size; complete or not at all.

    Inputs ``rgb`` uint8 [H, W, 3] and ``depth`` float32 [H, W] (metres, NaN = no reading), output
    ``log_probabilities`` float32 [classes, H/4, W/4]. The profile lies in the file's metadata.
    """
    import onnx
    import torch

    height, width = profile.input_size
    example = (torch.zeros(height, width, 3, dtype=torch.uint8), torch.zeros(height, width))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        exported = str(Path(folder) / "graph.onnx")
        # The scripting exporter is called legacy, yet it alone writes opset 17.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            DeployGraph(network, profile),
            example,
            exported,
            opset_version=OPSET,
            input_names=["rgb", "depth"],
            output_names=["log_probabilities"],
            dynamo=False,
        )
        model = onnx.load(exported)
    onnx.helper.set_model_props(model, {METADATA_KEY: profile.to_json()})
    write_atomically(path, model.SerializeToString())
