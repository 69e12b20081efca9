"""Real runs, killed with all their processes at random moments, many times.

The paintings are restored now at one working side, now at another, so that there is always
something to make. What an undisturbed run makes at either is known: whatever is seen after a kill
must be one of the two, byte for byte.

`DEEPART_KILLS=60 pytest …/test_killed_runs.py` kills more often than the test does by itself.
"""

import contextlib
import itertools
import os
import random
import signal
import time
from copy import copy
from dataclasses import dataclass
from pathlib import Path

import pytest

from deepart_assets.orchestration.events import latest_versions
from deepart_assets.storage import Lake, MaterializationStore, sha256_of
from deepart_assets_tests.conftest import Project, instance_in
from deepart_assets_tests.orchestration.killable_runs import Server
from deepart_assets_tests.orchestration.test_pipeline import STAGES

KILLS = int(os.environ.get("DEEPART_KILLS", "7"))
KEYS = [f"p{number}" for number in range(5)]
PAIRS = [(stage, key) for stage in STAGES for key in KEYS]
SIDES = (64, 80)
SUMS = {"gallery", "subject_masks_evaluation", "outpainting_evaluation"}
"""Assets that sum up how all paintings stand, and are made again whenever that changes."""
TRAINED = ["wikiart_paintings", "styled_paintings", "lr_hr_pairs", "psnr_weights", "art_esrgan"]


@dataclass(frozen=True)
class Finished:
    """What an undisturbed run leaves."""

    profile: Path
    files: dict[str, str]
    """SHA-256 by path, of the files that the records of `STAGES` and `TRAINED` name."""
    versions: dict[tuple[str, str], str]
    fingerprints: dict[tuple[str, str], str]
    seconds: float


class Killable:
    """A project whose runs can be killed."""

    def __init__(self, project: Project, server: Server, home: Path) -> None:
        self.project, self.store = project, project.store
        self._server, self._home = server, home

    def at(self, folder: Path) -> "Killable":
        """The same paintings with another lake, in which nothing is made yet."""
        folder.mkdir()
        project = copy(self.project)
        project.root = folder / "lake"
        project.lake = Lake(project.root)
        project.store = MaterializationStore(project.lake)
        return Killable(project, self._server, folder)

    def to_the_end(self, profile: Path) -> float:
        """Run undisturbed, and return the seconds it took."""
        start = time.monotonic()
        self._server.start(profile, self.project.root, self._home)
        assert self._server.ended() == 0
        return time.monotonic() - start

    def killed_after(self, seconds: float, profile: Path) -> bool:
        """Run, and kill it; tell whether there was something to kill."""
        group = self._server.start(profile, self.project.root, self._home)
        time.sleep(seconds)
        with contextlib.suppress(ProcessLookupError):  # it has ended
            os.killpg(group, signal.SIGKILL)
        return self._server.ended() == -signal.SIGKILL

    def files(self) -> dict[str, str]:
        """SHA-256 of every visible file by path."""
        root = self.project.root
        return {
            file.relative_to(root).as_posix(): sha256_of(file.read_bytes())
            for file in root.rglob("*")
            if file.is_file() and not file.name.startswith(".")
        }

    def records(self):
        found = {pair: self.store.get(*pair) for pair in PAIRS}
        return {pair: record for pair, record in found.items() if record is not None}

    def reported(self):
        """The data versions that Dagster has heard of, by asset and painting ("": of the whole)."""
        with instance_in(self._home) as instance:
            return {
                (asset, key): version.data_version.partition(".")[0]
                for asset in [*STAGES, *TRAINED]
                for key, version in latest_versions(
                    instance, asset, KEYS if asset in STAGES else None
                ).items()
            }

    def profile(self, side: int, processes: int) -> Path:
        content = self.project.content
        content["restoration"]["working_side"] = side
        content["execution"] = {"kind": "local", "processes": processes}
        return self.project.write_profile()

    def finished(self, side: int) -> Finished:
        """What a run leaves that nobody disturbs."""
        profile = self.profile(side, processes=1)
        seconds = self.to_the_end(profile)
        records = self.records()
        whole = [self.store.get(asset) for asset in TRAINED]
        mine = {file.path for record in [*records.values(), *whole] for file in record.files}
        return Finished(
            profile,
            {path: each for path, each in self.files().items() if path in mine},
            {pair: record.data_version for pair, record in records.items()},
            {pair: record.fingerprint for pair, record in records.items()},
            seconds,
        )

    def check(self, target: Finished, other: Finished) -> int:
        """Every file is whole, every record tells of what is there, Dagster of what is recorded.

        Returns:
            How many outputs have another file than their record of the round before says, as they
            were killed between the two.
        """
        files, unlike = self.files(), 0
        for path, digest in files.items():
            folder = path.split("/")[0]
            if folder in STAGES or (folder in TRAINED and path in target.files):
                assert digest in (target.files.get(path), other.files.get(path)), path
            elif folder == "reports":
                self.project.lake.read_json(path)
            elif folder == "records":
                _, asset, name = path.split("/")
                record = self.store.get(asset, name.removesuffix(".json"))
                assert record is not None and record.status == "done", path
                there = all(files.get(file.path) == file.sha256 for file in record.files)
                wanted = target.fingerprints.get((asset, record.key))
                if asset in STAGES and record.fingerprint != wanted:
                    unlike += not there
                elif asset not in SUMS:
                    assert there, path
        for (asset, key), version in self.reported().items():
            record = self.store.get(asset, key or "_whole")
            assert record is not None, f"Dagster knows of {asset} {key}, which is not recorded"
            if asset in TRAINED or version == target.versions[asset, key]:
                assert record.data_version == version
            else:
                assert version == other.versions[asset, key]
        return unlike

    def check_all(self, target: Finished, before) -> int:
        """All is as if nothing had been killed; return how many outputs were there `before`."""
        assert target.files.items() <= self.files().items()
        assert {pair: each for pair, each in self.reported().items() if pair in PAIRS} == (
            target.versions
        )
        return self.kept(target, before)

    def kept(self, target: Finished, before) -> int:
        """Check that no output that was right `before` was made again; return how many were."""
        after = self.records()
        right = {p: r for p, r in before.items() if r.fingerprint == target.fingerprints[p]}
        assert {pair: after[pair] for pair in right} == right
        return len(right)


@pytest.fixture
def killable(tmp_path):
    project = Project(tmp_path)
    for number, key in enumerate(KEYS):
        project.add_painting(key, number)
    project.content["restoration"]["evaluated"] = 2
    server = Server()
    (tmp_path / "dagster").mkdir()
    yield Killable(project, server, tmp_path / "dagster")
    server.close()


@pytest.mark.slow
@pytest.mark.timeout(max(1200, KILLS * 120))
def test_whenever_a_run_is_killed_the_next_one_ends_what_was_missing(killable, tmp_path, capsys):
    chance = random.Random(KILLS)
    from_nothing = killable.finished(SIDES[0])
    known = [killable.finished(side) for side in reversed(SIDES)][::-1]
    assert known[0].files == from_nothing.files
    kills = between = kept = 0

    # Empty lakes: everything from the catalogue and the trainings on is cut off.
    for number in itertools.count():
        if kills >= KILLS // 3:
            break
        fresh = killable.at(tmp_path / f"fresh_{number}")
        for _ in range(2):
            seconds = chance.uniform(0.1, 0.9) * from_nothing.seconds
            kills += fresh.killed_after(seconds, from_nothing.profile)
            assert fresh.check(from_nothing, from_nothing) == 0
        before = fresh.records()
        fresh.to_the_end(from_nothing.profile)
        kept += fresh.check_all(from_nothing, before)

    # A lake in which everything of the paintings changes, to and fro.
    latest, side = known[0], 1
    while kills < KILLS:
        workers = 2 if chance.random() < 0.25 else 1
        target, other = known[side], latest
        profile = killable.profile(SIDES[side], workers)
        lasts = target.seconds if workers == 1 else 4 * target.seconds  # processes start slowly
        for _ in range(chance.randint(1, 4)):
            before = killable.records()
            kills += killable.killed_after(chance.uniform(0.05, 1) * lasts, profile)
            unlike = killable.check(target, other)
            assert unlike <= workers
            between += unlike
            kept += killable.kept(target, before)
        before = killable.records()
        killable.to_the_end(target.profile)
        kept += killable.check_all(target, before)
        latest, side = target, 1 - side

    for file in killable.project.root.rglob(".*.tmp"):
        os.utime(file, (0, 0))
    killable.to_the_end(latest.profile)
    assert not list(killable.project.root.rglob(".*.tmp")), "what killed writers left is swept"
    with capsys.disabled():
        print(f" {kills} kills, {between} between file and record, {kept} outputs kept", end=" ")
