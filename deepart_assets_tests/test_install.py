"""`make install`: uv, with the pins and with pip's settings of the machine, or else pip."""

import os
import runpy
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from deepart_assets.settings.places import PROJECT

HERE = Path(sys.executable).parent
SCRIPT = PROJECT / ".ci" / "install.py"
BACKEND = """
import zipfile
def build_editable(folder, *settings):
    name = "some_project-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        info = "some_project-1.dist-info"
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/METADATA",
            "Metadata-Version: 2.1\\nName: some-project\\nVersion: 1\\n"
            "Provides-Extra: more\\nRequires-Dist: oil; extra == 'more'\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return name
"""
PROJECT_FILE = """
[project]
name = "some-project"
version = "1"
[project.optional-dependencies]
more = ["oil"]
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def wheel_of_oil(folder, version):
    name = f"oil-{version}"
    with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        metadata = f"Metadata-Version: 2.1\nName: oil\nVersion: {version}\n"
        wheel.writestr(f"{name}.dist-info/METADATA", metadata)
        wheel.writestr(f"{name}.dist-info/RECORD", "")


@pytest.fixture
def project(tmp_path):
    """A project with an extra and a pin, whose packages are where pip's configuration says."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(SCRIPT, tmp_path / ".ci")
    (tmp_path / "backend.py").write_text(BACKEND)
    (tmp_path / "pyproject.toml").write_text(PROJECT_FILE)
    (tmp_path / "constraints.txt").write_text("oil==1.0\n")
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for version in ("1.0", "2.0"):
        wheel_of_oil(wheels, version)
    (tmp_path / "pip.conf").write_text(f"[global]\nno-index = true\nfind-links = {wheels}\n")
    venv.create(tmp_path / "venv", symlinks=True)
    (site,) = tmp_path.glob("venv/lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))  # this one's pip
    return tmp_path


def install(project, **environment):
    """Run the script, then return what it said and the versions of oil that are installed."""
    python = project / "venv" / "bin" / "python"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP", "UV"))}
    environment = {**kept, "PIP_CONFIG_FILE": str(project / "pip.conf"), **environment}
    done = subprocess.run(
        [python, project / ".ci" / "install.py", "more"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done, [path.name for path in project.glob("venv/lib/*/site-packages/oil-*")]


@pytest.mark.skipif(shutil.which("uv", path=HERE) is None, reason="no uv")
def test_uv_installs_what_is_pinned_from_where_pip_looks(project):
    path = f"{HERE}{os.pathsep}{os.environ['PATH']}"
    done, installed = install(project, PATH=path, UV_CACHE_DIR=str(project / "cache"))
    assert done.returncode == 0, done.stderr
    assert installed == ["oil-1.0.dist-info"]
    assert "oil==1.0" in done.stderr  # uv lists what it has installed there, pip nothing
    assert not list(project.glob("venv/bin/uv"))


@pytest.mark.slow
def test_where_uv_cannot_pip_does(project):
    (project / "uv").write_text("#!/bin/sh\necho no such certificate >&2\nexit 2\n")
    (project / "uv").chmod(0o755)
    done, installed = install(project, PATH=f"{project}{os.pathsep}{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    assert installed == ["oil-1.0.dist-info"]
    assert (
        "no such certificate\nuv could not install it, as it says above: pip tries." in done.stderr
    )


@pytest.mark.slow
def test_where_neither_can_the_status_says_so(project):
    (project / "constraints.txt").write_text("oil==3.0\n")
    done, installed = install(project, PATH="/nowhere")  # nor can uv be had
    assert done.returncode != 0
    assert installed == []


def test_settings_of_pip_are_those_of_uv(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith(("PIP", "UV", "SSL"))]:
        monkeypatch.delenv(name)
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://mirror/simple\nextra-index-url = https://one\n  https://two\n"
        "find-links = /wheels\n  /more\n[install]\nfind-links = /a /b\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_INDEX_URL", "https://nearer/simple")
    monkeypatch.setenv("UV_INDEX", "https://own")
    found = runpy.run_path(str(SCRIPT))["environment_of_uv"]()
    assert found["UV_DEFAULT_INDEX"] == "https://nearer/simple"
    assert found["UV_FIND_LINKS"] == "/a,/b"
    assert found["UV_INDEX"] == "https://own"
    assert found["UV_CONSTRAINT"] == str(PROJECT / "constraints.txt")


def test_the_commands_keep_what_python_compiles():
    show = "show: ; @echo kept=$${PYTHONDONTWRITEBYTECODE-yes}"
    command = ["make", "--silent", f"--eval={show}", "show"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    made = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True
    )
    assert made.stdout == "kept=yes\n"
