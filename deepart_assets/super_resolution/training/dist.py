"""The processes of a distributed training, and what they exchange beside gradients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class DistContext:
    """One process of a distributed training.

    Attributes:
        rank: Its number, from 0; rank 0 validates, saves and reports.
        world_size: The number of processes.
    """

    rank: int = 0
    world_size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is rank 0."""
        return self.rank == 0

    def shard(self, batch_size: int) -> tuple[int, int]:
        """Return start and end of this process's crops in the whole batch.

        Args:
            batch_size: Crops per process; the whole batch has `world_size * batch_size`.
        """
        return self.rank * batch_size, (self.rank + 1) * batch_size

    def mean(self, values: Mapping[str, torch.Tensor]) -> dict[str, float]:
        """Return the means of scalars over all processes, as `reduce_loss_dict` of BasicSR.

        Every process has to call it with the same names. It synchronises the CPU with the GPU.
        """
        import torch

        if not values:
            return {}
        stacked = torch.stack([value.detach().double() for value in values.values()])
        if self.world_size > 1:
            torch.distributed.all_reduce(stacked)
            stacked /= self.world_size
        return dict(zip(values, stacked.tolist(), strict=True))

    def broadcast(self, flag: bool) -> bool:
        """Return the flag of rank 0 in every process."""
        import torch

        if self.world_size == 1:
            return flag
        device = "cuda" if torch.distributed.get_backend() == "nccl" else "cpu"
        tensor = torch.tensor([flag], dtype=torch.uint8, device=device)
        torch.distributed.broadcast(tensor, 0)
        return bool(tensor.item())


SINGLE_PROCESS = DistContext()
"""A training that is not distributed."""
