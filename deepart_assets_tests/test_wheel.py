"""The package as `pip install .` installs it: a wheel, far from any checkout."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from deepart_assets.settings.places import PROJECT

LOCATED = """
import deepart_assets
from deepart_assets.definitions import defs
from deepart_assets.outpainting.comodgan.sources import FINDER as generators
from deepart_assets.segmentation.bundled import NETWORK
from deepart_assets.settings import load_settings
from deepart_assets.settings.places import dagster_home, data_root
from deepart_assets.super_resolution.weights.sources import FINDER as networks

for profile in (
    "sample", "gpu", "ray", "kubernetes", "pretrained", "pretrained_16gb", "pretrained_cpu"
):
    load_settings(profile)
assert defs.resolve_job_def("restore")
found = [*networks.folder.glob("*.safetensors"), *generators.folder.glob("*.safetensors"), NETWORK]
print(deepart_assets.__file__, deepart_assets.__version__, data_root(), dagster_home(), sep="\\n")
print(*sorted(file.stem for file in found if file.is_file()))
"""

CATALOGUE = """
import os
from deepart_assets.runs import open_instance, run_job
with open_instance() as instance:
    with run_job(instance, "catalogue") as result:
        assert result.success
    print(os.environ["DAGSTER_HOME"])
    print(*instance.get_dynamic_partitions("paintings"))
"""


class Installed:
    """A virtual environment with the wheel, which shares the dependencies of this one."""

    def __init__(self, folder: Path) -> None:
        wheels = folder / "wheels"
        build = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels]
        self._pip(*build, PROJECT)
        (self.wheel,) = wheels.glob("*.whl")
        environment = folder / "venv"
        venv.create(environment, symlinks=True)
        self.python = environment / "bin" / "python"
        self._pip("--python", self.python, "install", "--quiet", "--no-deps", self.wheel)
        (site,) = environment.glob("lib/python*/site-packages")
        # A line of a .pth file adds a folder to the path without reading the .pth files in it:
        # the editable install of the checkout stays out.
        (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
        self.folder = folder / "somewhere"
        self.folder.mkdir()

    @staticmethod
    def _pip(*arguments) -> None:
        subprocess.run([sys.executable, "-m", "pip", *map(str, arguments)], check=True)

    def run(self, *arguments) -> str:
        """Run Python in an empty folder and return what it prints."""
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in ("PYTHONPATH", "DAGSTER_HOME", "VIRTUAL_ENV")
            and not name.startswith("DEEPART_")
        }
        done = subprocess.run(
            [self.python, *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return Installed(tmp_path_factory.mktemp("wheel"))


@pytest.mark.slow
def test_a_wheel_holds_every_shipped_file_and_no_test(installed):
    inside = set(zipfile.ZipFile(installed.wheel).namelist())
    for folder in ("configs", "data/grounds", "data/models", "data/sample"):
        for file in (PROJECT / folder).rglob("*"):
            if file.is_file():
                assert f"deepart_assets/_shipped/{file.relative_to(PROJECT)}" in inside
    assert "deepart_assets/py.typed" in inside
    assert not [name for name in inside if "deepart_assets_tests" in name or "data/lake" in name]


@pytest.mark.slow
def test_an_installed_package_finds_its_files_and_works_in_the_current_folder(installed):
    package, version, lake, home, models = installed.run("-c", LOCATED).splitlines()[-5:]
    assert Path(package).is_relative_to(installed.python.parents[1])
    assert installed.wheel.name.split("-")[1] == version
    assert lake == str(installed.folder / "data" / "lake")
    assert home == str(installed.folder / ".dagster_home")
    assert models.split() == ["art_psnr_32_6", "paintings_small", "subject"]


@pytest.mark.slow
def test_the_sample_is_listed_from_the_wheel_into_the_current_folder(installed):
    home, paintings = installed.run("-c", CATALOGUE).splitlines()[-2:]
    assert home == str(installed.folder / ".dagster_home")
    assert len(paintings.split()) == len(list((PROJECT / "data" / "sample").rglob("*.jpg")))
    assert list((installed.folder / "data" / "lake").iterdir())
    shipped = (PROJECT / ".dagster_home" / "dagster.yaml").read_text()
    assert (installed.folder / ".dagster_home" / "dagster.yaml").read_text() == shipped


@pytest.mark.slow
def test_the_command_is_installed(installed):
    command = installed.python.parent / "deepart"
    assert "demo" in installed.run(command, "--help")
