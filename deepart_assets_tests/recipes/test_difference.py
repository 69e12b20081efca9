"""Storing trained layers as differences from the package's."""

import torch

from deepart_assets.segmentation.pretrained_layers import from_difference, pretrained_layers
from deepart_assets.segmentation.subject_features import FROZEN
from deepart_assets.segmentation.subject_network import LAYERS, SubjectNetwork
from recipes.subject_segmenter.difference import as_difference


def test_layers_are_kept_as_differences_to_the_files():
    network = SubjectNetwork()
    states = pretrained_layers(range(FROZEN, LAYERS))
    generator = torch.Generator().manual_seed(0)
    for number, layer in enumerate(network.layers, FROZEN):
        layer.load_state_dict({k: torch.from_numpy(v) for k, v in states[number].items()})
        for value in layer.parameters():
            if value.ndim == 2:  # a difference of rank 3
                up, down = (torch.randn(s, 3, generator=generator) * 0.01 for s in value.shape)
                value.data += up @ down.T
    state = network.state_dict()
    stored = as_difference(state, FROZEN, rank=4)
    # Exact but for half precision, in a small part of the numbers.
    for name, value in from_difference(stored, FROZEN).items():
        assert torch.allclose(value, state[name], rtol=1e-3, atol=1e-3), name
    matrices = [each for name, each in state.items() if "layers" in name and each.ndim == 2]
    kept = [each for name, each in stored.items() if name.endswith((".up", ".down"))]
    assert sum(each.numel() for each in kept) < sum(each.numel() for each in matrices) / 50
