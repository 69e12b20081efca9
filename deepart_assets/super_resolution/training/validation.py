"""Validation during a training, and the choice of the best checkpoint.

Of all validated checkpoints whose mean PSNR-Y on the validation crops is at most `fidelity_floor`
dB below the base's, the one with the lowest mean NIQE is the best. If none keeps to the floor it is
the one with the highest PSNR-Y; without scores (no validation pair, or too small for NIQE), the
last. NIQE (Mittal et al. 2013) is the half of the PIRM 2018 perceptual score that needs no original
and no weights; the floor is needed because it takes invented grain for natural texture. The
evaluation on the test split is in `evaluation`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.settings.super_resolution import Upscaling
from deepart_assets.super_resolution.data.degradation import SCALE, matlab_bicubic_enlarge
from deepart_assets.super_resolution.data.pairs import Pair, of_split
from deepart_assets.super_resolution.evaluation.crops import detail, middle
from deepart_assets.super_resolution.evaluation.metrics import mean, niqe, psnr_y
from deepart_assets.super_resolution.upscaling.upscaler import enlarge

if TYPE_CHECKING:
    import torch
    from torch import nn

PAINTINGS, SIDE = 4, 98
"""Validation uses the centres of the first few validation paintings, `SIDE` LR pixels a side, to be
cheap beside the training. NIQE takes blocks of 96 HR pixels inside a border of 4: here 4 by 4."""

SHOWN_SIDE = 128
"""Side in HR pixels of the detail of the first crop that is shown."""

_ONE_TILE = Upscaling(tile=SIDE, overlap=16)


@dataclass(frozen=True)
class Score:
    """Means over the validation crops."""

    psnr_y: float | None
    """dB, higher is more faithful."""
    niqe: float | None
    """Lower is more natural; None if not computed or the crops are too small."""
    picture: NDArray[np.uint8] | None = field(default=None, compare=False, repr=False)
    """The upscaled detail that is shown: uint8, at most `SHOWN_SIDE` pixels a side."""

    def numbers(self) -> dict[str, float | None]:
        """Return the score without the picture."""
        return {"psnr_y": self.psnr_y, "niqe": self.niqe}


class Validation:
    """The validation crops of a training.

    Args:
        pairs: LR/HR pairs; uses the split "valid".
        perceptual: Compute NIQE too, some 0.2 s per crop.
    """

    def __init__(self, pairs: Sequence[Pair], *, perceptual: bool) -> None:
        self._crops = [_middle(pair) for pair in of_split(pairs, "valid")[:PAINTINGS]]
        self._perceptual = perceptual
        self._detail = detail(self._crops[0], SHOWN_SIDE) if self._crops else None

    @property
    def shown(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
        """LR and HR of the detail that is shown (`Score.picture`)."""
        if self._detail is None:
            return None
        return self._detail.lr(self._crops[0]), self._detail.hr(self._crops[0])

    def bicubic(self) -> Score:
        """Score MATLAB's bicubic interpolation."""
        return self._score(matlab_bicubic_enlarge)

    def score(self, net: nn.Module) -> Score:
        """Score a network.

        Raises:
            PaintingError: Its output is not finite.
        """
        training = net.training
        net.eval()
        try:
            return self._score(lambda lr: enlarge(net, lr, _ONE_TILE))
        finally:
            net.train(training)

    def _score(self, upscale: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]) -> Score:
        made = [upscale(crop.lr) for crop in self._crops]
        faithful = [psnr_y(one, crop.hr) for one, crop in zip(made, self._crops, strict=True)]
        natural = [niqe(picture) for picture in made] if self._perceptual else []
        shown = None if self._detail is None else self._detail.cut(made[0], SCALE)
        return Score(mean(faithful), mean(natural), shown)


class Best:
    """The best checkpoint so far by the rule of this module.

    Args:
        before: The base's score.
        floor: `fidelity_floor` in dB.
    """

    def __init__(self, before: Score, floor: float) -> None:
        self._least = None if before.psnr_y is None else before.psnr_y - floor
        self._floor = floor
        self.score: Score | None = None
        self.iteration = 0
        self.weights: dict[str, torch.Tensor] = {}
        self.offered = 0

    def offer(self, iteration: int, score: Score, net: nn.Module) -> None:
        """Keep a copy of the weights of `net` if they are the best so far."""
        rank = self.rank(score)
        if rank is None:
            return
        self.offered += 1
        if self.score is None or rank > (self.rank(self.score) or rank):
            self.score, self.iteration = score, iteration
            self.weights = {
                name: value.detach().to("cpu", copy=True)
                for name, value in net.state_dict().items()
            }

    def rank(self, score: Score) -> tuple[bool, float] | None:
        """Return a sort key, greater for the better score; None if a figure is missing."""
        if score.psnr_y is None or score.niqe is None or self._least is None:
            return None
        faithful = score.psnr_y >= self._least
        return faithful, -score.niqe if faithful else score.psnr_y

    def reason(self) -> str:
        """Return why this checkpoint was chosen."""
        if self.score is None:
            return "the last: no score on the validation split"
        if (self.rank(self.score) or (False,))[0]:
            return (
                f"lowest NIQE ({self.score.niqe:.2f}) of {self.offered} checkpoints, PSNR-Y at most"
                f" {self._floor:g} dB below the base's"
            )
        return (
            f"highest PSNR-Y of {self.offered} checkpoints: all are more than {self._floor:g} dB"
            " below the base's"
        )

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        score = None if self.score is None else self.score.numbers()
        return {
            "score": score,
            "iteration": self.iteration,
            "weights": self.weights,
            "offered": self.offered,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned."""
        self.score = None if state["score"] is None else Score(**state["score"])
        self.iteration, self.weights = state["iteration"], dict(state["weights"])
        self.offered = state["offered"]


def _middle(pair: Pair) -> Pair:
    """Return the square in the centre, in memory."""
    crop = middle(pair, SCALE * min(SIDE, *pair.size))
    return Pair(pair.id, pair.split, crop.lr(pair), crop.hr(pair))
