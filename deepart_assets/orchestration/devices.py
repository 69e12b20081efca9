"""This machine's GPUs, one process at a time.

A device is lent by a lock on a file, which the kernel takes back when the process ends, however it
ends. So two runs never share a GPU, whoever started them, and a killed one leaves none behind. A
process that has a lock never waits for anything else of this kind, so no two wait for each other.
"""

import contextlib
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from deepart_assets.errors import UnavailableError

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""CUDA reads it once in a process, when it is first asked for a device."""

PAUSE = 0.5
"""Seconds between two looks for a free device."""


@dataclass(frozen=True)
class Device:
    """A CUDA device: what `CUDA_VISIBLE_DEVICES` calls it, and what it is locked under."""

    name: str
    identity: str


def cuda_devices() -> list[Device]:
    """Return the devices that this process may use, without waking CUDA.

    They are those of `CUDA_VISIBLE_DEVICES` where it is set, else all of the machine, MIG slices in
    place of the GPU they are cut from.
    """
    there = _listed()
    chosen = os.environ.get(VISIBLE)
    if chosen is None:
        return there
    found = []
    for name in (part.strip() for part in chosen.split(",")):
        if name in ("", "-1"):  # CUDA reads no further either
            break
        known = [each for each in there if each.identity.startswith(name)]
        if name.isdigit() and int(name) < len(there):
            known = [there[int(name)]]
        found.append(Device(name, known[0].identity if known else name))
    return found


def _listed() -> list[Device]:
    try:
        listing = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        # A container may have the devices without the tool.
        return [Device(str(n), str(n)) for n, _ in enumerate(Path("/dev").glob("nvidia[0-9]*"))]
    devices: list[Device] = []
    for line in listing.splitlines():
        match re.search(r"UUID: ((GPU|MIG)-[^)\s]+)", line):
            case re.Match() as found:
                if found[2] == "MIG" and devices and devices[-1].identity.startswith("GPU"):
                    devices.pop()  # of a GPU that is cut, the slices alone can be used
                devices.append(Device(found[1], found[1]))
    return devices


def locks_folder() -> Path:
    """Return the folder of the locks of this machine's devices, made if it is not there."""
    folder = Path(tempfile.gettempdir()) / "deepart-devices"
    # Readable and writable by all: another user's run locks the same files.
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(0o777)
    return folder


_bound: list[Device] | None = None
"""What this process has told CUDA that it may use, once it has."""


class Devices:
    """Lends this machine's devices to the steps of this process.

    Args:
        at_once: Where the process has several steps, the most that one of them needs; None where
            it has one step.
    """

    def __init__(self, at_once: int | None = None) -> None:
        self._at_once = at_once

    @contextlib.contextmanager
    def held(self, count: int, step: str, told: Callable[[str], None]) -> Iterator[None]:
        """Hold `count` devices for one step, waiting for them; on a machine without any, none.

        In a process of one step CUDA sees those devices alone, or none with `count` 0. In one of
        several it sees the same for all of them, of which none is used by another process
        meanwhile.

        Args:
            count: How many.
            step: Whose step it is, for messages.
            told: Is told in a line what the step waits for and what it has.

        Raises:
            UnavailableError: The machine has fewer.
        """
        global _bound  # noqa: PLW0603  CUDA's choice is the process's as well
        there = _bound if _bound is not None else cuda_devices()
        if not there:
            yield
            return
        if count > len(there):
            raise UnavailableError(
                f"{step} needs {count} GPUs, and {len(there)} can be seen here:"
                f" lower execution.steps.{step}.gpus, or widen {VISIBLE}"
            )
        if self._at_once is not None and _bound is None:
            wanted = min(self._at_once, len(there))
            with contextlib.ExitStack() as look:
                free = _try(there, wanted, look) or there[:wanted]
            there = _bind(free)
            _bound = there
        with contextlib.ExitStack() as stack:
            if self._at_once is None:
                stack.callback(_restore, os.environ.get(VISIBLE))
                there = _bind(_wait(there, count, step, stack, told))
            elif count:
                _wait(there, len(there), step, stack, told)
            if count:
                told(f"{step}: CUDA devices {', '.join(each.name for each in there)}")
            yield


def _bind(devices: Sequence[Device]) -> list[Device]:
    os.environ[VISIBLE] = ",".join(each.name for each in devices)
    return list(devices)


def _restore(value: str | None) -> None:
    if value is None:
        os.environ.pop(VISIBLE, None)
    else:
        os.environ[VISIBLE] = value


def _wait(
    among: Sequence[Device],
    count: int,
    step: str,
    stack: contextlib.ExitStack,
    told: Callable[[str], None],
) -> list[Device]:
    waiting = False
    while (taken := _try(among, count, stack)) is None:
        if not waiting:
            told(f"{step}: waits for {count} of {len(among)} GPUs, as others have them{_by(among)}")
            waiting = True
        time.sleep(PAUSE)
    return taken


def _try(among: Sequence[Device], count: int, stack: contextlib.ExitStack) -> list[Device] | None:
    """Lock so many free devices, or none: who waits has nothing that another waits for."""
    with contextlib.ExitStack() as mine:
        taken: list[Device] = []
        for device in among:
            if len(taken) < count and _locked(device, mine):
                taken.append(device)
        if len(taken) < count:
            return None
        stack.push(mine.pop_all())
        return taken


def _locked(device: Device, stack: contextlib.ExitStack) -> bool:
    path = _lock_of(device)
    lock = FileLock(path, mode=0o666, fallback_to_soft=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    stack.callback(lock.release)
    path.write_text(f"{os.getpid()}\n", encoding="ascii")
    return True


def _lock_of(device: Device) -> Path:
    return locks_folder() / f"{device.identity.replace('/', '_')}.lock"


def _by(devices: Sequence[Device]) -> str:
    numbers = []
    for device in devices:
        with contextlib.suppress(OSError):
            numbers.extend(_lock_of(device).read_text(encoding="ascii").split()[:1])
    return f" (processes {', '.join(numbers)})" if numbers else ""
