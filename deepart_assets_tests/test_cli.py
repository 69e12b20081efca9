"""The command line: `deepart demo` killed at any moment and started again, refused arguments."""

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time

import pytest

from deepart_assets.cli import main
from deepart_assets.storage import Lake, MaterializationStore, StoredFile


@pytest.fixture
def demo(project, tmp_path):
    """Return a function that starts `deepart demo` on the small project."""
    environment = {
        **os.environ,
        "DEEPART_PROFILE": str(project.write_profile()),
        "DEEPART_DATA": str(project.root),
        "DAGSTER_HOME": str(tmp_path / "home"),
        "DAGSTER_DISABLE_TELEMETRY": "1",
    }

    def start():
        return subprocess.Popen(
            [sys.executable, "-m", "deepart_assets.cli", "demo"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


def finish(process):
    output, _ = process.communicate(timeout=250)
    assert process.returncode == 0, output
    return output


def computed(output):
    """The outputs that a run computed, from its log."""
    return [line for line in re.findall(r".*\d/5 p\d: .*", output) if "fresh, made" not in line]


@pytest.mark.slow
def test_the_demo_prints_a_table_and_the_second_computes_nothing(demo, project):
    output = finish(demo())
    assert output.count("restored") == 5
    assert f"Gallery: {project.root}/gallery/index.html" in output
    assert len(computed(output)) == 30
    rows = json.loads(project.lake.read("reports/demo.json"))["rows"]
    assert [row["name"] for row in rows] == [f"p{n}" for n in range(5)]
    assert all(row["telea_upscaled_seconds"] > 0 for row in rows)
    again = finish(demo())
    assert computed(again) == []
    assert again.count("restored") == 5


@pytest.mark.slow
def test_killed_at_any_moment_it_finishes_the_next_time(demo, project):
    chance = random.Random(7)
    for _ in range(2):
        process = demo()
        for line in process.stdout:
            # From the first line of work on, any moment.
            if "wikiart_paintings" in line:
                break
        time.sleep(chance.uniform(0, 8))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert_nothing_is_recorded_that_is_not_there(project)
    output = finish(demo())
    assert output.count("restored") == 5
    assert_nothing_is_recorded_that_is_not_there(project)
    visible = [path.name for path in project.root.rglob("*") if path.is_file()]
    assert [n for n in visible if n.endswith(".tmp") and not n.startswith(".")] == []


def assert_nothing_is_recorded_that_is_not_there(project):
    store = MaterializationStore(Lake(project.root))
    for file in (project.root / "records").rglob("[!.]*.json"):
        record = json.loads(file.read_text())
        for stored in record["files"]:
            assert store.lake.checked(StoredFile(**stored)), (file, stored)


@pytest.fixture
def deepart(unrestored, instance, tmp_path, monkeypatch, capsys):
    """Return a function that runs a command and returns its exit status and standard error."""
    monkeypatch.setenv("DEEPART_PROFILE", str(unrestored.write_profile()))
    monkeypatch.setenv("DEEPART_DATA", str(unrestored.root))
    monkeypatch.setattr("deepart_assets.cli._instance", lambda: contextlib.nullcontext(instance))

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["deepart", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    return run


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["p0", "p7"], r"has the id 'p7'; did you mean 'p\d'.*\?"),
        (["x"], r"has the id 'x'\."),
        (["--style", "Realism"], r"has the style 'Realism'\."),
    ],
)
def test_an_unknown_painting_or_style_is_refused(deepart, unrestored, asked, message):
    code, _, error = deepart("restore", *asked)
    assert code == 2
    assert re.fullmatch(rf"deepart: No painting to restore {message} `deepart list` .*\n", error)
    assert not unrestored.store.keys("subject_masks")


def test_the_paintings_are_listed(deepart):
    code, output, _ = deepart("list")
    assert code == 0
    assert [line.split("\t")[0] for line in output.splitlines()] == [f"p{n}" for n in range(5)]


def test_the_scores_of_a_blind_sheet_are_counted(deepart, unrestored, tmp_path):
    key = b"sheet,painting,letter,outpainter\n5,p1,A,telea\n5,p1,B,patchmatch\n"
    unrestored.lake.write("outpainting_evaluation/blind_key.csv", key)
    scores = tmp_path / "scores.csv"
    scores.write_text("sheet,painting,letter,score\n5,p1,A,0\n5,p1,B,2\n")
    code, output, _ = deepart("tally", str(scores), str(scores))
    assert code == 0
    assert re.search(r"patchmatch\s+│ 2\s+│ 2 ", output)
    code, _, _ = deepart("tally", str(scores), "--key", str(tmp_path / "none.csv"))
    assert "none.csv" in str(code) and "--key" in str(code)
