"""Guards: what stops a training that has gone wrong.

Belongs here: telling that a training diverged or collapsed. Does not belong here: which checkpoint
is kept (`validation`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deepart_assets.errors import UnavailableError
from deepart_assets.settings.training import AdversarialTraining

if TYPE_CHECKING:
    import torch

Row = Mapping[str, float | None]
"""A row of the curve: `iteration`, the mean losses since the row before, `psnr_y` and `niqe` where
it was validated."""

UNDECIDED_SHARE = 0.1
"""Of the iterations: so long has the discriminator to be perfect before that counts as collapse."""


def diverged(iteration: int, what: str) -> UnavailableError:
    """Return the error of a training whose numbers are not finite any more.

    Nothing is tried again: the same settings would come to the same number.
    """
    return UnavailableError(
        f"the training diverged at iteration {iteration} ({what} is not finite any more): lower"
        " its train.optim_g.lr (and optim_d's), or set precision: fp32 if it is bf16; with other"
        " options it starts anew"
    )


class FiniteGuard:
    """Finds the first iteration at which a loss or a gradient is NaN or infinite.

    On CUDA the numbers are compared on the device and read only by `check`: reading one makes the
    CPU wait for the GPU. On a CPU every iteration is checked.
    """

    def __init__(self) -> None:
        self._first: dict[str, torch.Tensor] = {}

    def note(self, iteration: int, values: Mapping[str, torch.Tensor]) -> None:
        """Take note of scalars by name.

        Raises:
            UnavailableError: On a CPU, where one is not finite.
        """
        import torch

        for name, value in values.items():
            finite = torch.isfinite(value.detach())
            here = torch.where(finite, torch.inf, float(iteration))
            known = self._first.get(name)
            self._first[name] = here if known is None else torch.minimum(known, here)
        if any(first.device.type == "cpu" for first in self._first.values()):
            self.check()

    def check(self) -> None:
        """Raise if a value noted so far was not finite.

        Raises:
            UnavailableError: Names the first iteration, the value and the remedy.
        """
        found = {name: float(first) for name, first in self._first.items()}
        for name, iteration in sorted(found.items(), key=lambda item: item[1]):
            if iteration != float("inf"):
                raise diverged(int(iteration), name)


@dataclass(frozen=True)
class Collapse:
    """Why it is of no use to go on."""

    reason: str
    ruined: bool
    """Whether what the network makes now is of no use either."""


def collapse(
    curve: Sequence[Row], base_psnr: float | None, settings: AdversarialTraining
) -> Collapse | None:
    """Tell that an adversarial training has collapsed, or return None.

    It has where the last validation's PSNR-Y is `collapse_drop` dB or more below the base's, or
    where the discriminator's loss has stayed below `collapse_loss` for a tenth of the iterations.

    Args:
        curve: The rows so far.
        base_psnr: The base's validation PSNR-Y in dB, None without validation pairs.
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
