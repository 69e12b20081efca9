"""Reserves this machine's GPUs for steps, so that no two runs share one.

A reservation is a file lock, which the kernel releases when the process ends. A step locks all the
devices it needs at once or none, so steps cannot deadlock. Ray and Kubernetes assign GPUs of a
cluster themselves.
"""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from deepart_assets.errors import UnavailableError

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""CUDA reads this variable once per process, when it is initialized."""

POLL_SECONDS = 0.5
"""Polling interval while waiting for a free device."""


@dataclass(frozen=True)
class Device:
    """A CUDA device: its name in `CUDA_VISIBLE_DEVICES`, and the UUID or number of its lock."""

    name: str
    identity: str


def cuda_devices() -> list[Device]:
    """Return the devices this process may use, without initializing CUDA.

    These are the ones in `CUDA_VISIBLE_DEVICES` if it is set, else all of the machine. A GPU that
    is partitioned by MIG is replaced by its slices.
    """
    available = _listed()
    chosen = os.environ.get(VISIBLE)
    if chosen is None:
        return available
    found = []
    for name in (part.strip() for part in chosen.split(",")):
        if name in ("", "-1"):  # CUDA stops here too
            break
        known = [each for each in available if each.identity.startswith(name)]
        if name.isdigit() and int(name) < len(available):
            known = [available[int(name)]]
        found.append(Device(name, known[0].identity if known else name))
    return found


def _listed() -> list[Device]:
    try:
        if (program := shutil.which("nvidia-smi")) is None:
            raise FileNotFoundError  # and no process is started for each step
        listing = subprocess.run(
            [program, "-L"], capture_output=True, text=True, timeout=60, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        # A container may have the devices but not nvidia-smi.
        return [Device(str(n), str(n)) for n, _ in enumerate(Path("/dev").glob("nvidia[0-9]*"))]
    devices: list[Device] = []
    for identity, kind in re.findall(r"UUID: ((GPU|MIG)-[^)\s]+)", listing):
        if kind == "MIG" and devices and devices[-1].identity.startswith("GPU"):
            devices.pop()  # only the slices of a partitioned GPU can be used
        devices.append(Device(identity, identity))
    return devices


def locks_folder() -> Path:
    """Create and return the folder of this machine's device locks."""
    folder = Path(tempfile.gettempdir()) / "deepart-devices"
    # World-writable: runs of other users lock the same files.
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(0o777)
    return folder


_bound: list[Device] | None = None
"""The devices this process is bound to, once it is."""


@contextlib.contextmanager
def reserve(
    count: int, step: str, report: Callable[[str], None], shared: int | None = None
) -> Iterator[None]:
    """Wait for `count` devices and reserve them; on a machine without devices, do nothing.

    CUDA sees only the reserved devices in a process of one step (none if `count` is 0), and the
    same shared devices in all steps of a process of several.

    Args:
        count: Number of devices.
        step: Name of the step, for messages.
        report: Called with log lines: what the step waits for and what it gets.
        shared: The number of devices that all steps of this process share, the most that one of
            them needs. None if the process runs a single step.

    Raises:
        UnavailableError: The machine has fewer devices.
    """
    global _bound  # noqa: PLW0603  CUDA binds the process
    available = _bound if _bound is not None else cuda_devices()
    if not available:
        yield
        return
    if count > len(available):
        raise UnavailableError(
            f"{step} needs {count} GPUs, and {len(available)} are visible here:"
            f" lower execution.steps.{step}.gpus, or widen {VISIBLE}"
        )
    if shared is not None and _bound is None:
        wanted = min(shared, len(available))
        with contextlib.ExitStack() as stack:
            free = _try(available, wanted, stack) or available[:wanted]
        _bound = available = _bind(free)
    with contextlib.ExitStack() as stack:
        if shared is None:
            stack.callback(_restore, os.environ.get(VISIBLE))
            available = _bind(_wait(available, count, step, stack, report))
        elif count:
            _wait(available, len(available), step, stack, report)
        if count:
            report(f"{step}: CUDA devices {', '.join(each.name for each in available)}")
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
    report: Callable[[str], None],
) -> list[Device]:
    waiting = False
    while (taken := _try(among, count, stack)) is None:
        if not waiting:
            report(f"{step}: waiting for {count} of {len(among)} GPUs, in use{_by(among)}")
            waiting = True
        time.sleep(POLL_SECONDS)
    return taken


def _try(among: Sequence[Device], count: int, stack: contextlib.ExitStack) -> list[Device] | None:
    """Lock `count` free devices, or none: a waiting step must not block another."""
    with contextlib.ExitStack() as locks:
        taken: list[Device] = []
        for device in among:
            if len(taken) < count and _try_lock(device, locks):
                taken.append(device)
        if len(taken) < count:
            return None
        stack.push(locks.pop_all())
        return taken


def _try_lock(device: Device, stack: contextlib.ExitStack) -> bool:
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
    return f" by processes {', '.join(numbers)}" if numbers else " by other processes"
