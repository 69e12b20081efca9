"""Restores paintings on a Ray cluster of two hosts, and breaks what it stands on.

    PYTHONPATH=. .venv/bin/python .ci/two_hosts.py [FOLDER]

Two runs at once on the same 50 paintings, the lake on a real S3, Dagster's history in a real
PostgreSQL. Meanwhile a node dies, PostgreSQL restarts and S3 is away for a minute. It then checks
that nothing is lost or doubled, that the next run makes only what was missing, and that a run that
is terminated leaves no Ray job behind, also one that `RayRunLauncher` has launched. It prints what
it finds, and ends with 1 if something does not hold. `hosts` says what it needs.
"""

import contextlib
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen
from typing import Any

import dagster as dg
import yaml
from hosts import BUCKET, KEY, SECRET, Ceph, Host, PostgreSQL, Ray, connect, remove_hosts
from waiting import wait_for

from deepart_assets.storage import Lake, MaterializationRecord, MaterializationStore
from deepart_assets_tests.conftest import Project

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
PAINTINGS = 50
AWAY = 60.0
"""Seconds in which S3 does not answer."""
LAKE = f"s3://{BUCKET}/lake"
POOL = "gpu"

RUN = """
import sys
import dagster as dg
from deepart_assets.runs import open_instance, run_job
_, profile, root, *stages = sys.argv
with open_instance() as instance:
    keys = instance.get_dynamic_partitions("paintings")
    selection = [dg.AssetKey(stage) for stage in stages]
    with run_job(instance, "restore", keys=keys, profile=profile, root=root,
                 asset_selection=selection) as result:
        sys.exit(0 if result.success else 1)
"""
"""Restores all paintings, from their masks to their outpaintings, in one run."""

failures: list[str] = []


def say(text: str, ok: bool | None = None) -> None:
    """Print a line; one that is not `ok` ends the whole with 1."""
    if ok is False:
        failures.append(text)
    mark = {None: "", True: "ok: ", False: "NOT OK: "}[ok]
    print(f"{time.monotonic() - START:5.0f} s  {mark}{text}", flush=True)


START = time.monotonic()


class Site:
    """The hosts, the servers on them, and the project."""

    def __init__(self, folder: Path) -> None:
        self.profiles = {kind: folder / f"{kind}.yaml" for kind in ("local", "ray")}
        env = {
            **os.environ,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "NUMBA_DISABLE_JIT": "1",
            "AWS_ENDPOINT_URL": "http://10.77.0.3:9000",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            # By default 30: on a busy machine a node takes longer to start.
            "RAY_raylet_start_wait_time_s": "300",
            "DEEPART_PROFILE": str(self.profiles["local"]),
            "DEEPART_DATA": LAKE,
        }
        self.hosts = [
            Host(name, number, folder, env) for number, name in ((1, "a"), (2, "b"), (3, "c"))
        ]
        self.head, self.worker, self.servers = self.hosts
        connect(self.hosts)
        self.servers.enter()
        for host in self.hosts:
            host.env["DAGSTER_HOME"] = str(host.folder / "home")
        os.environ.update(self.servers.env)
        self.s3 = Ceph(self.servers)
        self.postgresql = PostgreSQL(self.servers)
        self.ray = Ray(self.head)
        self.ray.join(self.worker)
        self._project(folder)
        for host in self.hosts:
            self.configure(host)
        self.lake = Lake(LAKE)
        self.store = MaterializationStore(self.lake)
        # Those that need no trained network.
        self.stages = [
            "predicted_masks",
            "subject_masks",
            "unfinished_paintings",
            "telea_outpaintings",
        ]
        self.keys = [f"p{number:02}" for number in range(PAINTINGS)]

    def _project(self, folder: Path) -> None:
        """Put the paintings into the bucket and write the profiles."""
        project = Project(folder)
        sources = {"pictures": {"kind": "folder", "path": f"s3://{BUCKET}/pictures"}}
        project.content["wikiart"]["sources"] = sources
        execution = {
            "kind": "ray",
            "address": self.ray.url,
            "gpu_steps": {"cpus": 1, "gpus": 1},
            "env_vars": ["DEEPART_PROFILE", "DEEPART_DATA", "AWS_ENDPOINT_URL"],
        }
        for kind, more in (("local", {}), ("ray", {"execution": execution})):
            text = yaml.safe_dump({**project.content, **more}, sort_keys=False)
            self.profiles[kind].write_text(text)
        client = self.s3.client()
        for number in range(PAINTINGS):
            name = f"p{number:02}"
            project.add_painting(name, number)
            picture = (project.pictures / f"{name}.png").read_bytes()
            client.put_object(Bucket=BUCKET, Key=f"pictures/{name}.png", Body=picture)

    def configure(self, host: Host, **more: Any) -> None:
        """Write `dagster.yaml` of a host: the project's, with PostgreSQL."""
        content = yaml.safe_load((ROOT / ".dagster_home" / "dagster.yaml").read_text())
        del content["event_log_storage"], content["run_launcher"]
        content["concurrency"]["pools"]["default_limit"] = 2
        # Without a daemon nobody takes runs from a queue.
        del content["concurrency"]["runs"], content["run_queue"]
        content["run_coordinator"] = {
            "module": "dagster._core.run_coordinator",
            "class": "DefaultRunCoordinator",
        }
        content["storage"] = {"postgres": {"postgres_url": self.postgresql.url}}
        home = Path(host.env["DAGSTER_HOME"])
        home.mkdir(exist_ok=True)
        (home / "dagster.yaml").write_text(yaml.safe_dump({**content, **more}))

    def restore(self, host: Host) -> "Popen[bytes]":
        """Start `deepart restore` on a host, with its steps on the cluster."""
        env = {**host.env, "DEEPART_PROFILE": str(self.profiles["ray"])}
        command = (BIN / "deepart", "restore", "--verbose")
        return host.start("restore", *command, env=env)

    def run(self, host: Host, kind: str) -> "Popen[bytes]":
        """Start a run on a host that restores all paintings, with the profile of a kind."""
        command = (sys.executable, "-c", RUN, self.profiles[kind], LAKE, *self.stages)
        return host.start("restore", *command)

    def instance(self) -> dg.DagsterInstance:
        """Open Dagster's history."""
        return dg.DagsterInstance.from_config(self.servers.env["DAGSTER_HOME"])

    def records(self) -> dict[tuple[str, str], MaterializationRecord]:
        """Return the record of each output of each painting."""
        found = {
            (stage, key): self.store.get(stage, key) for stage in self.stages for key in self.keys
        }
        return {pair: record for pair, record in found.items() if record is not None}

    def count(self) -> int:
        """Return how many records there are by now."""
        return sum(len(self.store.keys(stage)) for stage in self.stages)


def prepare(site: Site) -> None:
    """List the paintings, in a process of one host."""
    code = """
import sys
from deepart_assets.runs import open_instance, run_job
with open_instance() as instance:
    with run_job(instance, "catalogue", root=sys.argv[1]) as result:
        assert result.success
"""
    site.servers(sys.executable, "-c", code, LAKE)
    say("the paintings are listed")


def break_things(site: Site, runs: list["Popen[bytes]"]) -> None:
    """Kill a node, restart PostgreSQL and stop S3, each while both runs are at work."""
    outputs = len(site.stages) * PAINTINGS

    def at_work(share: float) -> bool:
        assert all(run.poll() is None for run in runs), "a run has ended too early"
        return site.count() >= share * outputs

    def step_at_work() -> list[str]:
        at_work(0)
        steps = [step for step in site.worker.steps().values() if step in site.stages]
        return [step for step in steps if 5 <= len(site.store.keys(step)) < PAINTINGS]

    step = wait_for("a step in the middle of its work on the second host", step_at_work, 600)
    made = site.count()
    died = site.worker.kill()
    say(
        f"the second host dies in {', '.join(step)} ({died} processes), {made} of {outputs}"
        " outputs are there"
    )
    wait_for("a quarter of the outputs", lambda: at_work(0.25), 600)
    site.postgresql.restart()
    say(f"PostgreSQL has restarted, {site.count()} outputs are there")
    site.ray.join(site.worker)
    say("the second host is back")
    wait_for("half of the outputs", lambda: at_work(0.5), 600)
    made = site.count()
    site.s3.stop()
    say(f"S3 is away, {made} outputs are there")
    time.sleep(AWAY)
    site.s3.start()
    say("S3 is back")


def check_lake(site: Site) -> None:
    """Check that each output is there once, whole, and what its record says."""
    records = site.records()
    states = Counter(record.status for record in records.values())
    missing = len(site.stages) * PAINTINGS - len(records)
    say(
        f"outputs by state: {dict(states)}, without a record: {missing}",
        not missing and set(states) == {"done"},
    )
    wrong, named = [], set()
    for record in records.values():
        for file in record.files:
            named.add(file.path)
            if site.lake.checked(file, thorough=True) is None:
                wrong.append(file.path)
    say(f"files that differ from their record: {wrong or 'none'}", not wrong)
    stray = [path for stage in site.stages for path in site.lake.list(stage) if path not in named]
    say(f"files without a record: {stray or 'none'}", not stray)
    uploads = site.s3.client().list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    say(f"uploads that never ended: {len(uploads)}", not uploads)


def check_history(site: Site) -> None:
    """Check runs, pool slots, and that Dagster has each output once."""
    with site.instance() as instance:
        runs = instance.get_runs()
        say(
            f"runs by status: {dict(Counter(run.status.value for run in runs))}",
            all(run.is_finished for run in runs),
        )
        slots = instance.event_log_storage.get_concurrency_info(POOL)
        say(
            f"pool slots taken: {len(slots.claimed_slots)}, waiting: {len(slots.pending_steps)}",
            not slots.claimed_slots and not slots.pending_steps,
        )
        lost, doubled, computed = [], [], Counter()
        for stage in site.stages:
            asset = dg.AssetKey(stage)
            there = instance.get_materialized_partitions(asset)
            lost += [f"{stage}/{key}" for key in site.keys if key not in there]
            wanted = dg.AssetRecordsFilter(asset_key=asset)
            records = instance.fetch_materializations(wanted, limit=10_000).records
            versions = Counter()
            for record in records:
                made = record.asset_materialization
                version = (made.tags or {}).get("dagster/data_version", "")
                versions[made.partition, version] += 1
                computed[stage, made.partition] += 1
            doubled += [f"{stage}/{key}" for (key, _), times in versions.items() if times > 1]
        say(f"partitions that Dagster does not have: {lost or 'none'}", not lost)
        say(
            f"materialized twice with the same version: {len(doubled)} {doubled[:4] or ''}",
            not doubled,
        )


def restored(site: Site, what: str) -> set[tuple[str, str]]:
    """Restore once more; return what was made."""
    before = site.records()
    code = site.run(site.head, "local").wait(1200)
    after = site.records()
    made = {pair for pair, record in after.items() if before.get(pair) != record}
    say(f"{what}: ended with {code}, made {len(made)} outputs", code == 0)
    return made


def check_termination(site: Site) -> None:
    """Stop a run as Ctrl-C does, and one of `RayRunLauncher` as the UI does."""
    run = site.restore(site.head)
    wait_for(
        "a step of a new run",
        lambda: site.ray.at_work() and site.head.steps() | site.worker.steps(),
        120,
    )
    time.sleep(3)
    run.send_signal(signal.SIGINT)
    code = run.wait(120)
    say(f"Ctrl-C: deepart ended with {code}", code == 130)
    check_stopped(site)
    home = site.servers
    env = {**home.env, "DEEPART_PROFILE": str(site.profiles["ray"])}
    launcher = {
        "ray": {
            "address": site.ray.url,
            "num_cpus": 1,
            "num_gpus": 0,
            "env_vars": ["DEEPART_PROFILE", "DEEPART_DATA"],
        }
    }
    site.configure(
        home, run_launcher={"module": "dagster_ray", "class": "RayRunLauncher", "config": launcher}
    )

    def launched(job: str) -> str:
        command = ("job", "launch", "-m", "deepart_assets.definitions", "-j", job)
        home(BIN / "dagster", *command, cwd=ROOT, env=env)
        with site.instance() as instance:
            return instance.get_runs(limit=1)[0].run_id

    run_id = launched("restore_stale")
    wait_for("a step's job", lambda: site.head.steps() | site.worker.steps(), 240)
    time.sleep(2)
    with site.instance() as instance:
        instance.run_launcher.terminate(run_id)
        status = wait_for("the end of the run", lambda: finished(instance, run_id), 120)
    say(f"RayRunLauncher: terminated, the run is {status}", status == "CANCELED")
    check_stopped(site)
    run_id = launched("catalogue")
    with site.instance() as instance:
        status = wait_for("the end of the run", lambda: finished(instance, run_id), 300)
    say(f"RayRunLauncher: the next run is {status}", status == "SUCCESS")


def finished(instance: dg.DagsterInstance, run_id: str) -> str | None:
    """Return the status of a run that has ended."""
    run = instance.get_run_by_id(run_id)
    return run.status.value if run is not None and run.is_finished else None


def check_stopped(site: Site) -> None:
    """Check that no Ray job and no step goes on, and no pool slot is taken."""
    start = time.monotonic()
    with contextlib.suppress(TimeoutError):
        wait_for("the jobs to end", lambda: not site.ray.at_work(), 90)
    jobs = site.ray.at_work()
    steps = site.head.steps() | site.worker.steps()
    say(
        f"after {time.monotonic() - start:.0f} s, jobs at work: {jobs or 'none'},"
        f" steps: {steps or 'none'}",
        not jobs and not steps,
    )
    with site.instance() as instance:
        slots = instance.event_log_storage.get_concurrency_info(POOL)
    say(f"pool slots taken: {len(slots.claimed_slots)}", not slots.claimed_slots)


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Site]:
    """Yield the hosts; end and remove them however it ends."""
    folder.chmod(0o755)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    remove_hosts()
    try:
        yield Site(folder)
    finally:
        remove_hosts()


def main() -> None:
    """Run it all."""
    given = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="deepart-") as made:
        folder = Path(given[0]) if given else Path(made)
        folder.mkdir(exist_ok=True)
        with opened(folder) as site:
            say(f"hosts are up; {len(site.stages)} outputs of {PAINTINGS} paintings to make")
            prepare(site)
            runs = [site.run(host, "ray") for host in (site.head, site.servers)]
            break_things(site, runs)
            codes = [run.wait(1200) for run in runs]
            say(f"both runs have ended, with {codes}", not any(codes))
            outputs = site.count()
            missing = len(site.stages) * PAINTINGS - sum(
                record.status == "done" for record in site.records().values()
            )
            say(f"{outputs} outputs have a record; {missing} are missing or failed")
            made_now = restored(site, "the next run")
            say(f"it was missing {missing}", len(made_now) == missing)
            made_now = restored(site, "the run after that")
            say("nothing was missing", not made_now)
            check_lake(site)
            check_history(site)
            check_termination(site)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
