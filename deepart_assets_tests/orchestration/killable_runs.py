"""A server of runs that can be killed: everything is imported once, and each run is a fork of it.

Started as a process of its own. For each line, the paths of a profile, a data lake and a Dagster
instance, it starts what `deepart restore` does in a process group of its own and prints the group's
number; when the run has ended it prints `ended STATUS`.
"""

import os
import subprocess
import sys
import traceback
from pathlib import Path

from deepart_assets.settings.places import PROJECT


def serve():
    # What a run would spend its first seconds on.
    from deepart_assets import compat

    compat.prepare()
    import cv2  # noqa: F401
    import onnxruntime  # noqa: F401
    import pandas  # noqa: F401
    import rembg  # noqa: F401
    import torch

    import deepart_assets.super_resolution.training.models  # noqa: F401
    from deepart_assets.runs import bring_up_to_date
    from deepart_assets_tests.conftest import instance_in

    torch.set_num_threads(1)
    print("ready", flush=True)
    for line in sys.stdin:
        profile, root, home = line.rstrip("\n").split("\t")
        child = os.fork()
        if not child:
            os.setsid()
            good = False
            try:
                log = os.open(f"{home}/log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                for stream, to in enumerate((os.open(os.devnull, os.O_RDONLY), log, log)):
                    os.dup2(to, stream)
                with instance_in(Path(home)) as instance:
                    good = bring_up_to_date(instance, profile=profile, root=root).succeeded
            except BaseException:
                traceback.print_exc()
            finally:
                # Not the usual end: onnxruntime would wait for its parent's threads.
                os._exit(0 if good else 1)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print("ended", os.waitstatus_to_exitcode(status), flush=True)


class Server:
    """The other end of it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=PROJECT,
            # A forked process must not wait for threads that only its parent has.
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            text=True,
        )
        assert self._process.stdout.readline() == "ready\n"

    def start(self, *places: Path) -> int:
        """Start a run and return the number of its process group."""
        self._process.stdin.write("\t".join(map(str, places)) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def ended(self) -> int:
        """Wait until the run has ended, and return its exit status; -9: it was killed."""
        word, status = self._process.stdout.readline().split()
        assert word == "ended"
        return int(status)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=180)


if __name__ == "__main__":
    serve()
