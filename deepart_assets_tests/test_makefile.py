"""What `make` does beyond starting other programs."""

import subprocess

from deepart_assets.settings.places import PROJECT


def make(folder, *arguments):
    command = ["make", "--file", PROJECT / "Makefile", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def test_clean_leaves_what_people_put_into_the_lake(tmp_path):
    own = ["inbox/a/1.jpg", "masks/1.png", "choices/1.json", "requests/telea/1.json"]
    made = ["subject_masks/1.png", "records/subject_masks/1.json", "loose.json"]
    home = tmp_path / ".dagster_home"
    files = [tmp_path / "data/lake" / path for path in (*own, *made)]
    for file in (*files, home / "dagster.yaml", home / "history/runs.db"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"1")
    make(tmp_path, "clean")
    assert [file for file in files if file.exists()] == files[: len(own)]
    assert {path.name for path in (tmp_path / "data/lake").iterdir()} == {
        path.split("/")[0] for path in own
    }
    assert [path.name for path in home.iterdir()] == ["dagster.yaml"]


def test_clean_has_nothing_to_do_in_a_new_checkout(tmp_path):
    (tmp_path / ".dagster_home").mkdir()
    make(tmp_path, "clean")
    assert "inbox, masks, choices, requests" in make(tmp_path, "help")


def test_extras_are_installed_once_and_beside_those_that_are_there(tmp_path):
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "constraints.txt").touch()
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/.installed").write_text("dev sample\n")
    for extras in ([], ["EXTRAS=sample,dev"]):  # a default would undo a choice of fewer
        assert "Nothing to be done" in make(tmp_path, "--dry-run", "install", *extras)
    done = make(tmp_path, "--dry-run", "install", "EXTRAS=sample,salient")
    assert ".ci/install.py dev,salient,sample" in done
    assert "echo dev salient sample > .venv/.installed" in done
