"""Distributed training: one process per GPU, started by torchrun.

    this process ── torchrun ── N × `python -m deepart_assets…launch <folder>`

The folder holds the pickled job and a socket, over which each process sends its progress, its
result or its error. When this process dies the socket closes and the others exit.
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
from deepart_assets.super_resolution.training.dist import DistContext
from deepart_assets.super_resolution.training.job import run_job
from deepart_assets.super_resolution.training.loop import Job
from deepart_assets.super_resolution.training.progress import Report, Step, Trained

JOB, SOCKET = "job", "socket"

TERMINATION_SECONDS = 30.0
"""Grace period for torchrun to stop its processes before it is killed."""


def launch(job: Job, processes: int, report: Report, checkpoints: Checkpoints | None) -> Trained:
    """Train with several processes on this machine, on its GPUs if it has any.

    Args:
        job: What to train; the batch is `processes` times `batch_size_per_gpu`.
        processes: Number of processes.
        report: Called with the progress, in this process.
        checkpoints: Where all resume from and rank 0 saves to.

    Raises:
        UnavailableError: As `run_job` in one of the processes, or a process was killed.
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
                messages = _receive(listener, processes)
                trained = _wait_for_result(messages, torchrun, report, checkpoints)
                torchrun.wait()
                return trained
            finally:
                _terminate(torchrun)


def _receive(listener: Listener, processes: int) -> queue.Queue[Any]:
    """Return a queue that fills with the messages of the processes."""
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


def _wait_for_result(
    messages: queue.Queue[Any],
    torchrun: subprocess.Popen[bytes],
    report: Report,
    checkpoints: Checkpoints | None,
) -> Trained:
    """Forward messages until a process sends the result or an error."""
    while True:
        ended = torchrun.poll() is not None
        try:
            message = messages.get(timeout=1.0)
        except queue.Empty:
            if ended:
                raise UnavailableError(
                    f"a training process exited (torchrun's exit code {torchrun.returncode}): see"
                    " the log above; materialize again to resume from the last checkpoint"
                ) from None
            continue
        match message:
            case Trained():
                return message
            case Step():
                report(message)
            case str() if checkpoints is not None:
                checkpoints.report(message)
            case UnavailableError() | PaintingError():
                raise message


def _terminate(torchrun: subprocess.Popen[bytes]) -> None:
    if torchrun.poll() is None:
        torchrun.terminate()  # torchrun forwards the signal
        try:
            torchrun.wait(TERMINATION_SECONDS)
        except subprocess.TimeoutExpired:
            torchrun.kill()
            torchrun.wait()


# --- in each process -----------------------------------------------------------------------------


def main(folder: Path) -> None:
    """Run the job of a folder as the rank that torchrun's environment names."""
    import torch

    dist = DistContext(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
    parent = Client(str(folder / SOCKET), "AF_UNIX")
    threading.Thread(target=_exit_with_parent, args=(parent,), daemon=True).start()
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
        trained = run_job(job, parent.send, checkpoints, dist)
        torch.distributed.barrier()
    except (UnavailableError, PaintingError) as error:
        parent.send(error)  # any other error may only be a consequence of another process exiting
        raise
    if dist.is_main:
        parent.send(trained)
    torch.distributed.destroy_process_group()


def _exit_with_parent(parent: Connection) -> None:
    """Exit when the process that started the training is gone."""
    with contextlib.suppress(EOFError, OSError):
        parent.recv()
    os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
