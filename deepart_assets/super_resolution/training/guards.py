"""Stopping a training that has diverged or collapsed.

Which checkpoint is kept is decided in `validation`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deepart_assets.errors import UnavailableError
from deepart_assets.settings.training import AdversarialTraining

if TYPE_CHECKING:
    import torch

Row = Mapping[str, float | None]
"""A row of the curve: `iteration`, the mean losses since the previous row and, after a validation,
`psnr_y` and `niqe`."""

UNDECIDED_SHARE = 0.1
"""Share of the iterations for which the discriminator has to be perfect to count as a collapse."""


def diverged(iteration: int, what: str) -> UnavailableError:
    """Return the error of a training whose values are no longer finite.

    A retry would give the same values.
    """
    return UnavailableError(
        f"the training diverged at iteration {iteration} ({what} is not finite): lower"
        " train.optim_g.lr (and train.optim_d.lr), or set precision: fp32 if it is bf16; a training"
        " with other options starts over"
    )


class FiniteGuard:
    """Finds the first iteration at which a loss or a gradient is NaN or infinite.

    On CUDA values are compared on the device and read only by `check`, which synchronises. On a CPU
    every iteration is checked.
    """

    def __init__(self) -> None:
        self._first: dict[str, torch.Tensor] = {}

    def note(self, iteration: int, values: Mapping[str, torch.Tensor]) -> None:
        """Note the scalars of an iteration, by name.

        Raises:
            UnavailableError: On a CPU, if one is not finite.
        """
        import torch

        for name, value in values.items():
            here = torch.where(torch.isfinite(value.detach()), torch.inf, float(iteration))
            self._first[name] = torch.minimum(self._first.get(name, here), here)
        if any(first.device.type == "cpu" for first in self._first.values()):
            self.check()

    def check(self) -> None:
        """Check the values noted so far.

        Raises:
            UnavailableError: One was not finite. The message names iteration, value and remedy.
        """
        found = {name: float(first) for name, first in self._first.items()}
        name = min(found, key=found.__getitem__, default="")
        if name and math.isfinite(found[name]):
            raise diverged(int(found[name]), name)


@dataclass(frozen=True)
class Collapse:
    """Why a training stops early."""

    reason: str
    ruined: bool
    """Whether the current weights are unusable."""


def collapse(
    curve: Sequence[Row], base_psnr: float | None, settings: AdversarialTraining
) -> Collapse | None:
    """Return why an adversarial training has collapsed, or None.

    It has if the PSNR-Y of the last validation is at least `collapse_drop` dB below the base's, or
    if the discriminator's loss has stayed below `collapse_loss` for a tenth of the iterations.

    Args:
        curve: The rows so far, at least one.
        base_psnr: Validation PSNR-Y of the base in dB; None without validation pairs.
        settings: The limits.
    """
    last = curve[-1]
    psnr, limit = last.get("psnr_y"), settings.val.collapse_drop
    if psnr is not None and base_psnr is not None and psnr <= base_psnr - limit:
        fell = base_psnr - psnr
        return Collapse(
            f"validation PSNR-Y fell {fell:.1f} dB below the base's, to {psnr:.1f}", ruined=True
        )
    long = settings.train.total_iter * UNDECIDED_SHARE
    now, since = last["iteration"] or 0.0, 0.0
    for row in curve:  # `since` becomes the end of the last row that was above the limit
        if (row["l_d"] or 0.0) >= settings.val.collapse_loss:
            since = row["iteration"] or 0.0
    if now - since >= long:
        limit = settings.val.collapse_loss
        return Collapse(
            f"the discriminator's loss was below {limit:g} for {now - since:.0f} iterations",
            ruined=False,
        )
    return None
