"""What has not changed is neither read nor decoded again; the result is that of a full build."""

import hashlib
import io
import uuid

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from deepart_assets.storage import Lake
from deepart_assets.storage.stamped_cache import StampedCache
from deepart_assets.wikiart.catalogue import (
    build_catalogue,
    to_parquet,
    unread,
)
from deepart_assets.wikiart.examine import INSPECTION_VERSION


def _bytes(image: Image.Image, form: str, **more) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **more)
    return buffer.getvalue()


def _noise(height=20, width=30) -> Image.Image:
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def test_a_lack_of_memory_is_the_pictures_own_and_is_tried_again(shelf, picture, monkeypatch):
    from deepart_assets.wikiart import examine

    class Greedy(examine.PictureFile):
        def reduced(self, side):
            raise MemoryError

    files = shelf({"a.png": picture()})
    with monkeypatch.context() as patch:
        patch.setattr(examine, "PictureFile", Greedy)
        first = build_catalogue([files.source()])
    assert "memory" in first.catalogue.loc[0, "reason"] and unread(first.catalogue) == 1
    second = build_catalogue([files.source()], first.catalogue, first.inspection_cache)
    assert list(second.catalogue["status"]) == ["ok"]


def test_unreadable_file_is_tried_again(shelf, picture):
    files = shelf({"a.png": picture(), "b.png": picture(1)})
    source = files.source()

    def refuse():
        raise PermissionError(13, "Permission denied")

    object.__setattr__(source.pictures[1], "read", refuse)
    first = build_catalogue([source])
    assert "Permission denied" in first.catalogue.set_index("id").loc["b", "reason"]
    assert unread(first.catalogue) == 1
    second = build_catalogue([files.source()], first.catalogue, first.inspection_cache)
    assert list(second.catalogue["status"]) == ["ok", "ok"] and second.decoded == 1
    assert unread(second.catalogue) == 0


def test_only_new_and_changed_pictures_are_decoded(shelf, picture, decoded):
    files = shelf({f"{n}.png": picture(n) for n in range(5)} | {"bad.png": b"no picture"})
    first = build_catalogue([files.source()])
    assert len(decoded) == first.decoded == 6

    decoded.clear(), files.reads.clear()
    second = build_catalogue([files.source()], first.catalogue, first.inspection_cache)
    assert decoded == [] and files.reads == [] and second.decoded == 0
    assert to_parquet(second.catalogue) == to_parquet(first.catalogue)

    files.files["3.png"] = picture(30)
    files.files["new.png"] = picture(31)
    del files.files["4.png"]
    third = build_catalogue([files.source()], second.catalogue, second.inspection_cache)
    assert sorted(decoded) == sorted(files.reads) == ["3.png", "new.png"]
    assert to_parquet(third.catalogue) == to_parquet(build_catalogue([files.source()]).catalogue)


def test_without_stamps_the_hash_decides(shelf, picture, decoded):
    files = shelf({f"{n}.png": picture(n) for n in range(4)}, stamped=False)
    first = build_catalogue([files.source()])
    decoded.clear(), files.reads.clear()
    files.files["2.png"] = picture(20)
    second = build_catalogue([files.source()], first.catalogue, first.inspection_cache)
    assert decoded == ["2.png"] and len(files.reads) == 4
    assert second.decoded == 1


def test_a_moved_or_touched_file_is_read_but_not_decoded(shelf, picture, decoded):
    files = shelf({"a.png": picture(1), "b.png": picture(2)})
    first = build_catalogue([files.source()])
    decoded.clear()
    files.files["deep/a.png"] = files.files.pop("a.png")
    second = build_catalogue([files.source()], first.catalogue, first.inspection_cache)
    assert decoded == [] and second.decoded == 0
    assert list(second.catalogue["phash"]) == list(first.catalogue["phash"])


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 7)), max_size=8))
def test_an_incremental_build_is_a_full_build(shelf, changes):
    """Whatever is added, replaced or removed, the result is that of looking at everything."""
    small = [_bytes(_noise(16, 16 + n), "PNG") for n in range(6)] + [b"", b"no picture"]
    files = shelf({})
    lake = Lake(f"memory://{uuid.uuid4()}")
    before = None
    for at, (name, content) in enumerate(changes):
        path = f"{name}.png"
        if files.files.get(path) == small[content]:
            del files.files[path]
        else:
            files.files[path] = small[content]
        if at % 2:
            cache = StampedCache(lake, "inspections.jsonl", INSPECTION_VERSION)
            before = build_catalogue([files.source()], before and before.catalogue, cache)
            full = build_catalogue([files.source()], before.catalogue)
            assert to_parquet(before.catalogue) == to_parquet(full.catalogue)


def test_an_inspection_belongs_to_one_stamp_and_content(shelf, picture, decoded):
    """A cache that is older or younger than the catalogue never hides a change."""
    files = shelf({"a.png": picture(1)})
    first = build_catalogue([files.source()])
    files.files["a.png"] = picture(2)
    second = build_catalogue([files.source()], first.catalogue, first.inspection_cache)
    decoded.clear()
    mixed = build_catalogue([files.source()], first.catalogue, second.inspection_cache)
    assert to_parquet(mixed.catalogue) == to_parquet(second.catalogue) and decoded == []
    files.files["a.png"] = picture(1)
    back = build_catalogue([files.source()], second.catalogue, second.inspection_cache)
    assert back.catalogue.loc[0, "sha256"] == hashlib.sha256(picture(1)).hexdigest()


def test_an_old_catalogue_and_an_old_cache_do_no_harm(shelf, picture, decoded, tmp_path):
    files = shelf({"a.png": picture(1), "b.png": picture(2)})
    first = build_catalogue([files.source()])
    old = first.catalogue.drop(columns=["phash"]).assign(source="x.jpg")
    lake = Lake(tmp_path)
    with StampedCache(lake, "old.jsonl", "0") as cache:
        build_catalogue([files.source()], inspection_cache=cache)
    old_cache = lake.read("old.jsonl")
    for kept in (b"", b"damaged", to_parquet(old), old_cache):
        for previous in (None, old, old.drop(columns=["source"]), old.iloc[:0], old[["id"]]):
            decoded.clear()
            lake.write("cache.jsonl", kept)
            cache = StampedCache(lake, "cache.jsonl", INSPECTION_VERSION)
            again = build_catalogue([files.source()], previous, cache)
            assert to_parquet(again.catalogue) == to_parquet(first.catalogue)
            assert len(decoded) == 2


def test_changed_csv_needs_no_decoding(shelf, picture, decoded, kaggle_csv):
    files = shelf({"1.png": picture()}, kaggle_csv.encode())
    first = build_catalogue([files.source()])
    files.csv = kaggle_csv.replace("Impressionism", "Realism").encode()
    decoded.clear()
    second = build_catalogue([files.source()], first.catalogue, first.inspection_cache)
    assert decoded == [] and second.catalogue.loc[0, "style"] == "Realism"
