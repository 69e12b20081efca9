"""A real daemon with a code server and workers, which can be killed like a machine."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import dagster as dg
import yaml

from deepart_assets.settings.places import PROJECT

T = TypeVar("T")

NEVER = "0 0 29 2 *"
"""A schedule that comes in no test."""

QUICK = {"poll_interval_seconds": 1, "debounce_seconds": 2, "nightly": NEVER, "weekly": NEVER}
"""Automation settings with which a test need not wait."""


class Daemon:
    """`dagster-daemon` on a project, with the dagster.yaml of the checkout.

    Args:
        project: Profile and data lake.
        home: DAGSTER_HOME; its run monitoring looks every five seconds instead of every thirty.
        port: Of the UI, which runs beside it where there is one.
    """

    def __init__(self, project, home: Path, port: int | None = None) -> None:
        self.project, self.home = project, home
        self._command = ["dagster._daemon", "run"]
        if port is not None:
            self._command = ["dagster", "dev", "--host", "127.0.0.1", "--port", str(port)]
        home.mkdir(exist_ok=True)
        config = yaml.safe_load((PROJECT / ".dagster_home" / "dagster.yaml").read_text())
        config["run_monitoring"]["poll_interval_seconds"] = 5
        # Else it is that of DAGSTER_HOME, which the test's own process has not.
        config["event_log_storage"]["config"] = {"base_dir": str(home / "history" / "runs")}
        (home / "dagster.yaml").write_text(yaml.safe_dump(config))
        self.log = home.parent / "daemon.log"

    def start(self) -> None:
        environment = {
            **os.environ,
            "DAGSTER_HOME": str(self.home),
            "DEEPART_PROFILE": str(self.project.write_profile()),
            "DEEPART_DATA": str(self.project.root),
            "PYTHONPATH": str(PROJECT),
        }
        with self.log.open("a") as log:
            subprocess.Popen(
                [sys.executable, "-m", *self._command],
                cwd=PROJECT,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """SIGKILL the daemon, its code server and every worker, as if the machine lost power."""
        while found := list(self.processes()):
            for pid in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            time.sleep(0.05)

    def processes(self, words: str = "") -> Iterator[int]:
        """Yield what runs on this DAGSTER_HOME (and has some words in its command line)."""
        mark = f"DAGSTER_HOME={self.home}".encode()
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit() and int(folder.name) != os.getpid():
                with contextlib.suppress(OSError):
                    if mark not in (folder / "environ").read_bytes().split(b"\0"):
                        continue
                    if words.encode() in (folder / "cmdline").read_bytes().replace(b"\0", b" "):
                        yield int(folder.name)

    def wait(self, what: Callable[[], T], seconds: float = 240) -> T:
        """Wait until there is something, and return it."""
        deadline = time.monotonic() + seconds
        while not (found := what()):
            assert time.monotonic() < deadline, self.log.read_text()[-6000:]
            time.sleep(0.1)
        return found


@contextlib.contextmanager
def running(
    project, home: Path, port: int | None = None
) -> Iterator[tuple[Daemon, dg.DagsterInstance]]:
    """A daemon that was started, and its instance; everything is killed in the end."""
    daemon = Daemon(project, home, port)
    daemon.start()
    try:
        with dg.DagsterInstance.from_config(str(home)) as instance:
            yield daemon, instance
    finally:
        daemon.kill()
