"""The command line, `deepart`: what each command takes, which imports the rest when it is called.

Runs are in `runs`, what is printed in `cli_tables`.
"""

import contextlib
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from deepart_assets.errors import DeepArtError, UnknownPaintingError

if TYPE_CHECKING:
    import dagster as dg

    from deepart_assets.cli_progress import Remaining
    from deepart_assets.cli_status import Overview
    from deepart_assets.runs import Watch
    from deepart_assets.storage import MaterializationStore


class _Commands(TyperGroup):
    """Ends a command that is refused or interrupted with one line."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except DeepArtError as error:
            typer.echo(f"deepart: {error}", err=True)
            raise typer.Exit(2 if isinstance(error, UnknownPaintingError) else 1) from None
        except KeyboardInterrupt:
            typer.echo("\ndeepart: stopped. What is finished is kept; start it again to go on.")
            raise typer.Exit(130) from None


app = typer.Typer(
    name="deepart",
    help="Restores largely incomplete oil paintings, and reports their status.",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Print all that is logged, in place of a bar.")
]


@app.command()
def demo(verbose: Verbose = False) -> None:
    """Run the profile's whole pipeline, and print a table."""
    from deepart_assets import asset_names, cli_tables
    from deepart_assets.orchestration.partitions import painting_keys
    from deepart_assets.runs import run_job
    from deepart_assets.settings import load_settings

    settings, store = load_settings(), _store()
    start = time.perf_counter()
    cli_tables.print_fetches(cli_tables.open_console(), settings)
    with _instance() as instance:
        with _session(instance, verbose) as watch:
            with run_job(instance, "catalogue", watch=watch) as result:
                ok = result.success
            keys = painting_keys(instance)
            if ok and keys:
                for job, of in (("restore", keys), ("evaluate", ())):
                    with run_job(instance, job, keys=of, watch=watch) as result:
                        ok &= result.success
        shown = _overview(instance).paintings.values() if ok else ()
        stages = list(asset_names.painting_stages(settings.outpainters))
        cli_tables.print_results(cli_tables.open_console(), store, shown, stages)
        _end(instance, start, ok)


@app.command()
def restore(
    paintings: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Only these paintings.")
    ] = None,
    *,
    style: Annotated[str, typer.Option(help="Only paintings of this style.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Make fresh outputs again, too.")] = False,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Read every file, to find damaged ones.")
    ] = False,
    renew_grounds: Annotated[
        bool,
        typer.Option(
            "--renew-grounds", help="Let the library of grounds take in new paintings first."
        ),
    ] = False,
    verbose: Verbose = False,
) -> None:
    """Bring everything up to date once, or some paintings."""
    from deepart_assets import cli_tables
    from deepart_assets.cli_status import check_known
    from deepart_assets.orchestration.staleness import RunPolicy
    from deepart_assets.runs import bring_up_to_date
    from deepart_assets.settings import load_settings

    ids, store = paintings or [], _store()
    start = time.perf_counter()
    with _instance() as instance:
        settings = load_settings()
        check_known(instance, settings, store, ids, style)
        cli_tables.print_fetches(cli_tables.open_console(), settings)
        policy = RunPolicy(force=force, thorough=thorough)
        with _session(instance, verbose, ids, style=style, policy=policy) as watch:
            outcome = bring_up_to_date(
                instance,
                paintings=ids,
                style=style,
                force=force,
                thorough=thorough,
                renew_grounds=renew_grounds,
                watch=watch,
            )
        cli_tables.print_plan(cli_tables.open_console(), outcome.plan)
        _end(instance, start, outcome.succeeded)


@app.command()
def status() -> None:
    """Say what is stale, failed, left out and running."""
    from deepart_assets import cli_tables
    from deepart_assets.cli_status import running
    from deepart_assets.wikiart.left_out import left_out_files

    with _instance() as instance:
        overview = _overview(instance)
        files = left_out_files(_store(), overview.paintings)
        cli_tables.print_status(cli_tables.open_console(), overview, files, running(instance))


@app.command()
def paintings() -> None:
    """List the paintings: id, title, artist, style, state."""
    from deepart_assets import cli_tables

    with _instance() as instance:
        cli_tables.print_paintings(cli_tables.open_console(), _overview(instance))


@app.command()
def show(
    painting: Annotated[str, typer.Argument(metavar="ID", help="The painting.")],
) -> None:
    """Show the status of one painting, stage by stage, with reasons."""
    from deepart_assets import cli_tables

    with _instance() as instance:
        overview = _overview(instance, painting)
        cli_tables.print_painting(cli_tables.open_console(), overview, painting, _store())


@app.command(name="list")
def list_() -> None:
    """List the paintings for scripts, in columns separated by tabs."""
    from deepart_assets.desk.listed import read_list

    for listed in read_list(_store()).values():
        print(listed.id, listed.style, listed.artist, listed.title, sep="\t")


@app.command()
def desk(
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen on; any but this machine's requires a token"
            " (DEEPART_DESK_TOKEN, or one that is printed)."
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 3001,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Show everything, change nothing.")
    ] = False,
    dagster: Annotated[
        str, typer.Option(metavar="URL", help="Dagster's UI, for links.")
    ] = "http://127.0.0.1:3000",
) -> None:
    """Serve the curator's desk, a web application."""
    from deepart_assets.desk.command import serve

    serve(host, port, read_only=read_only, dagster=dagster)


@app.command()
def tally(
    scores: Annotated[
        list[Path], typer.Argument(help="Filled-in copies of blind_scores.csv, one a person.")
    ],
    key: Annotated[
        Path | None, typer.Option(help="The sheet's blind_key.csv, if not the newest's.")
    ] = None,
) -> None:
    """Count the scores that people gave a blind sheet."""
    from deepart_assets import asset_names, cli_tables
    from deepart_assets.outpainting.blind_sheet import tally as counted

    newest = f"{asset_names.OUTPAINTING_EVALUATION}/blind_key.csv"
    try:
        # Spreadsheets write other encodings; what is read is ASCII.
        texts = [path.read_text("utf-8", errors="replace") for path in scores]
        solved = key.read_bytes() if key else _store().lake.read(newest)
    except OSError as error:
        raise DeepArtError(
            f"{error}: give the files of scores, and with --key the blind_key.csv of their sheet"
        ) from error
    rows = counted(texts, solved.decode("utf-8", errors="replace"))
    cli_tables.print_tally(cli_tables.open_console(), rows)


def _store() -> "MaterializationStore":
    from deepart_assets.settings.places import data_root
    from deepart_assets.storage import Lake, MaterializationStore

    _check_reachable(data_root())
    return MaterializationStore(Lake(data_root()))


@cache
def _check_reachable(root: str) -> None:
    """Ask once a command: somebody waits, and the address may be wrong."""
    from deepart_assets.storage import Lake

    Lake(root).check_reachable()


def _instance() -> "dg.DagsterInstance":
    from deepart_assets.runs import open_instance

    return open_instance()


def _overview(instance: "dg.DagsterInstance", *ids: str, **selection: Any) -> "Overview":
    from deepart_assets.cli_status import Overview
    from deepart_assets.settings import load_settings

    return Overview(instance, load_settings(), _store(), ids, **selection)


def _session(
    instance: "dg.DagsterInstance", verbose: bool, ids: Sequence[str] = (), **selection: Any
) -> "AbstractContextManager[Watch]":
    from deepart_assets.cli_progress import work_of
    from deepart_assets.cli_session import session

    def look() -> "Remaining | None":
        try:
            overview = _overview(instance, *ids, **selection)
        except DeepArtError:  # the run will report it
            return None
        return work_of(overview, _store(), time.monotonic())

    return session(instance, look, verbose=verbose)


def _end(instance: "dg.DagsterInstance", start: float, ok: bool) -> None:
    """Print what to look at, the time since `start` and the gallery; exit with 1 unless `ok`."""
    from deepart_assets import cli_tables
    from deepart_assets.cli_status import FAILED, LEFT_OUT
    from deepart_assets.wikiart.left_out import left_out_files

    console = cli_tables.open_console()
    with contextlib.suppress(DeepArtError):  # there is no list: the run has said why
        overview = _overview(instance)
        cli_tables.print_states(console, overview, (FAILED, LEFT_OUT))
        cli_tables.print_left_out(console, left_out_files(_store(), overview.paintings))
    cli_tables.print_end(console, _store(), time.perf_counter() - start, ok)
    if not ok:
        raise typer.Exit(1)


def main() -> None:
    """Run the command given on the command line."""
    app(prog_name="deepart")


if __name__ == "__main__":
    main()
