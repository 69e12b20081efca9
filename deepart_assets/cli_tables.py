"""What the command line prints on the terminal: tables that fit 80 columns, and a few lines."""

import resource
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg
from rich import box
from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape
from rich.table import Column, Table

from deepart_assets import asset_names
from deepart_assets.cli_status import FAILED, LEFT_OUT, NEW, STALE, UP_TO_DATE, Overview, RunningRun
from deepart_assets.orchestration.context import Painting
from deepart_assets.orchestration.planner import unavailable_in
from deepart_assets.reports import report_json
from deepart_assets.settings import Settings
from deepart_assets.storage import MaterializationStore
from deepart_assets.wikiart.left_out import LeftOut

DATA_ASSETS = (
    asset_names.WIKIART_PAINTINGS,
    asset_names.STYLED_PAINTINGS,
    asset_names.WIKIART_SR,
    asset_names.LR_HR_PAIRS,
    asset_names.PSNR_WEIGHTS,
    asset_names.ART_ESRGAN,
    asset_names.ART_ESRGAN_EVALUATION,
    asset_names.GROUND_LIBRARY,
    asset_names.GALLERY,
)
"""The unpartitioned assets in the table of the demo."""

LISTED = 50
"""Most rows of a table of what is not up to date or left out."""

LONGEST_ID = 20
"""Characters of an id in a table, so that titles and reasons keep their place."""

_COLOURS = {UP_TO_DATE: "green", STALE: "yellow", NEW: "yellow", FAILED: "red", LEFT_OUT: "cyan"}


def open_console() -> Console:
    """Return the terminal; where it is none, tables have 80 columns, or as COLUMNS says."""
    return Console(highlight=False)


def print_paintings(console: Console, overview: Overview) -> None:
    """Print all paintings, a line each: id, title, artist, style, state."""
    labelled = [Column(heading, ratio=1) for heading in ("title", "artist", "style")]
    table = _table(f"{len(overview.paintings)} paintings", _painting(), *labelled, "state")
    for key, painting in overview.paintings.items():
        labels = (escape(painting.labels[name]) for name in ("title", "artist", "style"))
        table.add_row(escape(key), *labels, _coloured(overview.states[key].state))
    console.print(table)


def print_status(
    console: Console, overview: Overview, files: Sequence[LeftOut], runs: Sequence[RunningRun]
) -> None:
    """Print what is stale, failed, left out and running, and how many are up to date."""
    counts = Counter(each.state for each in overview.states.values())
    order = (UP_TO_DATE, NEW, STALE, FAILED, LEFT_OUT)
    each = ", ".join(f"{counts[name]} {_coloured(name)}" for name in order if counts[name])
    number = len(overview.paintings)
    console.print(f"{number} painting{'' if number == 1 else 's'}: {each or 'none yet'}")
    print_states(console, overview, (FAILED, STALE, NEW, LEFT_OUT))
    if overview.stale_data:
        title = "Networks, evaluations and gallery that are stale"
        table = _table(title, "asset", Column("why", ratio=1))
        for name, reason in overview.stale_data.items():
            table.add_row(name, escape(reason))
        console.print(table)
    print_unavailable(console, {**overview.plan.blocked, **overview.plan.unavailable})
    for asset, reason in overview.plan.not_fetched.items():
        console.print(f"{asset} is not checked: {escape(reason)}", soft_wrap=True)
    print_left_out(console, files)
    for run in runs:
        console.print(escape(str(run)))
    if not runs:
        console.print("Nothing is running.")


def print_states(console: Console, overview: Overview, wanted: Sequence[str]) -> None:
    """Print the paintings in some states and those with a doubtful mask, a line each."""
    columns = (_painting(), Column("title", ratio=2), "state", Column("why", ratio=3))
    table = _table("Paintings to look at", *columns)
    rows = [
        (key, "doubtful" if state.state == UP_TO_DATE else state.state, state.reason)
        for key, state in overview.states.items()
        if state.state in wanted or (state.state == UP_TO_DATE and state.reason)
    ]
    for key, state, reason in rows[:LISTED]:
        title = overview.paintings[key].labels["title"]
        table.add_row(escape(key), escape(title), _coloured(state), escape(reason))
    if rows:
        console.print(table)
        more = f"and {len(rows) - LISTED} more (deepart paintings); " if rows[LISTED:] else ""
        console.print(f"{more}`deepart show ID` has details, and what to do")


def print_painting(
    console: Console, overview: Overview, key: str, store: MaterializationStore
) -> None:
    """Print one painting: its stages with when and why, its files, the verdict and the remedy."""
    painting, state = overview.paintings[key], overview.states[key]
    console.print(f"[bold]{escape(key)}  {escape(painting.caption)}", soft_wrap=True)
    console.print(f"{escape(painting.labels['style'] or 'no style')}; {_coloured(state.state)}")
    remedy = overview.remedy(key)
    if remedy is not None:
        console.print(f"why         {escape(remedy.reason)}", soft_wrap=True)
        if remedy.remedy:
            console.print(f"what to do  {escape(remedy.remedy)}", soft_wrap=True)
    stages = list(overview.stages(key))
    table = _table("Stages", Column("stage", ratio=1, overflow="fold"), "state", "made (UTC)")
    for asset, stage, record in stages:
        at = record.made_at[:16].replace("T", " ") if record is not None else ""
        name = f"{asset}\n  [dim]{escape(stage.reason)}[/]" if stage.reason else asset
        table.add_row(name, _coloured(stage.state), at)
    console.print(table)
    paths = [
        painting.path,
        *(each.path for *_, record in stages if record for each in record.files),
    ]
    console.print(f"Files in {escape(store.lake.url)}", soft_wrap=True)
    for path in paths:
        console.print(f"  {escape(path)}", soft_wrap=True)


def print_fetches(console: Console, settings: Settings) -> None:
    """Print which models the run will fetch, if any: name, size, licence, folder."""
    from deepart_assets.assets.model_fetches import model_fetches

    fetches = model_fetches(settings)
    if fetches:
        console.print(
            "This run fetches models, once:",
            *(f"  {escape(str(each))}" for each in fetches),
            sep="\n",
        )


def print_results(
    console: Console,
    store: MaterializationStore,
    paintings: Iterable[Painting],
    stages: Sequence[str],
) -> None:
    """Print what each painting took, and the data set and networks.

    Args:
        console: The terminal.
        store: The records of the data lake; `reports/demo.json` is written there, too.
        paintings: Those to show.
        stages: The assets of a painting.
    """
    rows = [_row(store, painting, stages) for painting in paintings]
    if rows:
        store.lake.write("reports/demo.json", report_json(rows))
        console.print(_paintings_table(rows))
    console.print(_data_table(store))


def print_plan(console: Console, plan: Mapping[str, dg.MetadataValue[Any]]) -> None:
    """Print what a plan found stale, and why, from its metadata; or that there is no plan."""
    if not plan:
        console.print("No plan was made, so nothing was restored")
        return
    console.print(
        f"{plan['outputs'].value} outputs of {plan['paintings'].value} paintings were stale,"
        f" of {plan['checked'].value} paintings checked in {plan['seconds'].value} s"
    )
    if plan["outputs"].value:
        console.print(Markdown(str(plan["reasons"].value)))
    print_unavailable(console, unavailable_in(plan))


def print_unavailable(console: Console, assets: Mapping[str, str]) -> None:
    """Print the assets that cannot be computed, whatever the painting, and why."""
    for asset, reason in assets.items():
        console.print(f"[red]{asset} cannot be computed now:[/] {escape(reason)}", soft_wrap=True)


def print_tally(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print how a blind sheet was scored, an outpainter a row."""
    table = Table(*(rows[0] if rows else ()), title="Scores of the blind sheet")
    for row in rows:
        table.add_row(*("" if value is None else escape(str(value)) for value in row.values()))
    console.print(table)


def print_left_out(console: Console, rows: Sequence[LeftOut]) -> None:
    """Print what is not used of inbox, sources and masks folder: file, why, what to do."""
    table = Table("file", "why", "what to do", title="Files left out", box=box.SIMPLE_HEAD)
    for row in rows[:LISTED]:
        table.add_row(*(escape(text) for text in row))
    if rows:
        console.print(table)
    if len(rows) > LISTED:
        console.print(f"and {len(rows) - LISTED} more, listed in the gallery")


def print_end(console: Console, store: MaterializationStore, seconds: float, ok: bool) -> None:
    """Print the time and memory of the command, where the gallery is, and whether all is well."""
    processes = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    memory = max(resource.getrusage(each).ru_maxrss for each in processes) / 1024**2
    console.print(f"{seconds:.0f} s, at most {memory:.1f} GB of memory in a process")
    if (gallery := store.done(asset_names.GALLERY)) is not None:
        console.print("Gallery:", escape(store.lake.full_path(gallery.path)), soft_wrap=True)
    if not ok:
        console.print(
            "[red]Something failed; the reasons are listed above and in the UI (`make ui`, or"
            " `dg dev`)."
        )


def _table(title: str, *columns: Column | str) -> Table:
    """Return a table as wide as the terminal; each row is one line, but for what is folded."""
    look: dict[str, Any] = {"title_justify": "left", "pad_edge": False, "expand": True}
    table = Table(*columns, title=title, box=box.SIMPLE_HEAD, **look)
    for column in table.columns:
        column.no_wrap = column.overflow != "fold"
    return table


def _painting() -> Column:
    return Column("painting", max_width=LONGEST_ID)


def _coloured(state: str) -> str:
    return f"[{_COLOURS[state]}]{state}[/]" if state in _COLOURS else state


def _paintings_table(rows: list[dict[str, Any]]) -> Table:
    numbers = [Column(heading, justify="right") for heading in ("subject", "seconds")]
    title, result = Column("title", ratio=2), Column("result", ratio=3)
    table = _table("Paintings", _painting(), title, *numbers, result)
    for row in rows:
        share = row["subject_share"]
        spent = [value for name, value in row.items() if name.endswith("_seconds") and value]
        table.add_row(
            escape(row["name"]),
            escape(row["title"]),
            "" if share is None else f"{share:.0%}",
            f"{sum(spent):.1f}" if spent else "",
            escape(row["result"]),
        )
    return table


def _data_table(store: MaterializationStore) -> Table:
    columns = ("asset", Column("seconds", justify="right"), "made (UTC)")
    table = _table("Data set and networks", *columns)
    for asset in DATA_ASSETS:
        if (record := store.get(asset)) is not None:
            at = record.made_at[:16].replace("T", " ")
            table.add_row(asset, f"{record.seconds:.1f}", escape(record.reason or at))
    return table


def _row(store: MaterializationStore, painting: Painting, stages: Sequence[str]) -> dict[str, Any]:
    records = {asset: store.get(asset, painting.id) for asset in stages}
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
        **{f"{asset}_seconds": made[asset].seconds if asset in made else None for asset in stages},
        "result": f"{ended.status}: {ended.reason}" if ended is not None else result,
    }
