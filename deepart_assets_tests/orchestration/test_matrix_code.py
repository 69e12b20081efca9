"""What is computed again when the code changes: an edited copy of the package makes what is stale.

Code versions are written by hand, so a change counts when its author says so, and no other.
"""

import os
import shutil
import subprocess
import sys

import pytest

from deepart_assets.settings.places import PROJECT
from deepart_assets_tests.orchestration.matrix_project import (
    COLUMNS,
    SHEETS,
    outputs,
)

pytestmark = pytest.mark.slow

RESTORE = "import sys; from deepart_assets.cli import main; sys.argv[1:] = ['restore']; main()"


class Edited:
    """A copy of the package, to be edited."""

    def __init__(self, project, folder):
        self.project, self.folder = project, folder
        shutil.copytree(PROJECT / "deepart_assets", folder / "deepart_assets")
        (folder / "data").symlink_to(PROJECT / "data")
        (folder / "configs").symlink_to(PROJECT / "configs")

    def replace(self, module, old, new):
        file = self.folder / "deepart_assets" / module
        text = file.read_text()
        assert text.count(old) == 1
        file.write_text(text.replace(old, new))

    def restore(self):
        """Run `deepart restore` with it."""
        home = self.project.folder / "dagster"
        shutil.copy(PROJECT / ".dagster_home" / "dagster.yaml", home)
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.folder),
            "DAGSTER_HOME": str(home),
            "DEEPART_DATA": str(self.project.root),
            "DEEPART_PROFILE": str(self.project.write_profile()),
        }
        done = subprocess.run(
            [sys.executable, "-c", RESTORE],
            check=False,
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-3000:]


@pytest.fixture
def edited(restored_matrix, tmp_path):
    return Edited(restored_matrix, tmp_path / "copy")


def test_a_comment_in_every_module(edited, computed):
    for file in (edited.folder / "deepart_assets").rglob("*.py"):
        file.write_text(file.read_text() + "\n# Nothing else is new here.\n")
    edited.restore()
    assert computed.since() == set()


def test_the_code_of_one_stage(edited, computed):
    """Softer rims of what is known: that stage, and what follows from its other bytes."""
    edited.replace(
        "assets/subjects.py",
        "known = resize((mask > 0).astype(np.float32), *size) >= 0.5",
        "known = resize((mask > 0).astype(np.float32), *size) >= 0.2",
    )
    edited.restore()
    assert computed.since() == set(), "its author has not said that results change"
    edited.replace(
        "assets/subjects.py",
        'code_version="2",  # 2: tells the tone below',
        'code_version="next",  # tells the tone below',
    )
    edited.restore()
    columns = [asset for column in COLUMNS.values() for asset in column]
    assert computed.since() == outputs(["unfinished_paintings", *columns, *SHEETS])


def test_a_code_version_without_another_result(edited, computed):
    edited.replace("assets/upscaled.py", 'code_version="8"', 'code_version="next"')
    edited.restore()
    assert computed.since() == outputs(f"{name}_upscaled" for name in COLUMNS)
