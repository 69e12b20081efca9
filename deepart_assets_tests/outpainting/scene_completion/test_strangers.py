"""A face beside the subject is seen, unless it is hidden, filled, cut off or tiny."""

from types import SimpleNamespace

import numpy as np
import pytest

from deepart_assets.outpainting.scene_completion.placement import Placement
from deepart_assets.outpainting.scene_completion.strangers import is_bust, shows_stranger
from deepart_assets_tests.outpainting.scene_completion.drawn import ground, oval

PICTURE = np.full((256, 200, 3), 90, np.uint8)
FACE = SimpleNamespace(x=40.0, y=60.0, side=30.0)
"""Of a stranger in the upper left corner."""
MASK = oval()


def is_strange(*faces, mask=MASK, hole=None, **changes):
    given = {"terms": {}, "visible": 0.0, "scale": 1.0, "offset": (0, 0), "flip": False}
    placed = Placement(**(given | changes))
    return shows_stranger(faces, PICTURE, ground("g", mask=hole), placed, mask)


def test_a_face_beside_the_subject_is_seen_and_no_face_is_not():
    assert is_strange(FACE)
    assert not is_strange()


@pytest.mark.parametrize("flip", [False, True])
def test_a_face_behind_the_subject_is_not_seen(flip):
    before = oval(centre=(60 / 256, 0.8 if flip else 0.2), radii=(0.15, 0.19))
    assert not is_strange(FACE, mask=before, flip=flip)
    assert is_strange(FACE, mask=before, flip=not flip)


def test_a_face_that_half_looks_out_is_seen():
    half = np.zeros((256, 200), bool)
    half[:, :40] = True
    assert is_strange(FACE, mask=half)


def test_a_face_that_is_filled_cut_off_or_tiny_is_not_seen():
    assert not is_strange(FACE, hole=oval(centre=(60 / 256, 0.2), radii=(0.15, 0.19)))
    assert not is_strange(FACE, mask=oval(128, 100), offset=(128, 90))
    assert not is_strange(SimpleNamespace(x=40.0, y=60.0, side=5.0))


def test_a_face_grows_with_its_ground():
    small = SimpleNamespace(x=15.0, y=20.0, side=6.0)
    assert not is_strange(small)
    assert is_strange(small, scale=2.0)


def test_a_large_face_is_that_of_a_bust():
    small, large, low, doubtful = (
        SimpleNamespace(x=100.0, y=y, side=side, score=score)
        for y, side, score in ((120, 12, 0.9), (120, 40, 0.8), (200, 40, 0.8), (120, 40, 0.5))
    )
    assert is_bust([large, small], MASK)
    for faces in ([small, large], [low], [doubtful], []):
        assert not is_bust(faces, MASK)
    assert not is_bust([large], np.zeros_like(MASK))
