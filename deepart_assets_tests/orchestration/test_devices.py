"""Two processes never use one GPU, and a killed process leaves none reserved.

The tests need no GPU: a device is a name in CUDA_VISIBLE_DEVICES and a file lock.
"""

import fcntl
import itertools
import json
import os
import signal
import stat
import subprocess
import sys
import time

import pytest

from deepart_assets.errors import UnavailableError
from deepart_assets.orchestration import devices
from deepart_assets.orchestration.devices import Device, cuda_devices, reserve

TWO_GPUS = """GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-aaaa-1)
GPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-bbbb-2)
"""
SLICED = """GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-aaaa-1)
  MIG 1g.10gb     Device  0: (UUID: MIG-1111)
  MIG 1g.10gb     Device  1: (UUID: MIG-2222)
GPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-bbbb-2)
"""


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """Returns a function that sets the machine's devices; the locks are the test's own."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(devices, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(devices, "_bound", None)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)

    def has(listing: str | None, visible: str | None = None) -> None:
        tool = tmp_path / "bin" / "nvidia-smi"
        text = f"cat <<'END'\n{listing}END\n" if listing is not None else "exit 9\n"
        tool.write_text(f"#!/bin/sh\n{text}")
        tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
        if visible is None:
            monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        else:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    return has


@pytest.mark.parametrize(
    ("listing", "visible", "names", "identities"),
    [
        (TWO_GPUS, None, ["GPU-aaaa-1", "GPU-bbbb-2"], ["GPU-aaaa-1", "GPU-bbbb-2"]),
        (TWO_GPUS, "1", ["1"], ["GPU-bbbb-2"]),
        (TWO_GPUS, "GPU-bbbb,0", ["GPU-bbbb", "0"], ["GPU-bbbb-2", "GPU-aaaa-1"]),
        (TWO_GPUS, "", [], []),
        (TWO_GPUS, "1,-1,0", ["1"], ["GPU-bbbb-2"]),
        (SLICED, None, ["MIG-1111", "MIG-2222", "GPU-bbbb-2"], None),
        (None, "0,1", ["0", "1"], ["0", "1"]),
    ],
)
def test_the_devices_of_a_machine(machine, listing, visible, names, identities):
    machine(listing, visible)
    found = cuda_devices()
    assert [each.name for each in found] == names
    assert [each.identity for each in found] == (identities or names)


def test_a_machine_without_a_gpu_does_not_wait(machine):
    machine(None, "")
    with reserve(1, "telea_upscaled", pytest.fail):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == ""


def test_a_step_sees_its_own_devices_and_a_cpu_step_none(machine):
    machine(TWO_GPUS)
    lines = []
    with reserve(1, "a", lines.append):
        first = os.environ["CUDA_VISIBLE_DEVICES"]
        with reserve(0, "b", lines.append):
            assert os.environ["CUDA_VISIBLE_DEVICES"] == ""
    assert lines == [f"a: CUDA devices {first}"]
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


def test_too_many_devices_are_refused_with_the_remedy(machine):
    machine(TWO_GPUS)
    with (
        pytest.raises(
            UnavailableError, match=r"art_esrgan needs 4 GPUs, and 2 .*steps\.art_esrgan"
        ),
        reserve(4, "art_esrgan", print),
    ):
        pass


def test_all_steps_of_one_process_have_the_same_devices(machine):
    machine(TWO_GPUS)
    with (devices.locks_folder() / "GPU-aaaa-1.lock").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with reserve(0, "cpu step", print, shared=1):
            assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-bbbb-2"
        fcntl.flock(other, fcntl.LOCK_UN)
        # The first is free now, but CUDA has bound this process to the second.
        with reserve(1, "gpu step", print, shared=1):
            assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-bbbb-2"


WORKER = """
import json, os, sys, time
from deepart_assets.orchestration.devices import reserve
count, work, processes = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3] == "many"
with reserve(count, "step", lambda line: None, None if processes else 1):
    start = time.monotonic()
    print(json.dumps({"start": start, "has": os.environ["CUDA_VISIBLE_DEVICES"]}), flush=True)
    time.sleep(work)
    end = time.monotonic()
print(json.dumps({"end": end}), flush=True)
"""


def worker(count, work, steps="many"):
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(count), str(work), steps],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "0,1"},
    )


@pytest.mark.slow
def test_processes_never_share_a_device(machine):
    machine(None, "0,1")
    running = [worker(count, 0.15, steps) for count, steps in 3 * [(1, "many"), (1, "one")]]
    running.append(worker(2, 0.15))
    spans = []
    for process in running:
        first, last = map(json.loads, process.communicate(timeout=180)[0].splitlines())
        assert process.returncode == 0
        spans += [(device, first["start"], last["end"]) for device in first["has"].split(",")]
    assert {device for device, *_ in spans} == {"0", "1"}
    assert len(spans) == 8
    for device in "01":
        turns = sorted((start, end) for name, start, end in spans if name == device)
        for (_, end), (start, _) in itertools.pairwise(turns):
            assert end <= start, f"two at once on {device}: {turns}"


def test_a_killed_process_leaves_its_device_free(machine):
    machine(None, "0,1")
    victim = worker(2, 60)
    victim.stdout.readline()
    lines = []
    with pytest.raises(TimeoutError), reserve(1, "next", _impatient(lines)):
        pass
    assert "waiting for 1 of 2 GPUs" in lines[0] and str(victim.pid) in lines[0]
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    start = time.monotonic()
    with reserve(2, "next", lines.append):
        assert time.monotonic() - start < 5
    assert lines[-1] == "next: CUDA devices 0, 1"


def _impatient(lines):
    def report(line: str) -> None:
        lines.append(line)
        raise TimeoutError

    return report


def test_a_device_is_one_lock_however_it_is_named(machine):
    machine(TWO_GPUS, "1")
    [by_number] = cuda_devices()
    machine(TWO_GPUS)
    assert by_number == Device("1", cuda_devices()[1].identity)
