"""Real assets on a real Ray of this machine: two CPUs and one GPU, which is a number to Ray."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from deepart_assets.errors import UnavailableError
from deepart_assets_tests.orchestration.engines import (
    STEPS,
    catalogue_three,
    check_the_others_went_on,
    events,
    failure,
    messages,
    run_on,
)

pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[ray]'")
pytest.importorskip("dagster_ray", reason="dagster-ray is not installed: pip install -e '.[ray]'")


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a cluster's dashboard."""
    # Its sockets' paths must be short, so not a folder of pytest's.
    folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")
    ports = [_free_port() for _ in range(3)]
    command = [
        *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"),
        *("--num-cpus=2", "--num-gpus=1", "--object-store-memory=80000000"),
        *(f"--port={ports[0]}", "--dashboard-host=127.0.0.1", f"--dashboard-port={ports[1]}"),
        *(f"--ray-client-server-port={ports[2]}", "--node-ip-address=127.0.0.1"),
        *(f"--temp-dir={folder}", "--disable-usage-stats"),
    ]
    # On a cluster's nodes `dagster` is on the path.
    (Path(folder) / "dagster").write_text(f'#!/bin/sh\nexec {sys.executable} -m dagster "$@"\n')
    (Path(folder) / "dagster").chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}
    log = (Path(folder) / "start.log").open("wb")
    process = subprocess.Popen(
        command, env=environment, stdout=log, stderr=log, start_new_session=True
    )
    try:
        address = f"http://127.0.0.1:{ports[1]}"
        _wait_for(address, process, Path(folder) / "start.log")
        yield address
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def _wait_for(address: str, process: subprocess.Popen, log: Path) -> None:
    """Wait until a job has run: the dashboard answers seconds before its node takes one."""
    from ray.job_submission import JobStatus, JobSubmissionClient
    from ray.util.state import list_nodes

    deadline = time.monotonic() + 240
    job = None
    while True:
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.5)
        try:
            client = JobSubmissionClient(address)
            job = job or client.submit_job(entrypoint="true", entrypoint_num_gpus=1)
            if client.get_job_status(job) == JobStatus.FAILED:
                job = None
            elif client.get_job_status(job) == JobStatus.SUCCEEDED:
                assert list_nodes(client.get_address())
                return
        except Exception:  # it is not up yet, and says so in many ways
            job = None


@pytest.fixture
def catalogued(project, instance):
    catalogue_three(project, instance)
    return project


def on_ray(project, address, instance, only=STEPS, **execution):
    return run_on(project, instance, {"kind": "ray", "address": address, **execution}, only)


class Killer(threading.Thread):
    """Kills the process of a step once, as soon as it runs, or when it has begun its work."""

    def __init__(self, step: str, instance: dg.DagsterInstance, *, at_work: bool) -> None:
        super().__init__(daemon=True)
        self.step, self.instance, self.at_work = step, instance, at_work
        self.killed: int | None = None
        self.start()

    def run(self) -> None:
        deadline = time.monotonic() + 200
        while self.killed is None and time.monotonic() < deadline:
            time.sleep(0.02)
            if not self.at_work or self._begun():
                for pid in _processes_of(self.step):
                    os.kill(pid, signal.SIGKILL)
                    self.killed = pid

    def _begun(self) -> bool:
        [run] = self.instance.get_run_records(limit=1)
        begun = self.instance.get_records_for_run(
            run.dagster_run.run_id, of_type=dg.DagsterEventType.STEP_START
        )
        return any(record.event_log_entry.step_key == self.step for record in begun.records)


def _processes_of(step: str) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            environment = (folder / "environ").read_bytes().split(b"\0")
            command = (folder / "cmdline").read_bytes()
            if (
                f"DAGSTER_RUN_STEP_KEY={step}".encode() in environment
                and b"execute_step" in command
                and not command.startswith((b"/bin/sh", b"sh\0", b"bash"))
            ):
                found.append(int(folder.name))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("at_work", [False, True], ids=["starting", "at work"])
def test_a_killed_worker_is_started_again_and_a_bad_painting_stops_no_other(
    catalogued, cluster, instance, at_work
):
    killer = Killer("subject_masks", instance, at_work=at_work)
    # The GPU steps are the first and the last.
    steps = STEPS if at_work else STEPS[:2]
    with on_ray(catalogued, cluster, instance, steps) as result:
        assert killer.killed is not None
        assert events(result, "STEP_UP_FOR_RETRY") == ["subject_masks"]
        check_the_others_went_on(catalogued, result, steps)
        for step in {STEPS[0], STEPS[-1]} & set(steps):
            assert f"{step}: CUDA devices 0" in messages(instance, result, step)
        assert "CUDA devices" not in messages(instance, result, "subject_masks")


@pytest.mark.slow
def test_what_no_node_can_give_ends_the_run_at_once_with_the_remedy(catalogued, cluster, instance):
    more = {"steps": {"telea_outpaintings": {"gpus": 3, "memory_gb": 2}}}
    start = time.monotonic()
    with on_ray(catalogued, cluster, instance, **more) as result:
        assert not result.success
        assert not events(result, "STEP_START")
        reported = failure(result)
    assert time.monotonic() - start < 30
    assert "telea_outpaintings asks for 1 CPUs, 3 GPUs, 2.0 GiB" in reported
    assert "The nodes have: 2 CPUs, 1 GPUs" in reported
    assert "execution.steps" in reported


@pytest.mark.slow
def test_a_cluster_that_grows_is_waited_for_and_no_longer_than_said(catalogued, cluster, instance):
    more = {"gpu_steps": {"gpus": 2}, "wait_for_nodes": 8}
    with on_ray(catalogued, cluster, instance, ["predicted_masks"], **more) as result:
        assert not result.success
        assert events(result, "STEP_FAILURE") == ["predicted_masks"]
        assert not events(result, "STEP_UP_FOR_RETRY")
        assert "predicted_masks asks for 1 CPUs, 2 GPUs" in failure(result)


def test_a_cluster_that_is_not_there_is_named(catalogued, instance):
    address = f"http://127.0.0.1:{_free_port()}"
    with pytest.raises(UnavailableError, match=f"no Ray cluster answers at '{address}'"):
        on_ray(catalogued, address, instance)
