"""Writing the reports of a training as TensorBoard event files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deepart_assets.super_resolution.training.progress import Step

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class TensorBoard:
    """A `progress.Report` that writes event files, for `tensorboard --logdir`.

    Scalars are `loss/<name>`, `speed/iterations_per_second`, `valid/psnr_y` and `valid/niqe`; the
    picture is `valid/crop`. When a training resumes, `purge_step` hides what was written after
    its last checkpoint.

    Args:
        folder: A folder of this training alone, which is one run in TensorBoard.
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
        """Flush and close the file."""
        if self._writer is not None:
            self._writer.close()
