"""Several processes for one training, one a GPU: torchrun starts them.

Belongs here: starting, listening to and ending them, and what such a process does first. Does not
belong here: the training (`stages`), what they say to each other (`team`).

    this process ── torchrun ── N × `python -m deepart_assets…launch <folder>`

The folder holds the job and a socket. Through it each process sends its progress, its result or its
error; when this process dies, the socket closes and they end themselves.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import subprocess
import sys
import tempfile
import threading
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

from deepart_assets.errors import PaintingError, UnavailableError
from deepart_assets.storage import Lake
from deepart_assets.storage.checkpoints import Checkpoints
from deepart_assets.super_resolution.training.progress import Report, Step, Trained
from deepart_assets.super_resolution.training.stages import Job, run_job
from deepart_assets.super_resolution.training.team import DistContext

JOB, SOCKET = "job", "socket"

ENDING = 30.0
"""Seconds that torchrun has to end its processes before it is killed."""


def launch(job: Job, processes: int, report: Report, checkpoints: Checkpoints | None) -> Trained:
    """Train with several processes on this machine, on GPUs where there are any.

    Args:
        job: What to train; the batch of an iteration is `processes` times that of the options.
        processes: How many.
        report: For progress; called in this process.
        checkpoints: The first process goes on from it and saves to it.

    Raises:
        UnavailableError: As `training.run_job` in one of them, or one of them was killed.
    """
    with tempfile.TemporaryDirectory(prefix="deepart-") as name:
        folder = Path(name)  # readable by this user alone, so that unpickling is safe
        place = checkpoints.place if checkpoints else None
        (folder / JOB).write_bytes(pickle.dumps((job, place)))
        with Listener(str(folder / SOCKET), "AF_UNIX") as listener:
            torchrun = subprocess.Popen(
                [
                    *(sys.executable, "-m", "torch.distributed.run"),
                    *("--standalone", "--nproc-per-node", str(processes)),
                    *("-m", __name__, name),
                ]
            )
            try:
                heard = _heard(listener, processes)
                trained = _trained(heard, torchrun, report, checkpoints)
                torchrun.wait()
                return trained
            finally:
                _end(torchrun)


def _heard(listener: Listener, processes: int) -> queue.Queue[Any]:
    """Return what the processes send, as it comes."""
    messages: queue.Queue[Any] = queue.Queue()

    def accept() -> None:
        with contextlib.suppress(OSError):  # the listener was closed
            for _ in range(processes):
                threading.Thread(target=read, args=(listener.accept(),), daemon=True).start()

    def read(connection: Connection) -> None:
        with connection, contextlib.suppress(EOFError, OSError):
            while True:
                messages.put(connection.recv())

    threading.Thread(target=accept, daemon=True).start()
    return messages


def _trained(
    heard: queue.Queue[Any],
    torchrun: subprocess.Popen[bytes],
    report: Report,
    checkpoints: Checkpoints | None,
) -> Trained:
    """Pass on what the processes tell until one sends the result or an error."""
    while True:
        ended = torchrun.poll() is not None
        try:
            message = heard.get(timeout=1.0)
        except queue.Empty:
            if ended:
                raise UnavailableError(
                    f"a process of the training ended (torchrun's exit code {torchrun.returncode}):"
                    " the log above says why; materialize again to go on from the last checkpoint"
                ) from None
            continue
        match message:
            case Trained():
                return message
            case Step():
                report(message)
            case str() if checkpoints is not None:
                checkpoints.told(message)
            case UnavailableError() | PaintingError():
                raise message


def _end(torchrun: subprocess.Popen[bytes]) -> None:
    if torchrun.poll() is None:
        torchrun.terminate()  # which it passes on
        try:
            torchrun.wait(ENDING)
        except subprocess.TimeoutExpired:
            torchrun.kill()
            torchrun.wait()


# --- in each process -----------------------------------------------------------------------------


def main(folder: Path) -> None:
    """Take part in the job of a folder, as torchrun's environment says."""
    import torch

    team = DistContext(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
    parent = Client(str(folder / SOCKET), "AF_UNIX")
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    job, place = pickle.loads((folder / JOB).read_bytes())
    has_gpu = torch.cuda.is_available() and job.settings.num_gpu != 0
    if has_gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    torch.distributed.init_process_group("nccl" if has_gpu else "gloo")
    checkpoints = None
    if place is not None:
        root, asset, fingerprint, every = place
        checkpoints = Checkpoints(Lake(root), asset, fingerprint, every, parent.send)
    try:
        trained = run_job(job, parent.send, checkpoints, team)
        torch.distributed.barrier()
    except (UnavailableError, PaintingError) as error:
        parent.send(error)  # any other may only follow from the end of another process
        raise
    if team.leads:
        parent.send(trained)
    torch.distributed.destroy_process_group()


def _follow(parent: Connection) -> None:
    """End this process when the one that started the training is no more."""
    with contextlib.suppress(EOFError, OSError):
        parent.recv()
    os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
