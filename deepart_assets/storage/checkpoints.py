"""Checkpoints of a training: one file, from which a killed training resumes.

The file holds tensors and plain values only and is read with `weights_only`. Its name is the
fingerprint of everything the result depends on, so a training with other options or data never
reads it.
"""

from __future__ import annotations

import contextlib
import io
import pickle
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from deepart_assets.errors import UnavailableError
from deepart_assets.storage.lake import Lake, sha256_of

FORMAT = 2
"""Version of the content; checkpoints of other versions are ignored."""


def work_lake(lake: Lake, cache: Path) -> Lake:
    """Return where a training keeps what changes all the time: the lake, if it is on this machine.

    A checkpoint is hundreds of megabytes every two minutes: not for a bucket. A remote lake has a
    folder of its own in `cache`.
    """
    if "://" not in lake.full_path("a"):
        return lake
    return Lake(cache / "training" / sha256_of(lake.url.encode())[:16])


def discard(lake: Lake, asset: str) -> None:
    """Remove all checkpoints of an asset, whose result is recorded or was never begun."""
    shutil.rmtree(lake.full_path(_folder(asset)), ignore_errors=True)


class Checkpoints:
    """The checkpoint of one training.

    Args:
        lake: A lake on this machine (`work_lake`); it is `<asset>/checkpoint/` there.
        asset: Whose training it is.
        fingerprint: Of all that the result depends on: settings, data, base, code version.
        every: Seconds between two checkpoints; 0 for one each iteration.
        told: Is told in a line what was found.
    """

    def __init__(
        self,
        lake: Lake,
        asset: str,
        fingerprint: str,
        every: float,
        told: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._lake, self._asset = lake, asset
        self.path = f"{_folder(asset)}/{fingerprint[:16]}.pt"
        self._fingerprint, self._every, self.told = fingerprint, every, told
        self._last = time.monotonic()

    @property
    def place(self) -> tuple[str, str, str, float]:
        """What another process makes the same one of: the lake's root and the next three."""
        return self._lake.url, self._asset, self._fingerprint, self._every

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes of this machine from the same training.

        Raises:
            UnavailableError: One is at it.
        """
        file = Path(self._lake.full_path(f"{self._asset}/training.lock"))
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock = FileLock(file).acquire(blocking=False)  # freed when the process ends
        except Timeout:
            raise UnavailableError(
                f"{self._asset} is being trained by another process: wait until it ends, or stop"
                " it; training resumes from its last checkpoint"
            ) from None
        with lock:
            yield

    def due(self) -> bool:
        """Tell whether it is time for the next checkpoint."""
        return time.monotonic() - self._last >= self._every

    def save(self, state: dict[str, Any]) -> None:
        """Write the state (tensors, numbers, texts, None, and lists and dicts of them)."""
        import torch

        buffer = io.BytesIO()
        marked = {"format": FORMAT, "fingerprint": self._fingerprint, "state": state}
        torch.save(marked, buffer)
        self._lake.write(self.path, buffer.getvalue())
        self._last = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """Return the state that was saved last, with tensors on the CPU, or None.

        A file that cannot be read, or is of another version of this project, counts as none and is
        reported: the training starts over, and its first checkpoint replaces the file.
        """
        import torch

        for unfinished in Path(self._lake.full_path(_folder(self._asset))).glob(".*.tmp"):
            unfinished.unlink(missing_ok=True)  # of a process that was killed while writing
        try:
            data = self._lake.read(self.path)
        except FileNotFoundError:
            others = self._lake.list(_folder(self._asset), ".pt")
            if others:
                self.told(
                    f"{self._asset}: starting over: settings or data differ from those of the"
                    f" checkpoint {Path(others[0]).name}"
                )
            return None
        try:
            found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
            if (found["format"], found["fingerprint"]) == (FORMAT, self._fingerprint):
                return found["state"]
            fault = "it is of another version"
        except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, LookupError) as error:
            fault = str(error).splitlines()[0] if str(error) else type(error).__name__
        place = self._lake.full_path(self.path)
        self.told(f"{self._asset}: starting over: cannot resume from {place} ({fault})")
        return None


def _folder(asset: str) -> str:
    return f"{asset}/checkpoint"
