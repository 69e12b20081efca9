"""Training of the bundled segmenter's network on features and masks that are on the disk."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepart_assets.segmentation.subject_features import FROZEN, Features

if TYPE_CHECKING:
    import torch

    from deepart_assets.segmentation.subject_network import SubjectNetwork

BATCH, OUTLINED = 4, 3
"""Views of a step, and how many of them have corrected masks, where there are any."""
LEARNING_RATES, WARM_UP = (2e-3, 1e-4), 40
"""Of the decoder, and of the pretrained layers."""
SECOND_LEARNING_RATES = 8e-4, 5e-5
"""The same where training goes on from a network."""
THIRD_LEARNING_RATES = 6e-4, 6e-5
"""The same with corrected masks."""
MOST_CHANGE = 1.0
"""Greatest norm of the pretrained layers' gradient."""
WEIGHT_DECAY = 0.05
MOVING_AVERAGE = 0.985
KEPT_EVERY = 50
"""Steps after which the average is written, for the validation split to choose from."""
EDGE_WEIGHT = 3.0
MISSED_WEIGHT, EXCESS_WEIGHT = 1.2, 0.6
"""A lost arm spoils more than a kept cushion (the weights of Salehi et al. 2017)."""


class Example(NamedTuple):
    """One view: what the network sees, and what it should say."""

    features: Features
    mask: NDArray[np.float32]
    """8r×8c in [0, 1]."""


def read_example(file: Path) -> Example:
    """Read what `examples` wrote."""
    with np.load(file) as kept:
        features = Features(*(kept[name] for name in Features._fields))
        return Example(features, kept["mask"].astype(np.float32).clip(0, 1))


def loss_of(logits: "torch.Tensor", target: "torch.Tensor") -> "torch.Tensor":
    """Return cross-entropy, heavier near contours, plus 1 - Tversky where there is a subject."""
    from torch.nn import functional

    smooth = functional.avg_pool2d(target[None], 9, 1, 4, count_include_pad=False)[0]
    weights = 1 + EDGE_WEIGHT * (target - smooth).abs()
    entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    loss = (entropy * weights).sum() / weights.sum()
    if float(target.mean()) > 0.02:
        found = logits.sigmoid()
        both = (found * target).sum()
        missed, excess = ((1 - found) * target).sum(), (found * (1 - target)).sum()
        loss = loss + 1 - both / (both + MISSED_WEIGHT * missed + EXCESS_WEIGHT * excess)
    return loss


def train(
    files: Sequence[Path],
    steps: int,
    seed: int,
    start: Path | None = None,
    *,
    outlined: Sequence[Path] = (),
    keep: "Callable[[int, SubjectNetwork], None]" = lambda _step, _average: None,
) -> "SubjectNetwork":
    """Train the last layers further and the rest from scratch, or go on from a network.

    AdamW, warm-up and cosine, and the moving average of the weights.

    Args:
        files: What `examples` wrote.
        steps: Updates, of `BATCH` views each.
        seed: Of the order and of dropout.
        start: The network to go on from.
        outlined: More of such files, of which every batch has `OUTLINED`.
        keep: Called with the number of steps done and the average, every `KEPT_EVERY` steps.
    """
    import torch

    from deepart_assets.segmentation.pretrained_layers import pretrained_layers
    from deepart_assets.segmentation.subject_network import SubjectNetwork, load_network

    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    network, average = SubjectNetwork().train(), SubjectNetwork().eval()
    numbers = range(FROZEN, FROZEN + len(network.layers))
    for layer, state in zip(network.layers, pretrained_layers(numbers).values(), strict=True):
        layer.load_state_dict({name: torch.from_numpy(each) for name, each in state.items()})
    if start:
        network.load_state_dict(load_network(start).state_dict())
    average.load_state_dict(network.state_dict())
    pretrained = list(network.layers.parameters())
    known = {id(each) for each in pretrained}
    groups = [
        {"params": [each for each in network.parameters() if id(each) not in known]},
        {"params": pretrained},
    ]
    rates = SECOND_LEARNING_RATES if start else LEARNING_RATES
    rates = THIRD_LEARNING_RATES if outlined else rates
    optimiser = torch.optim.AdamW(groups, weight_decay=WEIGHT_DECAY)
    plain = _shuffled(files, random)
    corrected = _shuffled(outlined, random) if outlined else plain
    for step in range(steps):
        cosine = 0.5 * (1 + np.cos(np.pi * step / steps)) + 0.01
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * cosine * min(1, (step + 1) / WARM_UP)
        for number in range(BATCH):
            example = read_example(next(corrected if number < OUTLINED else plain))
            target = torch.from_numpy(example.mask)
            (loss_of(network(example.features), target) / BATCH).backward()
        torch.nn.utils.clip_grad_norm_(pretrained, MOST_CHANGE)
        optimiser.step()
        optimiser.zero_grad()
        kept = min(MOVING_AVERAGE, (step + 1) / (step + 10))
        with torch.no_grad():
            for old, new in zip(average.parameters(), network.parameters(), strict=True):
                old.lerp_(new, 1 - kept)
        if (step + 1) % KEPT_EVERY == 0:
            keep(step + 1, average)
    return average


def mean_of(networks: "Sequence[SubjectNetwork]") -> "SubjectNetwork":
    """Return the first network with the mean of all weights (Wortsman et al. 2022).

    They must have been trained from the same start, or the mean is none of them.
    """
    import torch

    with torch.no_grad():
        for same in zip(*(each.parameters() for each in networks), strict=True):
            same[0].copy_(torch.stack(list(same)).mean(dim=0))
    return networks[0]


def _shuffled(files: Sequence[Path], random: np.random.Generator) -> Iterator[Path]:
    """Yield the files for ever, in a new order each time."""
    while True:
        yield from (files[index] for index in random.permutation(len(files)))
