"""Groups of near-duplicates against a plain search, and on real pictures."""

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from deepart_assets.imaging import hash_to_hex, perceptual_hash
from deepart_assets.settings.places import PROJECT
from deepart_assets.settings.super_resolution import RuledSR
from deepart_assets.wikiart.sr import duplicates
from deepart_assets.wikiart.sr.duplicates import near_duplicates
from deepart_assets_tests.wikiart.scans import jpeg

# Few ones in each hash, so that many are near one another.
hashes = st.lists(
    st.one_of(
        st.none(), st.sets(st.integers(0, 15), max_size=5).map(lambda s: sum(1 << b for b in s))
    ),
    max_size=25,
)


def plainly(values: list[int | None], limit: int) -> list[int]:
    """Join groups until nothing changes."""
    group = list(range(len(values)))
    changed = True
    while changed:
        changed = False
        for i, a in enumerate(values):
            for j, b in enumerate(values):
                linked = a is not None and b is not None and (a ^ b).bit_count() <= limit
                if linked and group[i] != group[j]:
                    group = [group[i] if g == group[j] else g for g in group]
                    changed = True
    return group


@settings(deadline=None)
@given(hashes, st.integers(0, 5))
def test_groups_are_those_of_a_plain_search(values, limit):
    texts = ["" if value is None else hash_to_hex(value) for value in values]
    found = near_duplicates(texts, limit)
    expected = plainly(values, limit)
    assert len({*zip(found, expected, strict=True)}) == len({*found}) == len({*expected})


def test_many_are_compared_in_pieces(monkeypatch):
    random = np.random.default_rng(0)
    values = random.integers(0, 2**63, 500, dtype=np.uint64)
    values[400:] = values[:100] ^ np.uint64(1 << 40)
    texts = [hash_to_hex(int(value)) for value in values]
    expected = near_duplicates(texts, 3)
    assert len(set(expected)) == 400 and (expected[400:] == expected[:100]).all()
    monkeypatch.setattr(duplicates, "_CHUNK", 997)
    assert (near_duplicates(texts, 3) == expected).all()


def test_the_same_painting_saved_and_scaled_again_is_one():
    files = sorted((PROJECT / "data" / "sample" / "paintings").glob("*.jpg"))
    copies = []
    for file in files:
        painting = np.asarray(Image.open(file).convert("RGB"))
        small = cv2.resize(painting, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
        darker = np.clip(painting * 0.9 + 12, 0, 255).astype(np.uint8)
        copies += [painting, jpeg(small, 50), darker]
    texts = [hash_to_hex(perceptual_hash(copy)) for copy in copies]
    groups = near_duplicates(texts, RuledSR().near_duplicate).reshape(-1, 3)
    assert len(set(groups[:, 0])) == len(files)
    assert (groups == groups[:, :1]).all()
