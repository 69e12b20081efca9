"""The command line: `deepart demo`, `deepart restore` and `deepart list`."""

import argparse
import os
import resource
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import dagster as dg
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from deepart_assets import asset_names
from deepart_assets.asset_names import GALLERY, RESTORATION_PLAN
from deepart_assets.assets.restoration import painting_stages
from deepart_assets.build import build_defs
from deepart_assets.dagster_internals.event_log_storage import keep_connections
from deepart_assets.errors import DeepArtError, UnknownPaintingError
from deepart_assets.orchestration.context import Painting, StageContext
from deepart_assets.orchestration.partitions import painting_keys
from deepart_assets.orchestration.planner import plan_of_run, restore_runs
from deepart_assets.orchestration.tags import FORCE, INTERACTIVE, REASON, range_tags
from deepart_assets.reports import report_json
from deepart_assets.settings import Settings, load_settings
from deepart_assets.settings.places import PROJECT, dagster_home, data_root
from deepart_assets.storage import Lake, MaterializationStore, RecordIndex

DATA_ASSETS = (
    asset_names.WIKIART_PAINTINGS,
    asset_names.STYLED_PAINTINGS,
    asset_names.WIKIART_SR,
    asset_names.LR_HR_PAIRS,
    asset_names.PSNR_WEIGHTS,
    asset_names.ART_ESRGAN,
    asset_names.ART_ESRGAN_EVALUATION,
    asset_names.GALLERY,
)
"""The unpartitioned assets in the table of the demo."""


@lru_cache(maxsize=8)
def job_of(name: str, profile: str | None = None, root: str | None = None) -> dg.JobDefinition:
    """Return a job of a profile; Dagster reconstructs it in any process from these arguments."""
    return build_defs(load_settings(profile), root).resolve_job_def(name)


def run_job(
    instance: dg.DagsterInstance,
    name: str,
    *,
    keys: Sequence[str] = (),
    profile: str | None = None,
    root: str | None = None,
    tags: Mapping[str, str] | None = None,
    **more: Any,
) -> dg.JobExecutionResult:
    """Run a job with its profile's executor, logging to the terminal; never raises.

    Args:
        instance: Where the run is recorded.
        name: The job.
        keys: The paintings of a partitioned job, a contiguous range of partitions.
        profile: As for `load_settings`.
        root: As for `build_defs`.
        tags: More tags of the run (`orchestration.tags`).
        more: Passed on to `dagster.execute_job`.
    """
    arguments: Any = (name, profile, root)  # Dagster's annotation allows one, its code any number
    job = dg.build_reconstructable_job("deepart_assets.cli", "job_of", arguments)
    tags = {REASON: "the command line", INTERACTIVE: "true", **(tags or {}), **range_tags(keys)}
    keep_connections(instance)
    config = {"loggers": {"console": {"config": {}}}, **more.pop("run_config", {})}
    return dg.execute_job(job, instance=instance, tags=tags, run_config=config, **more)


def bring_up_to_date(
    instance: dg.DagsterInstance,
    *,
    profile: str | None = None,
    root: str | None = None,
    **plan_config: Any,
) -> bool:
    """Take in what is new, make a plan, and restore what is stale, run after run.

    Does without the daemon what the jobs in the UI do with its help.

    Args:
        instance: Where the runs are recorded.
        profile: As for `load_settings`.
        root: As for `build_defs`.
        plan_config: The plan's configuration (`assets.restoration_plan.PlanConfig`).

    Returns:
        Whether every run succeeded.

    Raises:
        UnknownPaintingError: The plan's configuration has an unknown id or style.
    """
    place: dict[str, Any] = {"profile": profile, "root": root}
    config = {"ops": {RESTORATION_PLAN: {"config": plan_config}}}
    with run_job(instance, "restore_stale", run_config=config, **place) as result:
        for event in result.filter_events(lambda event: event.is_step_failure):
            refusal = event.step_failure_data.user_failure_data
            if event.step_key == RESTORATION_PLAN and refusal is not None:
                raise UnknownPaintingError(str(refusal.description))
        succeeded = result.success
        ranges = plan_of_run(instance, result.run_id)
    tags = {REASON: "deepart restore", **({FORCE: "true"} if plan_config.get("force") else {})}
    for run in restore_runs(ranges, tags, always_publish=True):
        with run_job(instance, run.job, keys=run.keys, tags=run.tags, **place) as result:
            succeeded &= result.success
    return succeeded


def command_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="deepart", description=__doc__)
    commands = parser.add_subparsers(required=True)
    demo = commands.add_parser("demo", help="materialize the whole graph and print a table")
    demo.set_defaults(run=lambda _: run_demo())
    restore = commands.add_parser(
        "restore", help="bring everything up to date once, without a daemon"
    )
    restore.add_argument("paintings", nargs="*", metavar="ID", help="only these paintings")
    restore.add_argument("--style", default="", help="only paintings of this style")
    restore.add_argument("--force", action="store_true", help="compute fresh outputs again, too")
    restore.add_argument(
        "--thorough", action="store_true", help="read every file, to find damaged ones"
    )
    restore.set_defaults(run=run_restore)
    listed = commands.add_parser(
        "list", help="list the paintings to restore: id, style, artist and title, separated by tabs"
    )
    listed.set_defaults(run=run_list)
    return parser


def main() -> None:
    """Run the command given on the command line."""
    parser = command_parser()
    arguments = parser.parse_args()
    try:
        sys.exit(arguments.run(arguments))
    except UnknownPaintingError as error:
        parser.exit(2, f"deepart: {error}\n")
    except DeepArtError as error:
        sys.exit(f"deepart: {error}")


def run_demo() -> int:
    """Materialize everything, print what happened, and return the exit status."""
    settings = load_settings()
    start = time.perf_counter()
    with _instance() as instance:
        with run_job(instance, "catalogue") as result:
            ok = result.success
        keys = painting_keys(instance)
        if ok and keys:
            with run_job(instance, "restore", keys=keys) as result:
                ok = result.success
    _print_results(settings, time.perf_counter() - start, ok)
    return 0 if ok else 1


def run_restore(arguments: argparse.Namespace) -> int:
    """Bring everything up to date, print what was stale, and return the exit status."""
    start = time.perf_counter()
    with _instance() as instance:
        ok = bring_up_to_date(
            instance,
            paintings=arguments.paintings,
            style=arguments.style,
            force=arguments.force,
            thorough=arguments.thorough,
        )
        console = _console()
        if (
            plan := instance.get_latest_materialization_event(dg.AssetKey(RESTORATION_PLAN))
        ) is not None:
            _print_plan(console, plan.asset_materialization)
    _print_verdicts(console, load_settings())
    _print_end(console, MaterializationStore(Lake(data_root())), time.perf_counter() - start, ok)
    return 0 if ok else 1


def run_list(_: argparse.Namespace) -> int:
    """Print a line for each painting to restore, and return the exit status."""
    for painting in _paintings(load_settings()).values():
        print(
            painting.id, *(painting.labels[key] for key in ("style", "artist", "title")), sep="\t"
        )
    return 0


def _paintings(settings: Settings) -> Mapping[str, Painting]:
    store = MaterializationStore(Lake(data_root()))
    return StageContext(settings, store, dg.get_dagster_logger()).paintings


def _instance() -> dg.DagsterInstance:
    home = dagster_home()
    home.mkdir(parents=True, exist_ok=True)
    if not os.environ.get("DAGSTER_HOME"):
        os.environ["DAGSTER_HOME"] = str(home)
        if not (configuration := home / "dagster.yaml").exists():
            shutil.copy(PROJECT / ".dagster_home" / "dagster.yaml", configuration)
    return dg.DagsterInstance.get()


def _console() -> Console:
    # Without a terminal rich assumes 80 columns, which are too few for the tables.
    return Console(width=None if sys.stdout.isatty() else 140)


def _print_results(settings: Settings, seconds: float, ok: bool) -> None:
    lake = Lake(data_root())
    store = MaterializationStore(lake)
    console = _console()
    stages = painting_stages(settings.outpainters)
    paintings = _paintings(settings).values() if ok else ()
    rows = [_row(store, painting, stages) for painting in paintings]
    if rows:
        lake.write("reports/demo.json", report_json(rows))
        console.print(_paintings_table(rows, stages))
    console.print(_data_table(store))
    _print_end(console, store, seconds, ok)


def _print_plan(console: Console, plan: dg.AssetMaterialization | None) -> None:
    if plan is None:
        return
    figures = plan.metadata
    console.print(
        f"{figures['outputs'].value} outputs of {figures['paintings'].value} paintings were stale,"
        f" of {figures['checked'].value} checked in {figures['seconds'].value} s"
    )
    if figures["outputs"].value:
        console.print(Markdown(str(figures["reasons"].value)))


def _print_verdicts(console: Console, settings: Settings) -> None:
    """Print the masks that people should look at, with the reason and the remedy."""
    masks = RecordIndex(MaterializationStore(Lake(data_root())), asset_names.SUBJECT_MASKS)
    table = Table("painting", "title", "mask", title="Masks to look at")
    for painting in _paintings(settings).values():
        record = masks.get(painting.id)
        if record is not None and (reason := record.verdict or record.doubt):
            table.add_row(painting.id, painting.labels["title"], reason)
    if table.row_count:
        console.print(table)


def _print_end(console: Console, store: MaterializationStore, seconds: float, ok: bool) -> None:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    console.print(f"{seconds:.0f} s, at most {memory:.1f} GB of memory")
    if (gallery := store.done(GALLERY)) is not None:
        console.print("Gallery:", store.lake.full_path(gallery.path), soft_wrap=True)
    if not ok:
        console.print("[red]Something failed; the reasons stand above and in the UI (make ui).")


def _paintings_table(rows: list[dict[str, Any]], stages: Mapping[str, str]) -> Table:
    table = Table(title="Paintings: seconds per stage")
    table.add_column("painting", no_wrap=True)
    for heading in ("subject", *stages):
        table.add_column(heading, justify="right")
    table.add_column("result")
    for row in rows:
        share = row["subject_share"]
        seconds = (row[f"{asset}_seconds"] for asset in stages.values())
        table.add_row(
            row["name"],
            "" if share is None else f"{share:.0%}",
            *("" if spent is None else f"{spent:.1f}" for spent in seconds),
            row["result"],
        )
    return table


def _data_table(store: MaterializationStore) -> Table:
    table = Table("data set and networks", "seconds", "made at (UTC)")
    for asset in DATA_ASSETS:
        if (record := store.get(asset)) is not None:
            table.add_row(asset, f"{record.seconds:.1f}", record.reason or record.made_at)
    return table


def _row(
    store: MaterializationStore, painting: Painting, stages: Mapping[str, str]
) -> dict[str, Any]:
    records = {asset: store.get(asset, painting.id) for asset in stages.values()}
    made = {asset: r for asset, r in records.items() if r is not None and r.status == "done"}
    ended = next((r for r in records.values() if r is not None and r.status != "done"), None)
    mask = made.get(asset_names.SUBJECT_MASKS)
    result = "restored" if len(made) == len(stages) else "not yet made"
    if mask is not None and mask.doubt is not None:
        result += f", {mask.doubt}"
    return {
        "name": painting.id,
        "title": painting.labels["title"],
        "subject_share": mask.figures["subject_share"] if mask is not None else None,
        **{
            f"{asset}_seconds": made[asset].seconds if asset in made else None
            for asset in stages.values()
        },
        "result": f"{ended.status}: {ended.reason}" if ended is not None else result,
    }


if __name__ == "__main__":
    main()
