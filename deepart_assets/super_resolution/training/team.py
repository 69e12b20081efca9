"""The processes that share the iterations of one training.

Belongs here: who one of them is, and what they tell each other beside gradients. Does not belong
here: starting them (`launch`), the gradients themselves (DistributedDataParallel, in `models`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class DistContext:
    """A process among those of a training.

    Attributes:
        rank: Its number, from 0; the first one validates, saves and reports.
        size: How many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the first one."""
        return self.rank == 0

    def part(self, batch: int) -> tuple[int, int]:
        """Return first and end of this process's crops in the whole batch, `size * batch`."""
        return self.rank * batch, (self.rank + 1) * batch

    def mean(self, values: Mapping[str, torch.Tensor]) -> dict[str, float]:
        """Return the means of scalars over all processes; each has to call it with the same names.

        Reading them makes the CPU wait for the GPU.
        """
        import torch

        if not values:
            return {}
        stacked = torch.stack([value.detach().double() for value in values.values()])
        if self.size > 1:
            torch.distributed.all_reduce(stacked)
            stacked /= self.size
        return dict(zip(values, stacked.tolist(), strict=True))

    def agree(self, leader_says: bool) -> bool:
        """Return what the first process says, in all of them."""
        import torch

        if self.size == 1:
            return leader_says
        device = "cuda" if torch.distributed.get_backend() == "nccl" else "cpu"
        said = torch.tensor([leader_says], dtype=torch.uint8, device=device)
        torch.distributed.broadcast(said, 0)
        return bool(said.item())


ALONE = DistContext()
