"""From a corrected mask to the gallery: where the time of a run goes, by phases.

    python benchmarks/corrected_mask.py LAKE HOME

LAKE and HOME are the data lake and the DAGSTER_HOME that a demo has filled; both are copied. A mask
of one painting is made a little smaller, and the job `restore` runs on that painting as `deepart
restore` runs it, in a process of its own; then the job `evaluate`. `--precision` overrides the
profile's.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PHASES = {
    "masks": "_masks",
    "grounds": "painting_grounds",
    "unfinished paintings": "unfinished_paintings",
    "outpaintings": "_outpaintings",
    "upscaled": "_upscaled",
    "sheet": "restoration_sheets",
    "gallery": "gallery",
    "evaluations": "_evaluation",
}
"""The steps of each phase, by the end of their names; the others are found up to date."""


def run(job: str, key: str, precision: str | None) -> None:
    """Run a job in this process and print its phases as a table."""
    from bench_table import publish

    start = time.perf_counter()
    from deepart_assets.runs import open_instance, run_job

    instance = open_instance()
    ready = time.perf_counter()
    upscaling = {"upscaling": {"precision": precision}} if precision else {}
    config = {"resources": {"profile": {"config": {"super_resolution": upscaling}}}}
    keys = [key] if job == "restore" else []
    with run_job(instance, job, keys=keys, run_config=config) as result:
        assert result.success
    ended = time.perf_counter()
    logs = instance.all_logs(result.run_id)
    seconds = dict.fromkeys(["imports", *PHASES, "what is up to date"], 0.0)
    steps = dict.fromkeys(seconds, 0)
    seconds["imports"] = ready - start
    begun = {}
    for each in logs:
        event = each.dagster_event
        if event is not None and event.event_type_value == "STEP_START":
            begun[event.step_key] = each.timestamp
        elif event is not None and event.event_type_value == "STEP_SUCCESS":
            phase = next(
                (name for name, end in PHASES.items() if str(event.step_key).endswith(end)),
                "what is up to date",
            )
            seconds[phase] += each.timestamp - begun[event.step_key]
            steps[phase] += 1
    rows = [
        {"name": name, "steps": steps[name], "seconds": round(spent, 1)}
        for name, spent in seconds.items()
        if spent
    ]
    rest = ended - start - sum(seconds.values())
    usage = resource.getrusage(resource.RUSAGE_SELF)
    rows += [
        {"name": "Dagster between the steps", "steps": 0, "seconds": round(rest, 1)},
        {"name": "all", "steps": sum(steps.values()), "seconds": round(ended - start, 1)},
        {
            "name": f"all, CPU seconds ({len(logs)} events)",
            "steps": sum(steps.values()),
            "seconds": round(usage.ru_utime + usage.ru_stime, 1),
        },
    ]
    publish(f"corrected_mask_{job}", f"One corrected mask, job {job}", rows)


def correct_mask(lake: Path, key: str) -> None:
    """Write a mask of the painting that is a little smaller than that of the lake."""
    import cv2
    import numpy as np

    mask = cv2.imread(str(lake / "subject_masks" / f"{key}.png"), cv2.IMREAD_GRAYSCALE)
    assert mask is not None
    (lake / "masks").mkdir(exist_ok=True)
    smaller = cv2.erode(mask, np.ones((9, 9), np.uint8))
    cv2.imwrite(str(lake / "masks" / f"{key}.png"), smaller)


def main() -> None:
    """Copy the lake, correct a mask, and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lake", type=Path, nargs="?")
    parser.add_argument("home", type=Path, nargs="?")
    parser.add_argument("--painting", default="436102")
    parser.add_argument("--precision", choices=["fp32", "bf16"])
    parser.add_argument("--quick", action="store_true", help="do not evaluate")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.job:
        run(given.job, given.painting, given.precision)
        return
    if given.lake is None or given.home is None:
        print("corrected_mask.py needs the lake and the DAGSTER_HOME of a demo")
        return
    with tempfile.TemporaryDirectory() as folder:
        lake = shutil.copytree(given.lake, Path(folder) / "lake")
        home = shutil.copytree(given.home, Path(folder) / "home")
        correct_mask(lake, given.painting)
        places = {"DEEPART_DATA": str(lake), "DAGSTER_HOME": str(home)}
        for job in ("restore",) if given.quick else ("restore", "evaluate"):
            command = [sys.executable, __file__, *sys.argv[1:], "--job", job]
            subprocess.run(command, env={**os.environ, **places}, check=True)


if __name__ == "__main__":
    main()
