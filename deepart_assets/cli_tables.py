"""What the command line prints on the terminal: tables, and a few lines."""

import resource
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg
from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape
from rich.table import Table

from deepart_assets import asset_names
from deepart_assets.assets.left_out import LeftOut
from deepart_assets.orchestration.context import Painting
from deepart_assets.reports import report_json
from deepart_assets.storage import MaterializationStore, RecordIndex

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


def open_console() -> Console:
    """Return the terminal; where it is none, rich would assume 80 columns, too few for tables."""
    return Console(width=None if sys.stdout.isatty() else 140)


def print_results(
    console: Console,
    store: MaterializationStore,
    paintings: Iterable[Painting],
    stages: Mapping[str, str],
) -> None:
    """Print what each painting took, stage by stage, and the data set and networks.

    Args:
        console: The terminal.
        store: The records of the data lake; `reports/demo.json` is written there, too.
        paintings: Those to show.
        stages: The assets of a painting by column heading.
    """
    rows = [_row(store, painting, stages) for painting in paintings]
    if rows:
        store.lake.write("reports/demo.json", report_json(rows))
        console.print(_paintings_table(rows, stages))
    console.print(_data_table(store))


def print_plan(console: Console, plan: dg.AssetMaterialization | None) -> None:
    """Print what a plan found stale, and why."""
    if plan is None:
        return
    figures = plan.metadata
    console.print(
        f"{figures['outputs'].value} outputs of {figures['paintings'].value} paintings were stale,"
        f" of {figures['checked'].value} checked in {figures['seconds'].value} s"
    )
    if figures["outputs"].value:
        console.print(Markdown(str(figures["reasons"].value)))


def print_verdicts(
    console: Console, store: MaterializationStore, paintings: Iterable[Painting]
) -> None:
    """Print the masks that people should look at, with the reason and the remedy."""
    masks = RecordIndex(store, asset_names.SUBJECT_MASKS)
    table = Table("painting", "title", "mask", title="Masks to look at")
    for painting in paintings:
        record = masks.get(painting.id)
        if record is not None and (reason := record.verdict or record.doubt):
            table.add_row(painting.id, painting.labels["title"], reason)
    if table.row_count:
        console.print(table)


def print_tally(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print how a blind sheet was scored, an outpainter a row."""
    table = Table(*(rows[0] if rows else ()), title="Scores of the blind sheet")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    console.print(table)


LISTED = 50
"""Most rows of the list of what is left out."""


def print_left_out(console: Console, rows: Sequence[LeftOut]) -> None:
    """Print what is not used of inbox, sources and masks folder: file, why, what to do."""
    table = Table("left out", "why", "what to do", title="Left out")
    for row in rows[:LISTED]:
        table.add_row(*(escape(text) for text in row))
    if rows:
        console.print(table)
    if len(rows) > LISTED:
        console.print(f"and {len(rows) - LISTED} more, listed in the gallery")


def print_end(console: Console, store: MaterializationStore, seconds: float, ok: bool) -> None:
    """Print the time and memory of the command, where the gallery is, and whether all is well."""
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    console.print(f"{seconds:.0f} s, at most {memory:.1f} GB of memory")
    if (gallery := store.done(asset_names.GALLERY)) is not None:
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
