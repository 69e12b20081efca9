"""Which Python `make` builds the environment with, and what it says where there is none."""

import os
import shutil
import subprocess
import sys

import pytest

from deepart_assets.settings.places import PROJECT

SCRIPT = PROJECT / ".ci" / "find_python.sh"


@pytest.fixture
def tools(tmp_path):
    """A PATH with the tools of the script and of make, and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("sh", "bash", "make", "mktemp", "rm", "test", "touch", "grep"):
        if (found := shutil.which(tool)) is not None:
            (folder / tool).symlink_to(found)
    return folder


def run(path, *command):
    # Nothing listens on port 9: pip and uv have no network.
    no_network = {"PIP_INDEX_URL": "http://127.0.0.1:9", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}
    environment = {"PATH": str(path), "HOME": str(path), "ALL_PROXY": "http://127.0.0.1:9"}
    return subprocess.run(
        command,
        env={**environment, **no_network},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )


def python_of_version(folder, name, version):
    """Put a Python on the PATH that says it is of another version: no machine has every one."""
    major, minor = version
    file = folder / name
    file.write_text(
        "#!/bin/sh\n"
        f'[ "$1" = --version ] && echo "Python {major}.{minor}.0" && exit\n'
        f'[ "$1" = -m ] && exit 1\n'
        "shift; code=$1; shift\n"
        f'exec {sys.executable} -c "import sys; sys.version_info = ({major}, {minor}, 0); $code"\n'
    )
    file.chmod(0o755)
    return file


def test_a_fitting_python_is_found_past_one_that_does_not_fit(tools):
    python_of_version(tools, "python3.11", (3, 14))  # as a shim that stands for another
    fitting = python_of_version(tools, "python3", (3, 12))
    done = run(tools, str(SCRIPT))
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, str(fitting), "")


@pytest.mark.parametrize("version", [(3, 10), (3, 13), (3, 14)])
def test_a_given_python_that_does_not_fit_is_refused(tools, version):
    given = python_of_version(tools, "other", version)
    done = run(tools, str(SCRIPT), str(given))
    assert done.returncode == 1
    assert f"PYTHON={given} is not a Python 3.11 or 3.12" in done.stderr


def test_make_says_in_one_line_what_to_do_where_no_python_can_be_had(tools, tmp_path):
    python_of_version(tools, "python3", (3, 14))
    done = run(tools, "make", "demo", f"VENV={os.path.relpath(tmp_path / 'venv', PROJECT)}")
    assert done.returncode != 0
    said = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert said == [
        "No Python 3.11 or 3.12 on the PATH: fetching 3.11 with uv.",
        "Deep Art needs Python 3.11 or 3.12. This machine has Python 3.14.0, and uv could not fetch"
        " another. Install python3.11 and its venv module with the system's packages, or run `make"
        " demo PYTHON=/path/to/python3.11`.",
    ]
    assert not (tmp_path / "venv").exists()


def test_uv_fetches_a_python_where_there_is_none(tools):
    python_of_version(tools, "python3", (3, 14))
    (tools / "uv").write_text(
        f'#!/bin/sh\n[ "$2" = find ] && echo {sys.executable}\nexit 0\n'  # what uv answers
    )
    (tools / "uv").chmod(0o755)
    done = run(tools, str(SCRIPT))
    assert (done.returncode, done.stdout.strip()) == (0, sys.executable)
    assert done.stderr.strip() == "No Python 3.11 or 3.12 on the PATH: fetching 3.11 with uv."
