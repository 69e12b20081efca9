"""What the tests share: a small profile of generated paintings, and ways to run the graph on it.

The whole real graph runs on it in seconds: rembg on a network of one layer, real outpainters, real
training, only everything is small.
"""

import logging
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import absl.logging
import dagster as dg
import hypothesis
import numpy as np
import pytest
import yaml
from filelock import FileLock
from PIL import Image

from deepart_assets.build import build_defs
from deepart_assets.dagster_internals.event_log_storage import PooledSqliteEventLogStorage
from deepart_assets.runs import run_job
from deepart_assets.settings import load_settings
from deepart_assets.storage import Lake, MaterializationStore, sha256_of
from deepart_assets.storage.downloads import Downloads
from deepart_assets_tests.longest_first import pytest_collection_modifyitems  # noqa: F401
from deepart_assets_tests.loopback import Site, as_drive, as_kaggle, serve
from deepart_assets_tests.segmentation.onnx_files import quick_segmenter
from deepart_assets_tests.tiny_super_resolution import tiny_super_resolution

# Temporary folders are in memory where there is plenty: SQLite waits for a disk thousands of times.
_MEMORY = Path("/dev/shm")
if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > 6e9:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))

# The tests never call what pymatting, which rembg imports, compiles for minutes on a new machine.
os.environ.setdefault("NUMBA_DISABLE_JIT", "1")

# absl, which tensorboard imports, closes the standard error that it has found when Dagster
# configures logging. Where capsys is in place that is pytest's own: every later test would fail.
absl.logging.PythonHandler.close = logging.StreamHandler.close  # type: ignore[method-assign]

# How long an example takes says more of the machine than of the code. In CI the examples are always
# the same: what is submitted is judged, not luck.
hypothesis.settings.register_profile(
    "deepart", deadline=None, derandomize=bool(os.environ.get("CI"))
)
hypothesis.settings.load_profile("deepart")


def pytest_configure(config: pytest.Config) -> None:
    """Keep what the tests download and enlarge out of the user's cache, in one folder for all."""
    if "DEEPART_CACHE" not in os.environ:
        folder = tempfile.TemporaryDirectory(prefix="deepart-cache-", ignore_cleanup_errors=True)
        config.add_cleanup(folder.cleanup)
        os.environ["DEEPART_CACHE"] = folder.name  # the workers inherit it


QUIET = {"telemetry": {"enabled": False}}


def was_computed(made: str) -> bool:
    """Say whether the metadatum "made" is a time, and not that of an output that was reused."""
    if made.startswith("reused"):
        return False
    datetime.fromisoformat(made)
    return True


def instance_in(home: Path, **overrides: Any) -> AbstractContextManager[dg.DagsterInstance]:
    """Return a Dagster instance in a folder, with the event log of the project's `dagster.yaml`.

    Dagster's own takes 40 times as long for an event.
    """
    home.mkdir(exist_ok=True)
    event_log = {
        "module": PooledSqliteEventLogStorage.__module__,
        "class": PooledSqliteEventLogStorage.__name__,
        "config": {"base_dir": str(home / "history" / "runs")},
    }
    overrides = {**QUIET, "event_log_storage": event_log, **overrides}
    return dg.DagsterInstance.local_temp(str(home), overrides=overrides)


def draw_painting(seed: int, height: int = 200, width: int = 160) -> np.ndarray:
    """A bright figure before a dim, textured ground: something with a subject."""
    random = np.random.default_rng(seed)
    ground = random.integers(30, 70, 3)
    picture = np.ones((height, width, 3)) * ground + random.normal(0, 4, (height, width, 1))
    rows, columns = np.mgrid[:height, :width]
    head = (rows - height * 0.3) ** 2 + (columns - width / 2) ** 2 < (width * 0.13) ** 2
    body = ((rows - height * 0.75) / (height * 0.38)) ** 2 + (
        (columns - width / 2) / (width * 0.26)
    ) ** 2 < 1
    picture[body] = random.integers(120, 200, 3) + random.normal(0, 10, (int(body.sum()), 1))
    picture[head] = (232, 190, 160)
    return np.clip(picture, 0, 255).astype(np.uint8)


class Project:
    """A profile, a data lake and a Dagster instance of a test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pictures = folder / "pictures"
        self.pictures.mkdir()
        self.root = folder / "lake"
        self.inbox = self.root / "inbox"
        self.lake = Lake(self.root)
        self.store = MaterializationStore(self.lake)
        self.content: dict[str, Any] = {
            "wikiart": {"sources": {"pictures": {"kind": "folder", "path": str(self.pictures)}}},
            "segmentation": {
                "segmenter": quick_segmenter(folder / "segmenter"),
                "minimal_share": 0,
                "maximal_share": 1,
            },
            "restoration": {"working_side": 64, "evaluated": 2},
            "outpainters": {"telea": {"kind": "telea"}},
            "super_resolution": {
                **tiny_super_resolution(),
                # OpenVINO converts and compiles such a network longer than it runs.
                "upscaling": {"backend": "torch"},
            },
        }

    def add_painting(self, name: str, seed: int, height: int = 200, width: int = 160) -> None:
        Image.fromarray(draw_painting(seed, height, width)).save(self.pictures / f"{name}.png")

    def write_profile(self) -> Path:
        text = yaml.safe_dump(self.content, sort_keys=False)  # the order of sources counts
        # Dagster remembers definitions by their arguments: another content, another name.
        file = self.folder / f"tiny_{sha256_of(text.encode())[:12]}.yaml"
        file.write_text(text)
        return file

    def defs(self) -> dg.Definitions:
        return build_defs(load_settings(str(self.write_profile())), str(self.root))

    def run(
        self,
        job: str,
        instance: dg.DagsterInstance,
        keys: Sequence[str] | None = None,
        **more: Any,
    ) -> Any:
        """Run a job as the command line does; never raises."""
        if keys is None and job == "restore":
            keys = instance.get_dynamic_partitions("paintings")
        profile = str(self.write_profile())
        return run_job(instance, job, keys=keys or (), profile=profile, root=str(self.root), **more)


@pytest.fixture
def project(tmp_path) -> Project:
    """Five small paintings and a profile for them; nothing is materialized yet."""
    made = Project(tmp_path)
    for number in range(5):
        made.add_painting(f"p{number}", seed=number)
    return made


@pytest.fixture
def instance(tmp_path) -> Iterator[dg.DagsterInstance]:
    with instance_in(tmp_path / "dagster") as made:
        yield made


def made_once(
    tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]
) -> Path:
    """Return the folder that `make` fills, once for all processes of the test run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    complete = folder.with_suffix(".complete")
    with FileLock(folder.with_suffix(".lock")):
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of another process, in which `make` failed
            folder.mkdir()
            make(folder)
            complete.touch()
    return folder


SUPER_RESOLUTION = ["wikiart_sr", "lr_hr_pairs", "psnr_weights", "art_esrgan"]


def _finish(folder: Path) -> None:
    made = Project(folder)
    for number in range(5):
        made.add_painting(f"p{number}", seed=number)
    with instance_in(folder / "dagster") as instance:
        with made.run("catalogue", instance) as result:
            assert result.success
        selection = [dg.AssetKey(name) for name in SUPER_RESOLUTION]
        with made.run("restore", instance, asset_selection=selection) as result:
            assert result.success
    for name in ("lake", "dagster"):
        shutil.copytree(folder / name, folder / "unrestored" / name)
    with instance_in(folder / "dagster") as instance:
        for job in ("restore", "evaluate"):
            with made.run(job, instance) as result:
                assert result.success


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """The folder of a project after its first complete run, made once and copied for each test.

    Its folder `unrestored` has the lake and the history as they were before the restoration.
    """
    return made_once(tmp_path_factory, "finished", _finish)


def _copy(finished: Path, state: Path, folder: Path) -> Project:
    for name in ("lake", "dagster"):
        shutil.copytree(state / name, folder / name)
    made = Project(folder)
    # The same pictures: a copy would be another source.
    made.content["wikiart"]["sources"]["pictures"]["path"] = str(finished / "pictures")
    made.content["segmentation"]["segmenter"]["folder"] = str(finished / "segmenter")
    return made


@pytest.fixture
def done(finished, tmp_path) -> Project:
    """A project in which everything is up to date, with the history of how it became so.

    Ask for it before `instance`, which reads that history.
    """
    return _copy(finished, finished, tmp_path)


@pytest.fixture
def unrestored(finished, tmp_path) -> Project:
    """A project with its paintings and trained networks, of which nothing is restored yet.

    Ask for it before `instance`, as for `done`.
    """
    return _copy(finished, finished / "unrestored", tmp_path)


# --- a server in place of Kaggle and Google Drive ------------------------------------------------


@pytest.fixture
def site() -> Iterator[Site]:
    with serve() as running:
        yield running


@pytest.fixture
def kaggle(site, tmp_path, monkeypatch) -> Site:
    return as_kaggle(site, monkeypatch, tmp_path / "home")


@pytest.fixture
def drive(site, monkeypatch) -> Site:
    return as_drive(site, monkeypatch)


@pytest.fixture
def pauses(monkeypatch) -> list[float]:
    """The seconds that a download would have waited between attempts; it does not wait."""
    waited: list[float] = []
    monkeypatch.setattr("deepart_assets.storage.transfer.wait", waited.append)
    return waited


@pytest.fixture
def downloads(tmp_path, pauses) -> Downloads:
    return Downloads(tmp_path / "cache", Lake(tmp_path / "lake"))


# --- a server in place of S3 ---------------------------------------------------------------------


@pytest.fixture
def s3_server(monkeypatch) -> Iterator[Any]:
    """An S3 server on this machine, reached as the real one is; it can stop and start."""
    needed = "it is not installed: pip install -e '.[s3,dev]'"
    s3fs = pytest.importorskip("s3fs", reason=needed)
    server = pytest.importorskip("moto.server", reason=needed).ThreadedMotoServer(
        ip_address="127.0.0.1", port=0, verbose=False
    )
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "of-a-test",
        "AWS_SECRET_ACCESS_KEY": "of-a-test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    # fsspec keeps its clients, which keep the address of an earlier test's server.
    s3fs.S3FileSystem.clear_instance_cache()
    try:
        yield server
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        server.stop()


@pytest.fixture
def bucket(s3_server) -> str:
    """The URL of an empty bucket."""
    import s3fs

    # The server's buckets live as long as the process, and a later server may get the same port.
    name = f"paintings-{uuid.uuid4()}"
    s3fs.S3FileSystem().mkdir(name)
    return f"s3://{name}"
