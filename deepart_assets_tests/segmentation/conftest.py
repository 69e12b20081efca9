"""What several tests of segmentation look at."""

import pytest

from deepart_assets.imaging import decode_rgb
from deepart_assets.settings.places import PROJECT


@pytest.fixture(scope="package")
def portrait():
    file = PROJECT / "data" / "sample" / "paintings" / "643540.jpg"
    return decode_rgb(file.read_bytes(), file.name)
