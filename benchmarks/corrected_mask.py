"""From a corrected mask to the gallery: where the time of a run goes, by phases.

    python benchmarks/corrected_mask.py LAKE HOME
    python benchmarks/corrected_mask.py LAKE HOME --against CHECKOUT [--against-python PYTHON]

LAKE and HOME are the data lake and the DAGSTER_HOME that a demo has filled; both are copied. A mask
of one painting is made a little smaller, and the job `restore` runs on that painting as `deepart
restore` runs it, in a process of its own; then the job `evaluate`. `--precision` overrides the
profile's.

With `--against`, the whole command `deepart restore ID` is timed, here and in another checkout, by
turns. The other one has made a demo in its `data/lake` and `.dagster_home`; its interpreter is its
`.venv`'s unless `--against-python` names one. Beside the seconds that pass, which a busy machine
changes, stand those of the CPU in all processes of the command.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]

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
    if mask is None:
        raise SystemExit(f"{lake} has no subject mask of {key}: make a demo there first")
    smaller = cv2.erode(mask, np.ones((9, 9), np.uint8))
    hidden = lake / "masks" / f".{key}.png"  # a sensor may look at any moment
    hidden.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(hidden), smaller)
    hidden.rename(lake / "masks" / f"{key}.png")


def command_seconds(
    checkout: Path, python: Path, lake: Path, home: Path, key: str
) -> tuple[float, float]:
    """Correct the mask in copies of a lake and its home, and return what `deepart restore` takes.

    Returns:
        Seconds that pass, and seconds of the CPU in all processes.
    """
    with tempfile.TemporaryDirectory() as folder:
        places = {
            "DEEPART_DATA": str(shutil.copytree(lake, Path(folder) / "lake")),
            "DAGSTER_HOME": str(shutil.copytree(home, Path(folder) / "home")),
            "PYTHONPATH": str(checkout),
        }
        correct_mask(Path(folder) / "lake", key)
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(
            [python, "-m", "deepart_assets.cli", "restore", key],
            env={**os.environ, **places},
            cwd=checkout,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        passed, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return passed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare(ways: Mapping[str, tuple[Path, Path, Path, Path]], key: str, rounds: int) -> None:
    """Time checkouts by turns and print the best of each as a table."""
    from bench_table import publish

    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (checkout, python, lake, home) in ways.items():
            found[name].append(command_seconds(checkout, python, lake, home, key))
            print(f"{name}: {found[name][-1][0]:.1f} s, CPU {found[name][-1][1]:.1f} s", flush=True)
    rows = []
    for name, seconds in found.items():
        passed, cpu = (min(column) for column in zip(*seconds, strict=True))
        rows.append({"name": name, "seconds": round(passed, 1), "cpu_seconds": round(cpu, 1)})
    first, *others = rows
    for row in others:
        row["times_as_fast"] = round(first["seconds"] / row["seconds"], 2)
        row["by_cpu_seconds"] = round(first["cpu_seconds"] / row["cpu_seconds"], 2)
    publish("corrected_mask", f"One corrected mask, deepart restore, best of {rounds}", rows)


def main() -> None:
    """Copy the lake, correct a mask, and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lake", type=Path, nargs="?")
    parser.add_argument("home", type=Path, nargs="?")
    parser.add_argument("--painting", default="436102")
    parser.add_argument("--precision", choices=["fp32", "bf16"])
    parser.add_argument("--quick", action="store_true", help="do not evaluate")
    parser.add_argument("--against", type=Path, help="another checkout, to compare with")
    parser.add_argument("--against-python", type=Path, help="its interpreter")
    parser.add_argument("--rounds", type=int, default=2, help="of a comparison")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.job:
        run(given.job, given.painting, given.precision)
        return
    if given.lake is None or given.home is None:
        print("corrected_mask.py needs the lake and the DAGSTER_HOME of a demo")
        return
    if given.against is not None:
        other = given.against.resolve()
        python = given.against_python or other / ".venv" / "bin" / "python"
        ways = {
            "there": (other, python, other / "data" / "lake", other / ".dagster_home"),
            "here": (PROJECT, Path(sys.executable), given.lake, given.home),
        }
        compare(ways, given.painting, given.rounds)
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
