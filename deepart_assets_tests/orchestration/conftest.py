"""A restored project of twelve paintings, made once for all test files that use it."""

import pytest

from deepart_assets_tests.conftest import instance_in, made_once
from deepart_assets_tests.orchestration.matrix_project import (
    Counted,
    build_matrix,
    copy_of,
    restore_all,
)


@pytest.fixture(scope="session")
def matrix_folder(tmp_path_factory):
    def make(folder):
        made = build_matrix(folder)
        with instance_in(folder / "dagster") as instance:
            assert restore_all(made, instance)

    return made_once(tmp_path_factory, "matrix", make)


@pytest.fixture
def restored_matrix(matrix_folder, tmp_path):
    """A project of twelve paintings in which everything is fresh, with its event log.

    Request it before `instance`, which reads that event log.
    """
    return copy_of(matrix_folder, tmp_path)


@pytest.fixture
def computed(restored_matrix, instance):
    return Counted(restored_matrix, instance)
