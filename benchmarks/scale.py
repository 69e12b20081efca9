"""What the pipeline costs beside the pictures: thousands of tiny ones through the whole real graph.

    python benchmarks/scale.py [--quick] [--sizes 100 1000] [--stores sqlite postgresql]

Writes benchmarks/results/scale.json. `deepart restore` runs on generated pictures of 32×24, first
when all are new, then when nothing is stale, each time in a process of its own, as a user would
have it: sources, list, plan, runs of `automation.max_partitions_per_run` paintings, gallery.
Models are trivial: a
segmenter that always says the same, Telea's inpainting, a network of one block. What the stages
themselves took, as their records say, is not counted as orchestration. Dagster's history is in
sqlite as this project has it, or in a PostgreSQL (Debian's package) that is started here, in a
temporary folder; that needs `.[postgres]`.
"""

import argparse
import contextlib
import importlib.util
import json
import os
import pwd
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import dagster as dg
import numpy as np
import yaml
from bench_table import machine, publish
from tiny_collection import draw, profile

from deepart_assets import build, runs
from deepart_assets.asset_names import RESTORATION_PLAN, painting_stages
from deepart_assets.assets import predicted_masks, restoration
from deepart_assets.orchestration.events import metadata_made_in
from deepart_assets.segmentation.base import Descriptor, Prediction
from deepart_assets.storage import Lake, MaterializationStore, sha256_of

SHEET = 48
"""Height of a sheet, which takes most of a tiny painting's time otherwise."""
OURS = Path(__file__).parents[1] / ".dagster_home" / "dagster.yaml"
MEBIBYTE = 1 << 20

Row = dict[str, Any]


def main() -> None:
    """Measure, print a table and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="30 paintings, on sqlite alone")
    parser.add_argument("--sizes", type=int, nargs="*", default=[100, 1000, 10_000])
    parser.add_argument("--stores", nargs="*", choices=STORES, default=list(STORES))
    parser.add_argument(
        "--short", action="store_true", help="without outpaintings: four assets, not six"
    )
    parser.add_argument("--once", metavar="FOLDER", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.once:
        print(json.dumps(once(Path(given.once), given.short)))
        return
    sizes, stores = ([30], ["sqlite"]) if given.quick else (given.sizes, given.stores)
    rows: list[Row] = []
    for size in sizes:
        for store in stores:
            with tempfile.TemporaryDirectory() as folder, STORES[store]() as storage:
                found = measured(Path(folder), size, storage, given.short)
                rows.append({"name": f"{size} on {store}", **found})
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    publish("scale", f"Orchestration, {machine()}", rows)


def measured(folder: Path, size: int, storage: Mapping[str, Any], short: bool) -> Row:
    """Restore so many paintings, then look once more; return the figures of both."""
    draw(folder / "pictures", size)
    (folder / "home").mkdir()
    (folder / "profile.yaml").write_text(yaml.safe_dump(profile(folder), sort_keys=False))
    (folder / "home" / "dagster.yaml").write_text(yaml.safe_dump(dict(storage)))
    first, again = in_a_process(folder, short), in_a_process(folder, short)
    store = MaterializationStore(Lake(folder / "lake"))
    stages = painting_stages([] if short else ["telea"])
    whole = [each.name for each in (folder / "lake" / "records").iterdir()]
    computing = sum(
        record.seconds
        for asset in whole
        for key in store.keys(asset)
        if (record := store.get(asset, key)) is not None
    )
    outputs = sum(len(store.keys(asset)) for asset in stages)
    assert outputs == size * len(stages), "not all was restored"
    return {
        "assets": len(stages),
        "total_s": first["seconds"],
        "computing_s": computing,
        "ms_per_output": (first["seconds"] - computing) / outputs * 1000,
        "events": first["events"],
        "ms_per_event": first["storing"] / first["events"] * 1000,
        "peak_mib": max(first["peak_mib"], again["peak_mib"]),
        "nothing_stale_s": again["wall"],
        "plan_s": again["plan"],
        "load": os.getloadavg()[1],
    }


def in_a_process(folder: Path, short: bool) -> Row:
    """Bring everything up to date in a process of its own, and return its figures."""
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(folder / "home"),
        "DEEPART_CACHE": str(folder / "cache"),
        "DAGSTER_DISABLE_TELEMETRY": "1",
    }
    start = time.perf_counter()
    command = [sys.executable, __file__, "--once", str(folder), *(["--short"] if short else [])]
    with (folder / "log").open("w") as log:
        done = subprocess.run(
            command, env=environment, stdout=log, stderr=subprocess.STDOUT, check=False
        )
    lines = (folder / "log").read_text().splitlines()
    if done.returncode:
        sys.exit("\n".join(lines[-40:]))
    return {**json.loads(lines[-1]), "wall": time.perf_counter() - start}


def once(folder: Path, short: bool) -> Row:
    """Bring everything up to date with trivial models, and return what it took."""
    if short:
        whole = build.asset_specs
        none: Any = {"outpainters": {}}
        build.asset_specs = lambda settings: whole(settings.model_copy(update=none))
    # `patch` raises where a name has moved; an assignment would measure the real models in silence.
    mock.patch.object(predicted_masks, "build_segmenter", lambda *_: Oval()).start()
    mock.patch.object(restoration, "SHEET_HEIGHT", SHEET).start()
    with dg.DagsterInstance.get() as instance:
        stored = Stored(instance)
        start = time.perf_counter()
        outcome = runs.bring_up_to_date(
            instance, profile=str(folder / "profile.yaml"), root=str(folder / "lake")
        )
        if not outcome.succeeded:
            sys.exit("something failed")
        seconds = time.perf_counter() - start
        plans = instance.get_runs(dg.RunsFilter(job_name="restore_stale"), limit=1)
        plan = metadata_made_in(instance, plans[0].run_id, RESTORATION_PLAN)["seconds"].value
    peaks = (
        resource.getrusage(who).ru_maxrss * 1024 / MEBIBYTE
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return {
        "seconds": seconds,
        "plan": plan,
        "events": stored.events,
        "storing": stored.seconds,
        "peak_mib": sum(peaks),
    }


class Stored:
    """Counts the events that an instance stores, and the seconds that this takes."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.events, self.seconds, self._within = 0, 0.0, False
        storage = instance.event_log_storage
        counts: dict[str, Callable[[Any], int]] = {
            "store_event": lambda event: 1,
            "store_event_batch": len,
        }
        for name, count in counts.items():
            setattr(storage, name, self._counted(getattr(storage, name), count))

    def _counted(
        self, store: Callable[[Any], None], count: Callable[[Any], int]
    ) -> Callable[[Any], None]:
        def counted(given: Any) -> None:
            if self._within:  # one that stores a batch as single events
                store(given)
                return
            start = time.perf_counter()
            self._within = True
            try:
                store(given)
            finally:
                self._within = False
                self.events += count(given)
                self.seconds += time.perf_counter() - start

        return counted


class Oval:
    """A segmenter that takes no time: the subject is the oval in the middle."""

    descriptor = Descriptor("oval")

    def weights_hash(self) -> str:
        """Return a hash of nothing: there are no weights."""
        return sha256_of(b"oval")

    def choice(self, labels: Mapping[str, str]) -> Mapping[str, Any]:
        """Treat all paintings alike."""
        return {}

    def __call__(self, pictures: Sequence[Any], choices: Any = None) -> list[Prediction]:
        """Return the same prediction for each picture, in its size."""
        return [Prediction(self._oval(*each.shape[:2]), 1.0) for each in pictures]

    def _oval(self, height: int, width: int) -> Any:
        levels = np.zeros((height, width), np.float32)
        cv2.ellipse(
            levels, (width // 2, height // 2), (width // 4, height // 3), 0, 0, 360, 1.0, -1
        )
        return levels


# --- Dagster's history ---------------------------------------------------------------------------


@contextlib.contextmanager
def sqlite() -> Iterator[Mapping[str, Any]]:
    """Yield the settings of an instance that keeps its history beside them."""
    yield {"event_log_storage": yaml.safe_load(OURS.read_text())["event_log_storage"]}


@contextlib.contextmanager
def postgresql() -> Iterator[Mapping[str, Any]]:
    """Start a PostgreSQL, yield the settings of an instance with its history there, stop it."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs or importlib.util.find_spec("dagster_postgres") is None:
        sys.exit("apt install postgresql; pip install -e '.[postgres]'")
    # It refuses to run as root.
    user = "postgres" if os.getuid() == 0 else None
    name = user or pwd.getpwuid(os.getuid()).pw_name
    with tempfile.TemporaryDirectory() as folder:
        if user:
            shutil.chown(folder, user, user)

        def call(program: str, *arguments: str) -> None:
            subprocess.run(
                [programs[-1] / program, "--pgdata", f"{folder}/data", *arguments],
                check=True,
                cwd=folder,
                stdout=subprocess.DEVNULL,
                user=user,
                group=user,
            )

        call("initdb", "--auth", "trust", "--encoding", "UTF8")
        options = f"-c listen_addresses= -c unix_socket_directories={folder}"
        call("pg_ctl", "start", "--wait", "--options", options, "--log", f"{folder}/log")
        try:
            options = "options=-csynchronous_commit%3Doff"  # as sqlite here: see docs/deployment.md
            url = f"postgresql+psycopg2://{name}@/postgres?host={folder}&{options}"
            yield {"storage": {"postgres": {"postgres_url": url}}}
        finally:
            call("pg_ctl", "stop", "--wait", "--mode", "fast")


STORES = {"sqlite": sqlite, "postgresql": postgresql}

if __name__ == "__main__":
    main()
