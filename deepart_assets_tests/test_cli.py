"""The command line: `deepart demo` killed at any moment and started again, refused arguments."""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import dagster as dg
import pytest
from filelock import FileLock

from deepart_assets import cli_tables
from deepart_assets.cli import main
from deepart_assets.cli_status import RunningRun, check_known, running
from deepart_assets.dagster_internals.local_runs import repository_origin
from deepart_assets.errors import UnknownPaintingError
from deepart_assets.orchestration.leaving import UNFINISHED
from deepart_assets.runs import bring_up_to_date
from deepart_assets.settings import load_settings
from deepart_assets.settings.places import PROJECT
from deepart_assets.storage import Lake, MaterializationStore, StoredFile
from deepart_assets_tests.hub import serve_hub


def start(project, home, *arguments):
    """Start a command on a project, in a process group that Ctrl-C can interrupt."""
    home.mkdir(exist_ok=True)
    shutil.copy(PROJECT / ".dagster_home" / "dagster.yaml", home)
    environment = {
        **os.environ,
        "DEEPART_PROFILE": str(project.write_profile()),
        "DEEPART_DATA": str(project.root),
        "DAGSTER_HOME": str(home),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "deepart_assets.cli", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.fixture
def demo(project, tmp_path):
    """Return a function that starts `deepart demo` on the small project."""
    return lambda: start(project, tmp_path / "home", "demo", "--verbose")


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


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_ctrl_c_ends_all_runs_with_one_line_and_the_next_goes_on(unrestored, processes):
    unrestored.content["execution"] = {"kind": "local", "processes": processes}
    unrestored.content["automation"] = {"max_partitions_per_run": 3}  # two runs
    home = unrestored.folder / "dagster"
    process, log = start(unrestored, home, "restore"), home / "deepart.log"

    def wait_for(line):
        while not (log.exists() and line in log.read_text()):
            assert process.poll() is None, process.communicate()
            time.sleep(0.1)

    wait_for("unfinished_paintings 3/3")
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=180)
    assert process.returncode == 130, output
    assert output.splitlines()[-1].startswith("deepart: stopped.")
    assert "Trace" not in output and len(output.splitlines()) < 8
    made = unrestored.store.keys("unfinished_paintings")
    assert len(made) == 3, "the runs that would have followed did not start"
    del unrestored.content["execution"]  # one process starts sooner
    again = finish(start(unrestored, home, "restore"))
    assert len(unrestored.store.keys("restoration_sheets")) == 5
    assert "Traceback" not in again and len(again.splitlines()) < 40


def test_a_second_restoration_beside_the_first_is_refused(deepart, tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with FileLock(tmp_path / "deepart.lock"):
        code, _, error = deepart("restore")
    assert code == 1
    assert re.fullmatch(r"deepart: Another deepart command is already running here.*\n", error)


def assert_nothing_is_recorded_that_is_not_there(project):
    store = MaterializationStore(Lake(project.root))
    for file in (project.root / "records").rglob("[!.]*.json"):
        record = json.loads(file.read_text())
        for stored in record["files"]:
            assert store.lake.checked(StoredFile(**stored)), (file, stored)


@pytest.fixture
def deepart_on(monkeypatch, capsys):
    """Return a function that returns one which runs a command on a project.

    That returns the exit status, the standard output and the standard error.
    """

    def on(project, instance):
        monkeypatch.setenv("DEEPART_PROFILE", str(project.write_profile()))
        monkeypatch.setenv("DEEPART_DATA", str(project.root))
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setattr(
            "deepart_assets.cli._instance", lambda: contextlib.nullcontext(instance)
        )

        def run(*arguments):
            monkeypatch.setattr(sys, "argv", ["deepart", *arguments])
            with pytest.raises(SystemExit) as ended:
                main()
            return ended.value.code, *capsys.readouterr()

        return run

    return on


@pytest.fixture
def deepart(deepart_on, unrestored, instance):
    return deepart_on(unrestored, instance)


@pytest.fixture
def deepart_done(deepart_on, done, instance):
    return deepart_on(done, instance)


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
    assert re.fullmatch(
        rf"deepart: No painting to restore {message} `deepart paintings` .*\n", error
    )
    assert not unrestored.store.keys("subject_masks")


def test_an_unknown_painting_is_refused_before_anything_runs(deepart, instance):
    before = instance.get_runs_count()
    for command in ("restore", "show"):
        code, _, error = deepart(command, "p11")
        assert code == 2 and "did you mean 'p1'" in error
    assert instance.get_runs_count() == before


@pytest.fixture
def known(unrestored, instance):
    """Return a function that says whether `restore` takes ids and a style before anything runs."""
    settings = load_settings(str(unrestored.write_profile()))

    def ask(*ids, style=""):
        with contextlib.suppress(UnknownPaintingError):
            check_known(instance, settings, unrestored.store, ids, style)
            return True
        return False

    return ask


def test_a_new_painting_of_the_inbox_may_be_asked_for_by_its_folder(unrestored, known):
    assert not known("obj1_default") and not known(style="Cubism")
    for name in ("obj1/default.jpg", "obj2/default.jpg"):
        unrestored.lake.write(f"inbox/{name}", name.encode())
    assert known("obj1_default", "obj2_default", "p0") and known("default")
    assert known(style="Cubism")
    assert not known("obj3_default") and not known("")


def test_what_is_no_picture_of_the_inbox_hides_no_misspelt_style(unrestored, known):
    unrestored.lake.write("inbox/paintings.csv", b"file,style\np0.png,Cubism\n")
    unrestored.lake.write("inbox/obj/p0.png", b"a picture that is on the list")
    assert not known("paintings") and not known(style="Cubism")


def lines_of(output):
    assert max(map(len, output.splitlines())) <= 80
    return {line.split()[0]: line for line in output.splitlines() if line.strip()}


def test_the_help_is_one_screen(deepart):
    code, output, _ = deepart("--help")
    assert code == 0
    commands = {"demo", "restore", "status", "paintings", "show", "list", "desk", "tally"}
    assert lines_of(output).keys() >= commands
    assert len(output.splitlines()) < 24 and "..." not in output.split("[ARGS]...")[1]


def test_the_paintings_and_their_states_are_listed(deepart, unrestored):
    code, output, _ = deepart("paintings")
    assert code == 0
    rows = lines_of(output)
    assert all(rows[f"p{n}"].rstrip().endswith("new") for n in range(5))


def test_the_status_names_what_is_not_up_to_date_and_why(deepart_done, done):
    code, output, _ = deepart_done("status")
    assert code == 0
    assert "5 paintings: 5 up to date" in output and "Nothing is running" in output
    done.lake.remove("restoration_sheets/p3.jpg")
    record = done.store.get("telea_outpaintings", "p1")
    done.store.put(replace(record, status="failed", reason="no canvas"))
    code, output, _ = deepart_done("status")
    rows = lines_of(output)
    assert "3 up to date, 1 stale, 1 failed" in output
    assert "stale" in rows["p3"] and "restoration_sh" in rows["p3"]
    assert "failed" in rows["p1"] and "p2" not in rows


def test_a_painting_is_shown_stage_by_stage_with_files_and_remedy(deepart_done, done):
    mask = done.store.get("subject_masks", "p2")
    done.store.put(replace(mask, doubt="the mask may be wrong: draw one"))
    code, output, _ = deepart_done("show", "p2")
    assert code == 0
    rows = lines_of(output[: output.index("Files in")])
    assert "up to date" in rows["telea_upscaled"]
    assert mask.made_at[:10] in rows["subject_masks"]
    assert re.search(r"why +the mask may be wrong\nwhat to do +draw one", output)
    assert "  telea_upscaled/p2.png" in output.splitlines()
    assert "  wikiart_paintings/p2.png" in output.splitlines()


def test_paintings_between_those_asked_for_are_left_alone(deepart_done, done, instance):
    for key in ("p0", "p1", "p2"):
        done.lake.remove(f"restoration_sheets/{key}.jpg")
    code, output, _ = deepart_done("restore", "p0", "p2")
    assert code == 0, output
    found = [done.lake.exists(f"restoration_sheets/p{n}.jpg") for n in range(3)]
    assert found == [True, False, True]
    [run] = instance.get_runs(
        dg.RunsFilter(job_name="restore", tags={"deepart/reason": "deepart restore"})
    )
    assert json.loads(run.tags["deepart/only"]) == ["p0", "p2"], "one run for both"


def test_an_earlier_plan_is_not_taken_for_that_of_a_run_without_one(
    deepart_done, done, instance, monkeypatch
):
    def broken(*_):
        raise OSError("the disk is full")

    figures = {"outputs": 12, "paintings": 3, "checked": 5, "seconds": 0.1, "reasons": "lost"}
    instance.report_runless_asset_event(
        dg.AssetMaterialization("restoration_plan", metadata=figures)
    )
    monkeypatch.setattr("deepart_assets.assets.styles.set_aside", broken)
    # Named, as Dagster remembers the jobs of an earlier test's profile by their arguments.
    place = {"profile": str(done.write_profile()), "root": str(done.root)}
    monkeypatch.setattr("deepart_assets.runs.bring_up_to_date", partial(bring_up_to_date, **place))
    code, output, _ = deepart_done("restore")
    assert code == 1
    assert "were stale" not in output
    assert "No plan was made, so nothing was restored" in output
    assert "the reasons are listed above and in the UI" in " ".join(output.split())


@pytest.mark.slow
def test_a_model_that_cannot_be_had_is_said_and_looking_fetches_none(
    deepart_on, done, instance, tmp_path, monkeypatch
):
    outpainters = done.content["outpainters"]
    outpainters["telea"] = {"kind": "stable_diffusion", "model": "owner/model"}
    outpainters["new"] = {"kind": "stable_diffusion", "model": "owner/model"}
    deepart = deepart_on(done, instance)
    place = {"profile": str(done.write_profile()), "root": str(done.root)}
    monkeypatch.setattr("deepart_assets.runs.bring_up_to_date", partial(bring_up_to_date, **place))
    with serve_hub(tmp_path / "cache", monkeypatch) as hub:
        hub.files["model_index.json"] = b"{}"
        for command in (["status"], ["paintings"], ["show", "p1"]):
            code, output, _ = deepart(*command)
            assert code == 0 and not hub.fetched
        state, reason = re.search(r"telea_outpaintings +(.+)\n +(.+)", output).groups()
        assert state.startswith("not checked")
        assert "the model owner/model is not on" in reason
        code, output, _ = deepart("restore")
    assert code == 1
    assert re.search(r"telea_outpaintings cannot be computed now: .*owner/model", output)


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
    code, _, error = deepart("tally", str(scores), "--key", str(tmp_path / "none.csv"))
    assert code == 1
    assert "none.csv" in error and "--key" in error


def test_a_long_id_leaves_room_for_the_title(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    long, labels = "a" * 60, {"title": "The Calm Sea", "artist": "", "style": ""}
    overview = SimpleNamespace(
        paintings={long: SimpleNamespace(labels=labels)},
        states={long: SimpleNamespace(state="up to date")},
    )
    cli_tables.print_paintings(cli_tables.open_console(), overview)
    assert "The Calm Sea" in lines_of(capsys.readouterr().out)["a" * 19 + "…"]


def test_brackets_are_printed_as_they_are(capsys, monkeypatch):
    labels = {"title": "", "artist": "", "style": "Cubism [?] [/x]"}
    painting = SimpleNamespace(caption="[b]", path="inbox/[a].png", labels=labels)
    overview = SimpleNamespace(
        paintings={"p": painting},
        states={"p": SimpleNamespace(state="new")},
        remedy=lambda key: None,
        stages=lambda key: (),
    )
    lake = SimpleNamespace(url="/lakes/[old]", full_path=lambda path: f"/lakes/[old]/{path}")
    gallery = SimpleNamespace(path="gallery/index.html")
    store = SimpleNamespace(lake=lake, done=lambda asset: gallery)
    monkeypatch.setattr(
        "deepart_assets.assets.model_fetches.model_fetches", lambda _: ["sam: to /models/[x]"]
    )
    console = cli_tables.open_console()
    cli_tables.print_painting(console, overview, "p", store)
    cli_tables.print_fetches(console, None)
    cli_tables.print_tally(console, [{"name": "[telea]"}])
    cli_tables.print_end(console, store, 1, True)
    output = capsys.readouterr().out
    for text in ("Cubism [?] [/x]; new", "[b]", "/[a].png", "in /lakes/[old]\n", "/models/[x]"):
        assert text in output
    assert "│ [telea] │" in output and "Gallery: /lakes/[old]/gallery" in output


def test_a_run_is_told_in_a_line():
    noon = time.mktime((2026, 11, 29, 12, 0, 0, 0, 0, -1))
    asked = RunningRun("restore", "started", noon, "the inbox changed", "1")
    assert str(asked) == "restore has been running since 12:00 (the inbox changed)"
    backfill = RunningRun("__ASSET_JOB", "queued", noon, "", "2")
    assert str(backfill) == "a materialization in Dagster has been queued since 12:00"


def test_runs_that_have_not_ended_are_told_with_their_start(instance):
    job = dg.GraphDefinition("restore").to_job()
    origin = repository_origin().get_job_origin(job.name)
    made = {
        status: instance.create_run_for_job(job, status=status, remote_job_origin=origin)
        for status in (*UNFINISHED, dg.DagsterRunStatus.SUCCESS)
    }
    start = dg.DagsterEvent("PIPELINE_START", "restore")
    started = made[dg.DagsterRunStatus.STARTED].run_id
    instance.report_dagster_event(start, started, timestamp=1e9)
    told = {run.status: run for run in running(instance)}
    assert told.keys() == {"not_started", "queued", "starting", "started", "canceling"}
    assert told["started"].since == 1e9
    assert "has been queued since" in str(told["not_started"])
