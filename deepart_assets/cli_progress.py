"""The progress bar of `deepart demo` and `deepart restore`, with the time left.

The time left counts what will be computed and not what is reused, from how long each asset's
outputs took before, corrected by how fast this run is.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import dagster as dg
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column

from deepart_assets import asset_names
from deepart_assets.build import data_specs
from deepart_assets.cli_status import Overview
from deepart_assets.orchestration.partitions import painting_keys
from deepart_assets.orchestration.step_failures import reason_of
from deepart_assets.orchestration.tags import RANGE_END_TAG, RANGE_START_TAG, wanted_keys
from deepart_assets.progress import duration
from deepart_assets.storage import MaterializationStore, RecordIndex

POLL_SECONDS = 0.5
"""Between two looks at what a run has logged."""

REPORT_SECONDS = 60.0
"""Where there is no terminal for a bar, a line is printed so often."""

WHOLE = ""
"""Stands for the painting in an output of the whole data set."""

UNKNOWN_SECONDS = 5.0
"""Of an output of an asset of which none is known, neither here nor below."""

REFERENCE_SECONDS = {
    asset_names.PREDICTED_MASKS: 1.3,
    asset_names.SUBJECT_MASKS: 0.1,
    asset_names.UNFINISHED_PAINTINGS: 0.1,
    asset_names.RESTORATION_SHEETS: 0.4,
    asset_names.PAINTING_GROUNDS: 0.8,
    asset_names.OUTPAINTING_EVALUATION: 11,
    asset_names.SUBJECT_MASKS_EVALUATION: 21,
    asset_names.ART_ESRGAN: 134,
    asset_names.ART_ESRGAN_EVALUATION: 78,
    asset_names.outpaintings(""): 1.6,
    asset_names.upscaled(""): 8.5,
}
"""Seconds of an output in the sample profile on two cores, by the end of the asset's name."""

_PRIOR_SHARE = 0.1
"""This share of the work counts as done as fast as expected, before anything is."""

_RUNNING_SHARE = 0.9
"""Most of an unfinished output's time that counts as done."""


class Remaining:
    """The work that is left, in seconds of computing, and the time it will take.

    Args:
        outputs: What will be computed: the paintings by asset (`WHOLE` for an unpartitioned one).
        seconds: How long one output of each asset is expected to take.
        now: The time.
    """

    def __init__(
        self, outputs: Mapping[str, set[str]], seconds: Mapping[str, float], now: float
    ) -> None:
        self._left = {asset: set(keys) for asset, keys in outputs.items() if keys}
        self._seconds = seconds
        self._start = now
        self._done, self._pace = 0.0, 1.0
        self._since: dict[str, float] = {}
        self.count = sum(map(len, self._left.values()))
        """The number of outputs."""
        self.computed = 0
        """The number of those that are done."""

    def begin(self, asset: str, now: float) -> None:
        """Note that an asset's step has begun."""
        self._since[asset] = now

    def finish(self, asset: str, key: str, now: float) -> None:
        """Note that an output was computed; one that was reused is no part of the work."""
        if key in self._left.get(asset, ()):
            self._left[asset].remove(key)
            self._done += self._expected(asset)
            self.computed += 1
            self._since[asset] = now
            self._pace = self._pace_of(self._done, now)

    def end(self, asset: str, keys: Sequence[str], now: float) -> None:
        """Note that an asset's step has ended: what it did not compute it will not compute."""
        self.finish(asset, WHOLE, now)
        self._since.pop(asset, None)
        if asset in self._left:
            self._left[asset].difference_update(keys)

    def done(self, now: float) -> float:
        """Return the seconds of work that are done, counting what is half done."""
        running = (
            min((now - since) / self._pace, _RUNNING_SHARE * self._expected(asset))
            for asset, since in self._since.items()
            if self._left.get(asset)
        )
        return self._done + sum(running)

    def total(self) -> float:
        """Return the seconds of work in all."""
        left = sum(self._expected(asset) * len(keys) for asset, keys in self._left.items())
        return self._done + left

    def seconds(self, now: float) -> float:
        """Return in how many seconds the work will be done."""
        done = self.done(now)
        return max(0.0, self.total() - done) * self._pace_of(done, now)

    def _pace_of(self, done: float, now: float) -> float:
        """Return how many seconds a second of work has taken so far."""
        prior = _PRIOR_SHARE * self.total()
        return (now - self._start + prior) / (done + prior) if done + prior else 1.0

    def _expected(self, asset: str) -> float:
        return self._seconds.get(asset, UNKNOWN_SECONDS)


def work_of(overview: Overview, store: MaterializationStore, now: float) -> Remaining:
    """Return the work that a restoration of an overview's paintings has ahead of it."""
    outputs: dict[str, set[str]] = {}
    for each in overview.plan.stale:
        outputs.setdefault(each.asset, set()).add(each.painting)
    for asset in overview.plan.unchecked:
        outputs[asset] = set(overview.paintings)
    whole = dict.fromkeys(overview.stale_data)
    if outputs:  # these follow from all paintings
        parts = [*overview.specs["evaluation"], *overview.specs["gallery"]]
        whole |= dict.fromkeys(spec.name for spec in data_specs(parts))
    outputs |= {asset: {WHOLE} for asset in whole}
    seconds = {asset: _expected(asset, store, whole=asset in whole) for asset in outputs}
    return Remaining(outputs, seconds, now)


def _expected(asset: str, store: MaterializationStore, *, whole: bool) -> float:
    if whole:  # beside whose record there may be those of its parts
        made = [done] if (done := store.done(asset)) else []
    else:
        made = [each for *_, each in RecordIndex(store, asset).items() if each.status == "done"]
    known = [record.seconds for record in made if record.seconds > 0]
    if known:
        return sum(known) / len(known)
    fits = (spent for end, spent in REFERENCE_SECONDS.items() if asset.endswith(end))
    return next(fits, UNKNOWN_SECONDS)


Look = Callable[[], Remaining | None]
"""Returns the work ahead, or None before there is a list of paintings."""


class RunProgress:
    """Shows how far runs are; a `runs.Watch`.

    Args:
        instance: Whose event log is followed.
        console: The terminal.
        look: Called before the first run, and after it has taken in what is new.
    """

    def __init__(self, instance: dg.DagsterInstance, console: Console, look: Look) -> None:
        self._instance, self._console, self._look = instance, console, look
        self._work: Remaining | None = None
        self._looked = 0
        self._reported = time.monotonic()
        self._doing = ""
        self._bar = Progress(
            TextColumn("{task.description}", table_column=Column(no_wrap=True, max_width=44)),
            BarColumn(None),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=None, left="")

    @contextmanager
    def __call__(self, run: dg.DagsterRun) -> Iterator[None]:
        """Follow a run while it executes."""
        keys = self._keys_of(run)
        if self._looked < 2:
            self._looked += 1
            self._work = self._look() or self._work
        ended = threading.Event()
        following = threading.Thread(
            target=self._follow, args=(run.run_id, keys, ended), daemon=True
        )
        following.start()
        try:
            yield
        finally:
            ended.set()
            following.join()

    def __enter__(self) -> "RunProgress":
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._bar.stop()

    def tell(self, event: dg.DagsterEvent, keys: Sequence[str]) -> None:
        """Take note of an event of a run over some paintings."""
        now = time.monotonic()
        asset = event.step_key or ""
        work = self._work
        if event.is_step_start:
            self._doing = asset
            if work:
                work.begin(asset, now)
        elif event.event_type in _OUTPUTS and event.partition is not None:
            if work:
                work.finish(asset, event.partition, now)
        elif event.is_step_success or event.is_step_failure:
            if work:
                work.end(asset, keys, now)
            if event.is_step_failure and (reason := reason_of(event)):
                self._console.print(f"[red]{asset} failed[/]: {escape(reason)}")

    def say(self, message: str) -> None:
        """Show a message that says how far a step is: a painting, a download, a training."""
        doing, about, _ = message.partition("about ")
        if about:
            self._doing = doing.rstrip(" ;,")

    def _follow(self, run_id: str, keys: Sequence[str], ended: threading.Event) -> None:
        """Take note of what a run logs, to its last event.

        Dagster's own watcher looks less and less often, and not once more at the end.
        """
        cursor, is_last = None, False
        while not is_last:
            is_last = ended.wait(POLL_SECONDS)
            logged = self._instance.get_records_for_run(run_id, cursor)
            cursor = logged.cursor
            for record in logged.records:
                entry = record.event_log_entry
                if entry.dagster_event is not None:
                    self.tell(entry.dagster_event, keys)
                else:
                    self.say(entry.user_message)
            self._show()

    def _show(self) -> None:
        now, work = time.monotonic(), self._work
        left = "" if work is None else f"about {duration(work.seconds(now))} left"
        done = work.done(now) if work else 0
        total = work.total() if work else None
        counts = f"{work.computed} of {work.count} outputs, " if work else ""
        self._bar.update(
            self._task, description=escape(self._doing), completed=done, total=total, left=left
        )
        if not self._console.is_terminal and now - self._reported >= REPORT_SECONDS:
            self._reported = now
            self._console.print(escape(f"{self._doing}: {counts}{left}".rstrip(" :,")))

    def _keys_of(self, run: dg.DagsterRun) -> list[str]:
        order = list(painting_keys(self._instance))
        first, last = run.tags.get(RANGE_START_TAG), run.tags.get(RANGE_END_TAG)
        if first not in order or last not in order:
            return []
        return wanted_keys(run.tags, order[order.index(first) : order.index(last) + 1])


_OUTPUTS = (dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_OBSERVATION)
