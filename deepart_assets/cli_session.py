"""What surrounds the runs of a command: one command at a time, quiet output, a progress bar."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TextIO

import dagster as dg
from filelock import FileLock, Timeout
from rich.console import Console
from rich.markup import escape

from deepart_assets.cli_progress import Look, RunProgress
from deepart_assets.cli_status import running
from deepart_assets.errors import UnavailableError
from deepart_assets.runs import Watch
from deepart_assets.settings.places import dagster_home

LOG = "deepart.log"
"""In DAGSTER_HOME: what the processes of the last command wrote."""


@contextmanager
def session(instance: dg.DagsterInstance, look: Look, *, verbose: bool) -> Iterator[Watch]:
    """Surround the runs of a command.

    Args:
        instance: Where the runs are recorded.
        look: As for `RunProgress`.
        verbose: Whether everything that is logged goes to the terminal, in place of a bar.

    Yields:
        What watches the runs.

    Raises:
        UnavailableError: Another command is already running.
    """
    home = dagster_home()
    with ExitStack() as stack:
        others = list(map(str, running(instance)))
        try:
            stack.enter_context(FileLock(home / "deepart.lock", timeout=0))
        except Timeout:
            raise UnavailableError(
                f"Another deepart command is already running here{': ' if others else ''}"
                f"{'; '.join(others)}. Wait until it has ended, or stop it with Ctrl-C"
            ) from None
        if verbose:
            yield nullcontext
            return
        terminal = stack.enter_context(output_to(home / LOG))
        console = Console(file=terminal, highlight=False)
        for other in others:
            console.print(f"{escape(other)}: steps that need the same pool take turns")
        yield stack.enter_context(RunProgress(instance, console, look))


@contextmanager
def output_to(file: Path) -> Iterator[TextIO]:
    """Send what this process and its children print to a file; yield the terminal."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    saved = os.dup(1), os.dup(2)
    with file.open("w", buffering=1) as log, os.fdopen(os.dup(1), "w", buffering=1) as terminal:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            with redirect_stdout(log), redirect_stderr(log):
                yield terminal
        finally:
            for place, descriptor in enumerate(saved, start=1):
                os.dup2(descriptor, place)
                os.close(descriptor)
