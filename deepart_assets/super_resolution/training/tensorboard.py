"""A training in TensorBoard.

Belongs here: writing what is reported as event files. Does not belong here: what is reported
(`progress`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deepart_assets.super_resolution.training.progress import Step

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class TensorBoard:
    """A `progress.Report` that writes event files, for `tensorboard --logdir`.

    Scalars are `loss/<name>`, `speed/iterations_per_second`, `valid/psnr_y` and `valid/niqe`; the
    picture is `valid/crop`. What a killed process wrote beyond its last checkpoint is hidden when
    the training goes on (`purge_step`).

    Args:
        folder: Of this training alone; a run in TensorBoard is a folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: SummaryWriter | None = None

    def __call__(self, step: Step) -> None:
        """Write one report."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self._folder), purge_step=step.iteration)
        writer, at = self._writer, step.iteration
        for name, value in step.losses.items():
            writer.add_scalar(f"loss/{name}", value, at)
        writer.add_scalar("speed/iterations_per_second", step.rate, at)
        if step.score is None:
            return
        for name in ("psnr_y", "niqe"):
            value = getattr(step.score, name)
            if value is not None:
                writer.add_scalar(f"valid/{name}", value, at)
        if step.score.picture is not None:
            writer.add_image("valid/crop", step.score.picture, at, dataformats="HWC")
        writer.flush()

    def close(self) -> None:
        """Write what is left and close the file."""
        if self._writer is not None:
            self._writer.close()
