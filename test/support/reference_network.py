"""The paper's network under the weights of `reference_recipe`, whose class margins are small."""

import reference_recipe
import torch

from asymformer_ros.network.asymformer import create


def reference_network():
    """A new one each time, in evaluation mode."""
    network = create("asymformer-t")
    state = {
        key: torch.from_numpy(reference_recipe.tensor(key, tuple(value.shape)).copy())
        for key, value in network.state_dict().items()
    }
    network.load_state_dict(state)
    return network.eval()
