"""What is told of an error."""

import errno
import os

import pytest

from deepart_assets.errors import first_line


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "a.png"), os.strerror(2)),
        (OSError("a.png in the archive is damaged."), "a.png in the archive is damaged"),
        (ValueError("first\nsecond"), "first"),
        (ValueError(), "ValueError"),
    ],
)
def test_the_first_line_names_the_fault_alone(error, told):
    assert first_line(error) == told
