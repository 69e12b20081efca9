"""Real assets in processes of this machine, which is made to believe that it has two GPUs."""

import contextlib
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from multiprocessing import forkserver

import dagster as dg
import pytest
import yaml
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext

from deepart_assets.build import build_defs
from deepart_assets.errors import SettingsError, UnavailableError
from deepart_assets.orchestration.executors import executor_for
from deepart_assets.settings import load_settings, validate_settings
from deepart_assets.settings.execution import KubernetesExecution, RayExecution
from deepart_assets.settings.places import PROJECT
from deepart_assets_tests.orchestration.engines import (
    KEYS,
    catalogue_three,
    check_the_others_went_on,
    events,
    messages,
    run_on,
)

STEPS = ["predicted_masks", "subject_masks", "unfinished_paintings"]


@pytest.fixture
def two_gpus(monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    # The folder of its sockets: one in this test's folder, which goes with it; later tests have
    # again the one of before, or make their own.
    monkeypatch.setitem(multiprocessing.current_process()._config, "tempdir", None)
    # Steps have the environment that the fork server was started in, perhaps by another test.
    forkserver._forkserver._stop()
    yield
    forkserver._forkserver._stop()


def _kill(step: str, instance: dg.DagsterInstance, killed: list[int]) -> None:
    """Kill the process of a step once, as soon as Dagster tells its number."""
    kind = dg.DagsterEventType.STEP_WORKER_STARTED
    deadline = time.monotonic() + 120
    while not killed and time.monotonic() < deadline:
        time.sleep(0.02)
        for run in instance.get_run_records(limit=1):
            for record in instance.get_records_for_run(
                run.dagster_run.run_id, of_type=kind
            ).records:
                event = record.event_log_entry.dagster_event
                if event.step_key == step and not killed:
                    pid = int(event.engine_event_data.metadata["pid"].value)
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                        killed.append(pid)


@pytest.mark.slow
def test_gpu_steps_have_a_device_each_and_a_killed_one_is_started_again(
    project, instance, two_gpus
):
    catalogue_three(project, instance)
    killed: list[int] = []
    threading.Thread(target=_kill, args=("subject_masks", instance, killed), daemon=True).start()
    with run_on(project, instance, {"kind": "local", "processes": 2}, STEPS) as result:
        assert killed
        assert events(result, "STEP_UP_FOR_RETRY") == ["subject_masks"]
        check_the_others_went_on(project, result, STEPS)
        assert re.search("CUDA devices [01]$", messages(instance, result, STEPS[0]), re.MULTILINE)
        assert "CUDA devices" not in messages(instance, result, "subject_masks")


@pytest.mark.slow
def test_a_step_that_is_killed_again_and_again_fails(project, instance, two_gpus, monkeypatch):
    catalogue_three(project, instance)
    killed: list[int] = []
    threading.Thread(target=_kill, args=(STEPS[0], instance, killed), daemon=True).start()
    execution = {"kind": "local", "processes": 2, "retries": 0}
    with run_on(project, instance, execution, STEPS[:1]) as result:
        assert events(result, "STEP_FAILURE") == STEPS[:1]
        assert not events(result, "STEP_UP_FOR_RETRY")
    assert not [key for key in KEYS if project.store.get(STEPS[0], key)]


def test_needs_of_an_asset_that_is_not_there_are_refused():
    content = load_settings("sample").model_dump(mode="json")
    content["execution"] = {"kind": "local", "steps": {"art_esrgn": {"gpus": 4}}}
    with pytest.raises(SettingsError, match=r"execution\.steps\.art_esrgn.*'art_esrgan'"):
        build_defs(validate_settings(content, "mine"))


class _Uninstalled:
    """Finds no module of a package, as if it was not installed."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, name: str, *_) -> None:
        if name.split(".", maxsplit=1)[0] == self.package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.mark.parametrize(
    ("execution", "package", "extra"),
    [
        (RayExecution(kind="ray"), "dagster_ray", "ray"),
        (KubernetesExecution(kind="kubernetes"), "dagster_k8s", "k8s"),
    ],
)
def test_an_engine_that_is_not_installed_is_named_when_a_run_starts(
    monkeypatch, execution, package, extra
):
    engine = executor_for(execution)  # the graph can be looked at without it
    ours = f"deepart_assets.dagster_internals.{execution.kind}_executor"
    for name in [name for name in sys.modules if name.startswith((f"{package}.", package, ours))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_Uninstalled(package), *sys.meta_path])
    with pytest.raises(UnavailableError, match=rf"pip install 'deepart_assets\[{extra}\]'"):
        engine.executor_creation_fn(None)


def test_every_stage_that_uses_a_gpu_is_in_its_pool(tmp_path):
    defs = build_defs(load_settings("gpu"), str(tmp_path))
    jobs = [defs.resolve_job_def(name) for name in ("restore", "evaluate")]
    pools = {node.name: node.definition.pool for job in jobs for node in job.graph.nodes}
    assert {name for name, pool in pools.items() if pool == "gpu"} == {
        "predicted_masks",
        "psnr_weights",
        "art_esrgan",
        "art_esrgan_evaluation",
        "subject_masks_evaluation",
        *(
            f"{name}_{stage}"
            for name in ("stable_diffusion", "artificially_inspired")
            for stage in ("outpaintings", "upscaled")
        ),
    }


@pytest.mark.slow
def test_the_pool_has_one_slot_until_the_command_gives_it_more(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    shipped = yaml.safe_load((PROJECT / ".dagster_home" / "dagster.yaml").read_text())
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(shipped))
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert _slots(instance) == 1
        command = ["dagster", "instance", "concurrency", "set", "gpu", "4"]
        subprocess.run([sys.executable, "-m", *command], check=True)
        assert _slots(instance) == 4


def _slots(instance: dg.DagsterInstance) -> int:
    """How many steps of a run at a time the pool lets in."""
    run = dg.DagsterRun("restore")
    taken = 0
    with InstanceConcurrencyContext(instance, run) as claims:
        while claims.claim("gpu", f"step{taken}"):
            taken += 1
    instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return taken
