"""A restored project of twelve paintings, made once for all test files that use it."""

import dagster as dg
import pytest

from deepart_assets_tests.conftest import QUIET
from deepart_assets_tests.orchestration.matrix_project import (
    Counted,
    build_matrix,
    copy_of,
    restore_all,
)


@pytest.fixture(scope="session")
def matrix_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("matrix")
    made = build_matrix(folder)
    (folder / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(folder / "dagster"), overrides=QUIET) as instance:
        assert restore_all(made, instance)
    return folder


@pytest.fixture
def restored_matrix(matrix_folder, tmp_path):
    """A project of twelve paintings in which everything is fresh, with its event log.

    Request it before `instance`, which reads that event log.
    """
    return copy_of(matrix_folder, tmp_path)


@pytest.fixture
def computed(restored_matrix, instance):
    return Counted(restored_matrix, instance)
