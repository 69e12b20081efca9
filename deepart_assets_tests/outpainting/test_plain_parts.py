"""What of a subject PatchMatch copies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from deepart_assets.outpainting import Request, build_outpainter
from deepart_assets.outpainting.plain_parts import plain_parts
from deepart_assets.settings.outpainting import PatchMatch

CLOTH, FACE = (30, 60, 140), (220, 180, 150)


def sitter():
    """A blue dress under a face of speckles, on a ground that is not known."""
    random = np.random.default_rng(0)
    picture, known = np.zeros((200, 160, 3), np.uint8), np.zeros((200, 160), bool)
    known[40:200, 40:120] = True
    picture[40:110, 40:120] = FACE + random.integers(-35, 35, (70, 80, 3))
    picture[110:200, 40:120] = CLOTH + random.integers(-4, 4, (90, 80, 3))
    return picture, known


def test_plain_is_the_dress_and_not_the_face():
    picture, known = sitter()
    plain = plain_parts(picture, known)
    assert plain[130:190].any() and not plain[:105].any()
    assert not (plain & ~known).any()


@pytest.mark.parametrize(("sources", "faces"), [("plain", False), ("subject", True)])
def test_faces_are_copied_only_where_the_whole_subject_is(sources, faces):
    picture, known = sitter()
    outpainter = build_outpainter(PatchMatch(kind="patchmatch", sources=sources))
    surround = outpainter([Request(picture, known, seed=3)])[0][~known].astype(int)
    to_face, to_cloth = (np.abs(surround - colour).sum(axis=1) for colour in (FACE, CLOTH))
    assert bool((to_face < to_cloth).mean() > 0.02) == faces


@settings(max_examples=40, deadline=None)
@given(
    known=hnp.arrays(bool, st.tuples(st.integers(1, 60), st.integers(1, 60))),
    seed=st.integers(0, 9),
)
def test_any_subject_has_parts_and_all_of_them_are_its_own(known, seed):
    picture = np.random.default_rng(seed).integers(0, 256, (*known.shape, 3)).astype(np.uint8)
    plain = plain_parts(picture, known)
    assert plain.shape == known.shape and plain.dtype == bool
    assert not (plain & ~known).any()
    assert plain.any() == known.any()
