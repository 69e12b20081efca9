"""Sensors on folders that people fill: a run is requested once a changed folder has settled."""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import asdict, dataclass, field
from typing import Any

import dagster as dg

from deepart_assets.errors import UnavailableError
from deepart_assets.orchestration.planner import PlannedRun
from deepart_assets.orchestration.resources import Profile
from deepart_assets.orchestration.tags import AUTOMATED, PRIORITY, REASON
from deepart_assets.settings.automation import Automation
from deepart_assets.storage import Lake, sha256_of_json

Stamps = Mapping[str, str]
"""The stamp of each file by name; it changes whenever the file does."""

NAMED = 5
"""Left out files that a tick names; the rest is counted."""

LISTING_SECONDS = 45.0
"""A tick waits this long for a listing: Dagster gives up a tick that takes more than 60 s."""

BACK_OFF = (60, 120, 300, 900, 1800, 3600, 3600, 3600)
"""Seconds after its end at which a run that failed is asked for again, try by try."""

TRIES = "deepart/tries"
"""The tag with the number of runs before this one that failed."""

EMPTY = sha256_of_json({})
"""The digest of an empty folder's stamps."""


@dataclass(frozen=True)
class Debounce:
    """The state of a folder sensor: it triggers once the folder has changed and then settled.

    It is the sensor's whole cursor, so a restarted daemon continues where it was. Folder states are
    digests of the stamps: a cursor is stored at every tick, and the stamps of 100,000 files are
    megabytes.
    """

    taken: str = EMPTY
    """The folder's state when the sensor last triggered."""
    seen: str = EMPTY
    """Its state at the last tick."""
    since: float = 0.0
    """When that state was first seen, in seconds since 1970."""
    count: int = 0
    """How often the sensor has triggered: two equal states may be two events."""

    @classmethod
    def from_cursor(cls, cursor: str | None) -> "Debounce":
        """Read a cursor; without one the sensor has never triggered."""
        return cls(**json.loads(cursor)) if cursor else cls()

    def to_cursor(self) -> str:
        """Return the cursor."""
        return json.dumps(asdict(self))

    def tick(self, state: str, clock: float, debounce_seconds: float) -> "tuple[Debounce, bool]":
        """Return the state after a tick, and whether the sensor triggers now.

        Args:
            state: The folder's state now.
            clock: Seconds since 1970; it may be set back between two ticks.
            debounce_seconds: Seconds for which the folder must not have changed; with 0 the tick
                that first sees a change triggers.
        """
        moved = state != self.seen or clock < self.since
        now = Debounce(self.taken, state, clock, self.count) if moved else self
        if state == self.taken or clock - now.since < debounce_seconds:
            return now, False
        return Debounce(state, state, now.since, self.count + 1), True


@dataclass(frozen=True)
class FolderSnapshot:
    """The stamps of a folder when its sensor last triggered, kept in the lake by their digest.

    A snapshot is written before the cursor that names it, and the previous one is kept until then:
    a daemon killed in between finds the same change again.
    """

    lake: Lake
    folder: str

    def stamps(self, digest: str) -> Stamps:
        """Return the stamps; none if the file was removed, so that everything counts as changed."""
        try:
            found: dict[str, str] = self.lake.read_json(self._path(digest))
        except FileNotFoundError:
            return {}
        return found

    def write(self, previous: str, digest: str, stamps: Stamps) -> None:
        """Write the stamps beside the `previous` ones, and remove any older ones."""
        # ASCII: file names of old systems may not be valid Unicode.
        self.lake.write(self._path(digest), json.dumps(stamps).encode())
        for path in self.lake.list(self.folder):
            if path not in (self._path(previous), self._path(digest)):
                self.lake.remove(path)

    def _path(self, digest: str) -> str:
        return f"{self.folder}/{digest}.json"


@dataclass
class Listing:
    """Lists a folder in a thread, which goes on between ticks where it takes longer than one may.

    A tick then takes the result of the listing that an earlier one has begun.
    """

    name: str
    """The sensor's, for the message."""
    _found: Future[Stamps] | None = field(default=None, init=False)
    _begun: float = field(default=0.0, init=False)

    def stamps(self, listing: Callable[[], Stamps], seconds: float = LISTING_SECONDS) -> Stamps:
        """Return what `listing` returns, or what one that was begun earlier has returned.

        Raises:
            UnavailableError: It takes longer than `seconds`.
            Exception: Whatever the listing raises.
        """
        if self._found is None:
            self._found, self._begun = Future(), time.monotonic()
            run = (self._found, listing)
            threading.Thread(target=_fulfil, args=run, daemon=True).start()
        found = self._found
        done, _ = wait([found], timeout=seconds)
        if not done:
            spent = time.monotonic() - self._begun
            raise UnavailableError(
                f"listing the folder of {self.name} takes longer than a tick may: {spent:.0f} s so"
                " far. The next tick takes its result. To be quicker, move what is restored to a"
                " folder of its own (a source of the profile), stop this sensor and start the job"
                " take_in from a schedule, or raise DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS"
            )
        self._found = None
        return found.result()


def _fulfil(found: Future[Stamps], listing: Callable[[], Stamps]) -> None:
    try:
        found.set_result(listing())
    except BaseException as error:
        found.set_exception(error)


def again(
    instance: dg.DagsterInstance, name: str, clock: float
) -> tuple[dg.RunRequest | None, str]:
    """Return the run to ask for again if the last one of a sensor failed, and words for the tick.

    Args:
        instance: Dagster's.
        name: The sensor's name.
        clock: Seconds since 1970.
    """
    asked = dg.RunsFilter(tags={"dagster/sensor_name": name})
    for record in instance.get_run_records(asked, limit=1):
        run = record.dagster_run
        latest = instance.get_run_records(dg.RunsFilter(job_name=run.job_name), limit=1)
        if run.status != dg.DagsterRunStatus.FAILURE or latest[0].dagster_run.run_id != run.run_id:
            continue
        tries, failed = int(run.tags.get(TRIES, 0)), f"{run.job_name} (run {run.run_id[:8]}) failed"
        if tries >= len(BACK_OFF):
            return None, f". {failed}, as {tries} times before: see its log, and start it again"
        ended = record.end_time or record.update_timestamp.timestamp()
        left = ended + BACK_OFF[tries] - clock
        if left > 0:
            return None, f". {failed}: tried again in {left:.0f} s"
        kept = {tag: run.tags[tag] for tag in (REASON, AUTOMATED, PRIORITY) if tag in run.tags}
        tags = {**kept, TRIES: str(tries + 1)}
        return PlannedRun(run.job_name, tags=tags).request(f"{name}:again:{run.run_id}"), ""
    return None, ""


def changed(before: Stamps, now: Stamps) -> list[str]:
    """Return the names of files that were added, changed or removed, sorted."""
    names = before.keys() | now.keys()
    return sorted(name for name in names if before.get(name) != now.get(name))


def polling(settings: Automation) -> dict[str, Any]:
    """Return how often a sensor ticks, and whether it runs by itself, as `dg.sensor` takes it."""
    status = dg.DefaultSensorStatus
    return {
        "minimum_interval_seconds": settings.poll_interval_seconds,
        "default_status": status.RUNNING if settings.running else status.STOPPED,
    }


def folder_sensor(
    settings: Automation,
    *,
    name: str,
    description: str,
    jobs: Sequence[Any],
    stamps: Callable[[Profile], Stamps],
    runs: Callable[[dg.DagsterInstance, Sequence[str]], Sequence[PlannedRun]],
    left_out: Callable[[Profile, dg.DagsterInstance], Sequence[str]] = lambda *_: (),
    is_whole: Callable[[Profile, str], bool] = lambda *_: False,
    retries: bool = False,
) -> dg.SensorDefinition:
    """Return a sensor that requests runs once a folder has changed and then settled.

    Args:
        settings: The polling interval and the debounce time.
        name: The sensor's name.
        description: Shown in the UI.
        jobs: The jobs of the runs.
        stamps: Returns the stamps of the folder's files by name.
        runs: Returns the runs for the names of the files that changed.
        left_out: Returns a line for each file that is not used, with the reason and the remedy;
            the tick shows the first ones.
        is_whole: Says of a file that changed whether it has surely been written to its end. A
            single one that has does not wait for the debounce time.
        retries: Whether a run that failed is asked for again, later each time (`BACK_OFF`).
    """
    listing = Listing(name)

    @dg.sensor(
        name=name,
        jobs=jobs,
        description=description,
        **polling(settings),
    )
    def sensor(
        context: dg.SensorEvaluationContext, profile: dg.ResourceParam[Profile]
    ) -> dg.SensorResult:
        now = listing.stamps(lambda: stamps(profile))
        digest = sha256_of_json(now)
        snapshot = FolderSnapshot(profile.lake, f"automation/{name}")
        before = Debounce.from_cursor(context.cursor)
        names = [] if digest == before.taken else changed(snapshot.stamps(before.taken), now)
        waits = not (len(names) == 1 and names[0] in now and is_whole(profile, names[0]))
        debounce_seconds = settings.debounce_seconds if waits else 0.0
        after, triggered = before.tick(digest, time.time(), debounce_seconds)
        cursor = after.to_cursor()
        if digest == before.taken:
            failed = ""
            if retries:
                once_more, failed = again(context.instance, name, time.time())
                if once_more is not None:
                    return dg.SensorResult(run_requests=[once_more], cursor=cursor)
            lines = list(left_out(profile, context.instance))
            more = f"; and {len(lines) - NAMED} more" if len(lines) > NAMED else ""
            note = f". Left out: {'; '.join(lines[:NAMED])}{more}" if lines else ""
            skip = f"nothing new among {len(now)} files{failed}{note}"
            return dg.SensorResult(skip_reason=skip, cursor=cursor)
        if not triggered:
            waiting = (
                f"{_counted(names)} changed: waiting until nothing has changed for"
                f" {settings.debounce_seconds:g} s"
            )
            return dg.SensorResult(skip_reason=waiting, cursor=cursor)
        snapshot.write(before.taken, digest, now)
        # Requested once, even if the daemon is killed before it has stored the cursor; what did not
        # wait may be requested twice then, and the second run finds nothing to do.
        # After a reset of the cursor the change is seen at another time, and is asked for again.
        run_key = f"{name}:{after.count}:{after.since:.3f}:{digest[:16]}"
        requests = [
            run.request(f"{run_key}:{number}")
            for number, run in enumerate(runs(context.instance, names))
        ]
        if not requests:
            skip = f"{_counted(names)} changed, but none belongs to a painting on the list"
            return dg.SensorResult(skip_reason=skip, cursor=cursor)
        return dg.SensorResult(run_requests=requests, cursor=cursor)

    return sensor


def _counted(names: Sequence[str]) -> str:
    return "1 file" if len(names) == 1 else f"{len(names)} files"
