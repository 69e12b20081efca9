"""Every `deepart`, `dg` and `dagster` command in the README and docs is one that exists."""

import re
import shlex

import click
import dagster as dg
import pytest
import typer
from dagster._cli import create_dagster_cli
from dagster_dg_cli.cli import create_dg_cli

from deepart_assets.cli import app
from deepart_assets.definitions import defs
from deepart_assets.settings.places import PROJECT


def documented():
    """Return the commands in fenced blocks and in inline code."""
    found = []
    for page in [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]:
        text = page.read_text()
        blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        lines = "\n".join(blocks).replace("# or:", "\n").splitlines()
        inline = re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S))
        for command in [*lines, *inline]:
            words = shlex.split(command, comments=True) if re.match(PROGRAM, command) else []
            if len(words) > 1 and words not in found:
                found.append(words)
    return found


PROGRAM = r"(\.venv/bin/)?(deepart|dg|dagster)\s"


@pytest.mark.parametrize("words", documented(), ids=" ".join)
def test_the_command_exists(words):
    program, *arguments = words
    if program.endswith("deepart"):
        deepart = typer.main.get_command(app)
        name, command, rest = deepart.resolve_command(deepart.context_class(deepart), arguments)
        command.make_context(name, rest)
        return
    command: click.Command = create_dg_cli() if program == "dg" else create_dagster_cli()
    context = click.Context(command, info_name=program)
    while isinstance(command, click.Group):
        _, command, arguments = command.resolve_command(context, arguments)
        context = click.Context(command, parent=context)
    options = command.make_context(command.name, arguments, parent=context.parent).params
    job = options.get("job") or options.get("job_name")
    layer = defs.resolve_job_def(job).asset_layer if job else None
    if span := options.get("partition_range"):
        for painting in span.split("..."):
            assert (PROJECT / f"data/sample/paintings/{painting}.jpg").is_file()
        policies = {layer.get(key).backfill_policy for key in layer.executable_asset_keys}
        assert policies == {dg.BackfillPolicy.single_run()}, "Dagster refuses a range for others"
