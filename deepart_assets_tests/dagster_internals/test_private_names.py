"""A private name that another version of Dagster lacks is reported with the remedy."""

import subprocess
import sys
import tomllib

import pytest

from deepart_assets.dagster_internals import WRITTEN_FOR
from deepart_assets.settings.places import PROJECT

REMOVE = """
import importlib
module = importlib.import_module({module!r})
del module.{name}
import {importer}
"""


@pytest.mark.parametrize(
    ("module", "name", "importer"),
    [
        (
            "dagster._core.execution.plan.objects",
            "StepRetryData",
            "deepart_assets.dagster_internals.step_retries",
        ),
        (
            "dagster._core.definitions.data_version",
            "DATA_VERSION_TAG",
            "deepart_assets.definitions",
        ),
        (
            "dagster_k8s.executor",
            "K8sStepHandler",
            "deepart_assets.dagster_internals.kubernetes_executor",
        ),
    ],
)
def test_a_missing_private_name_fails_the_import_with_one_sentence(module, name, importer):
    distribution = module.split(".")[0].replace("_", "-")
    if distribution != "dagster":
        pytest.importorskip(module.split(".")[0])
    script = REMOVE.format(module=module, name=name, importer=importer)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=PROJECT, check=False
    )
    pinned = WRITTEN_FOR[distribution]
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"ImportError: deepart_assets needs the private name {module}.{name} of {distribution}"
        f" {pinned}, for which it was written, and the installed {pinned} does not have it: run"
        f" `pip install {distribution}=={pinned}`"
    )


def test_the_pinned_versions_are_those_it_was_written_for():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    pins = dict(
        requirement.split("[")[0].split("==")[0:1] + requirement.split("==")[1:]
        for requirement in [*project["dependencies"], *(each for extra in extras for each in extra)]
        if "==" in requirement and requirement.split("[")[0].split("==")[0] in WRITTEN_FOR
    )
    assert pins == dict(WRITTEN_FOR)
