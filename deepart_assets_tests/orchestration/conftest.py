"""Twelve paintings that are up to date, made once for all files that count on them."""

import dagster as dg
import pytest

from deepart_assets_tests.conftest import QUIET
from deepart_assets_tests.orchestration.matrix_project import Counted, copy_of, twelve, up_to_date


@pytest.fixture(scope="session")
def twelve_ready(tmp_path_factory):
    folder = tmp_path_factory.mktemp("twelve")
    made = twelve(folder)
    (folder / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(folder / "dagster"), overrides=QUIET) as instance:
        assert up_to_date(made, instance)
    return folder


@pytest.fixture
def twelve_done(twelve_ready, tmp_path):
    """A project of twelve paintings in which everything is up to date, with its history.

    Ask for it before `instance`, which reads that history.
    """
    return copy_of(twelve_ready, tmp_path)


@pytest.fixture
def computed(twelve_done, instance):
    return Counted(twelve_done, instance)
