"""Training checkpoints: one file per training, from which a killed training resumes.

The file holds only tensors and plain values and is loaded with `weights_only`. It is named after
the fingerprint of everything the result depends on, so other settings or data never load it.
"""

from __future__ import annotations

import contextlib
import io
import pickle
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from deepart_assets.errors import UnavailableError, first_line
from deepart_assets.storage.hashes import sha256_of
from deepart_assets.storage.lake import Lake

FORMAT = 2
"""Version of the file's content; checkpoints of other versions are ignored."""


def work_lake(lake: Lake, cache: Path) -> Lake:
    """Return where checkpoints go: the lake if it is local, else a folder per lake in `cache`.

    A checkpoint is hundreds of megabytes every two minutes, too much for a bucket.
    """
    if "://" not in lake.full_path("a"):
        return lake
    return Lake(cache / "training" / sha256_of(lake.url.encode())[:16])


def discard(lake: Lake, asset: str, before: str) -> None:
    """Remove an asset's checkpoints from before its result was made, at a time as ISO 8601.

    Later ones are of a training that other settings began, and that may be resumed.
    """
    made = datetime.fromisoformat(before).timestamp()
    folder = Path(lake.full_path(_folder(asset)))
    for file in folder.glob("*"):
        with contextlib.suppress(FileNotFoundError):
            if file.stat().st_mtime < made:
                file.unlink()
    with contextlib.suppress(OSError):  # it is not empty, or not there
        folder.rmdir()


class Checkpoints:
    """The checkpoint of one training.

    Args:
        lake: A local lake (`work_lake`); checkpoints go to `<asset>/checkpoint/`.
        asset: The asset that is trained.
        fingerprint: Hash of settings, data, base weights and code version.
        every: Seconds between two checkpoints; 0 saves one each iteration.
        report: Called with log lines.
    """

    def __init__(
        self,
        lake: Lake,
        asset: str,
        fingerprint: str,
        every: float,
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._lake, self._asset = lake, asset
        self.path = f"{_folder(asset)}/{fingerprint[:16]}.pt"
        self._fingerprint, self._every, self.report = fingerprint, every, report
        self._last = time.monotonic()

    @property
    def place(self) -> tuple[str, str, str, float]:
        """The arguments for the same checkpoint in another process, with the lake as its URL."""
        return self._lake.url, self._asset, self._fingerprint, self._every

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Lock this training against other processes of this machine.

        Raises:
            UnavailableError: Another process is running it.
        """
        file = Path(self._lake.full_path(f"{self._asset}/training.lock"))
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock = FileLock(file).acquire(blocking=False)
        except Timeout:
            raise UnavailableError(
                f"{self._asset} is being trained by another process: wait until it ends, or stop"
                " it; training resumes from its last checkpoint"
            ) from None
        with lock:
            yield

    def is_due(self) -> bool:
        """Return whether it is time for the next checkpoint."""
        return time.monotonic() - self._last >= self._every

    def save(self, state: dict[str, Any]) -> None:
        """Write the state: tensors, numbers, strings, None, and lists and dicts of them."""
        import torch

        buffer = io.BytesIO()
        marked = {"format": FORMAT, "fingerprint": self._fingerprint, "state": state}
        torch.save(marked, buffer)
        self._lake.write(self.path, buffer.getvalue())
        self._last = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """Return the last saved state, with tensors on the CPU, or None.

        A damaged file or one of another `FORMAT` is reported and ignored; the next `save` replaces
        it.
        """
        import torch

        for unfinished in Path(self._lake.full_path(_folder(self._asset))).glob(".*.tmp"):
            unfinished.unlink(missing_ok=True)  # left by a killed process
        try:
            data = self._lake.read(self.path)
        except FileNotFoundError:
            others = self._lake.list(_folder(self._asset), ".pt")
            if others:
                self.report(
                    f"{self._asset}: starting over: settings or data differ from those of the"
                    f" checkpoint {Path(others[0]).name}"
                )
            return None
        try:
            found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
            if (found["format"], found["fingerprint"]) == (FORMAT, self._fingerprint):
                return found["state"]
            fault = "it has another format version"
        except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, LookupError) as error:
            fault = first_line(error)
        place = self._lake.full_path(self.path)
        self.report(f"{self._asset}: starting over: cannot resume from {place} ({fault})")
        return None


def _folder(asset: str) -> str:
    return f"{asset}/checkpoint"
