"""The command line: `deepart demo`, `deepart restore`, `deepart list` and `deepart tally`."""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import dagster as dg

from deepart_assets import asset_names
from deepart_assets.asset_names import RESTORATION_PLAN
from deepart_assets.assets.grounds import ground_assets
from deepart_assets.assets.left_out import left_out
from deepart_assets.assets.restoration import painting_stages
from deepart_assets.build import build_defs
from deepart_assets.cli_tables import (
    open_console,
    print_end,
    print_left_out,
    print_plan,
    print_results,
    print_tally,
    print_verdicts,
)
from deepart_assets.dagster_internals.event_log_storage import keep_connections
from deepart_assets.desk.command import add_arguments
from deepart_assets.errors import DeepArtError, SettingsError, UnknownPaintingError
from deepart_assets.orchestration.context import Painting, StageContext
from deepart_assets.orchestration.partitions import painting_keys
from deepart_assets.orchestration.planner import RENEW_GROUND_LIBRARY, plan_of_run, restore_runs
from deepart_assets.orchestration.tags import FORCE, INTERACTIVE, REASON, range_tags
from deepart_assets.outpainting.blind_sheet import tally
from deepart_assets.settings import Settings, load_settings
from deepart_assets.settings.places import PROJECT, dagster_home, data_root
from deepart_assets.storage import Lake, MaterializationStore


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
    renew_grounds: bool = False,
    **plan_config: Any,
) -> bool:
    """Take in what is new, make a plan, and restore what is stale, run after run.

    Does without the daemon what the jobs in the UI do with its help.

    Args:
        instance: Where the runs are recorded.
        profile: As for `load_settings`.
        root: As for `build_defs`.
        renew_grounds: Renew the library of grounds first.
        plan_config: The plan's configuration (`assets.restoration_plan.PlanConfig`).

    Returns:
        Whether every run succeeded.

    Raises:
        SettingsError: There is no library of grounds to renew.
        UnknownPaintingError: The plan's configuration has an unknown id or style.
    """
    if renew_grounds and not ground_assets(load_settings(profile)):
        raise SettingsError(
            "There is no library of grounds to renew: no outpainter of the profile has the kind"
            " scene_completion"
        )
    place: dict[str, Any] = {"profile": profile, "root": root}
    config = {"ops": {RESTORATION_PLAN: {"config": plan_config}}}
    first = RENEW_GROUND_LIBRARY if renew_grounds else "restore_stale"
    with run_job(instance, first, run_config=config, **place) as result:
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
    restore.add_argument(
        "--renew-grounds",
        action="store_true",
        help="let the library of grounds take in new paintings first",
    )
    restore.set_defaults(run=run_restore)
    listed = commands.add_parser(
        "list", help="list the paintings to restore: id, style, artist and title, separated by tabs"
    )
    listed.set_defaults(run=run_list)
    desk = commands.add_parser("desk", help="serve the curator's desk, a web application")
    add_arguments(desk)
    scored = commands.add_parser("tally", help="count the scores that people gave a blind sheet")
    scored.add_argument(
        "scores", nargs="+", type=Path, help="filled-in copies of blind_scores.csv, one a person"
    )
    scored.add_argument("--key", type=Path, help="the sheet's blind_key.csv, if not the newest's")
    scored.set_defaults(run=run_tally)
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
    console, store = open_console(), _store()
    paintings = _paintings(settings) if ok else ()
    print_results(console, store, paintings, painting_stages(settings.outpainters))
    print_left_out(console, left_out(store, _by_id(paintings)))
    print_end(console, store, time.perf_counter() - start, ok)
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
            renew_grounds=arguments.renew_grounds,
        )
        console = open_console()
        if (
            plan := instance.get_latest_materialization_event(dg.AssetKey(RESTORATION_PLAN))
        ) is not None:
            print_plan(console, plan.asset_materialization)
    listed = list(_paintings(load_settings()))
    print_verdicts(console, _store(), listed)
    print_left_out(console, left_out(_store(), _by_id(listed)))
    print_end(console, _store(), time.perf_counter() - start, ok)
    return 0 if ok else 1


def run_list(_: argparse.Namespace) -> int:
    """Print a line for each painting to restore, and return the exit status."""
    for painting in _paintings(load_settings()):
        print(
            painting.id, *(painting.labels[key] for key in ("style", "artist", "title")), sep="\t"
        )
    return 0


def _store() -> MaterializationStore:
    return MaterializationStore(Lake(data_root()))


def run_tally(arguments: argparse.Namespace) -> int:
    """Print a table of the scores of a blind sheet, and return the exit status."""
    newest = f"{asset_names.OUTPAINTING_EVALUATION}/blind_key.csv"
    try:
        # Spreadsheets write other encodings; what is read is ASCII.
        scores = [path.read_text("utf-8", errors="replace") for path in arguments.scores]
        key = arguments.key.read_bytes() if arguments.key else Lake(data_root()).read(newest)
    except OSError as error:
        raise DeepArtError(
            f"{error}: give the files of scores, and with --key the blind_key.csv of their sheet"
        ) from error
    print_tally(open_console(), tally("\n".join(scores), key.decode("utf-8", errors="replace")))
    return 0


def _paintings(settings: Settings) -> Collection[Painting]:
    return StageContext(settings, _store(), dg.get_dagster_logger()).paintings.values()


def _by_id(paintings: Iterable[Painting]) -> dict[str, Painting]:
    return {painting.id: painting for painting in paintings}


def _instance() -> dg.DagsterInstance:
    home = dagster_home()
    home.mkdir(parents=True, exist_ok=True)
    if not os.environ.get("DAGSTER_HOME"):
        os.environ["DAGSTER_HOME"] = str(home)
        if not (configuration := home / "dagster.yaml").exists():
            shutil.copy(PROJECT / ".dagster_home" / "dagster.yaml", configuration)
    return dg.DagsterInstance.get()


if __name__ == "__main__":
    main()
