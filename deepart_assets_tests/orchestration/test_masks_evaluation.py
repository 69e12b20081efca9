"""`subject_masks_evaluation` on real segmenters: its table, what it keeps, a ground truth."""

import json
import shutil
from datetime import timedelta

import dagster as dg
import numpy as np
import pytest
import torch

from deepart_assets.assets import subjects_evaluation
from deepart_assets.imaging import decode_grey, decode_rgb, encode_ids, encode_png, resize
from deepart_assets.segmentation import iou
from deepart_assets.storage import records
from deepart_assets_tests.conftest import draw_painting

ASSET = "subject_masks_evaluation"


def figure(key):
    """Where the drawn figure of a painting is: what differs from its ground."""
    picture = draw_painting(int(key[1:])).astype(int)
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]]
    height, width = picture.shape[:2]
    head = (rows - height * 0.3) ** 2 + (columns - width / 2) ** 2 < (width * 0.13) ** 2
    body = ((rows - height * 0.75) / (height * 0.38)) ** 2 + (
        (columns - width / 2) / (width * 0.26)
    ) ** 2 < 1
    return head | body


@pytest.fixture
def compared(done, instance):
    done.content["segmentation"]["evaluation"] = {
        "peers": {
            "again": done.content["segmentation"]["segmenter"],
            "strict": {"kind": "saliency", "minimal_confidence": 1},
            "gone": {"kind": "dram", "archive_id": "none", "movement": "realism"},
        }
    }

    def run():
        with done.run("evaluate", instance, asset_selection=[dg.AssetKey(ASSET)]) as result:
            return result.success

    return run


@pytest.fixture
def no_drive(monkeypatch, site, drive):
    """Google Drive answers, and has no such archive."""


def rows_of(project):
    content = json.loads(project.lake.read(f"reports/{ASSET}.json"))
    return {row["name"]: row for row in content["rows"]}


@pytest.mark.slow
def test_the_table_the_picture_and_what_is_computed_again(done, compared, no_drive, pauses):
    assert compared()
    rows = rows_of(done)
    assert list(rows) == ["subject_masks", "again", "strict"]
    # The same segmenter comes to the same masks, whether for the pipeline or for the comparison.
    assert rows["again"]["iou_with_subject_masks"] > 0.99
    assert rows["again"]["seconds"] > 0 and rows["again"]["no_subject"] == 0
    assert rows["strict"]["no_subject"] == rows["strict"]["paintings"] == 5
    figures = done.store.get(ASSET).figures
    assert "none" in figures["left_out"]["gone"] and not figures["faults"]
    agreement = {row[""]: row for row in figures["agreement"]}
    assert agreement["again"]["subject_masks"] > 0.99 and agreement["strict"]["again"] is None
    picture = decode_rgb(done.lake.read(f"{ASSET}/disagreements.jpg"), "picture")
    assert min(picture.shape[:2]) > 400

    before = {key: done.store.get(ASSET, key).made_at for key in done.store.keys(ASSET)}
    done.content["segmentation"]["evaluation"]["peers"].pop("strict")
    done.content["segmentation"]["evaluation"]["paintings"] = 3
    done.lake.remove(
        f"{ASSET}/again/{sorted(k for k in before if k.startswith('again'))[0][6:]}.png"
    )
    assert compared()
    assert rows_of(done)["again"]["paintings"] == 3


@pytest.mark.slow
def test_a_segmenter_that_was_away_is_compared_once_it_is_there(done, compared, monkeypatch):
    segmenter = done.content["segmentation"]["segmenter"]
    away = done.folder / "elsewhere"
    peers = {"away": {**segmenter, "folder": str(away)}}
    done.content["segmentation"]["evaluation"] = {"peers": peers, "paintings": 2}
    made = set()
    for _ in range(2):
        assert compared()
        assert list(rows_of(done)) == ["subject_masks"]
        made.add(done.store.get(ASSET).made_at)
    shutil.copytree(segmenter["folder"], away)
    monkeypatch.setattr(records, "RESTS", timedelta(0))
    for _ in range(2):
        assert compared()
        assert list(rows_of(done)) == ["subject_masks", "away"]
        made.add(done.store.get(ASSET).made_at)
    assert len(made) == 2, "it stays for a week, and for good once nothing is left out"


@pytest.mark.slow
@pytest.mark.usefixtures("no_drive", "pauses")
def test_a_ground_truth_is_compared_with(done, compared, tmp_path, monkeypatch):
    folder = tmp_path / "truth"
    folder.mkdir()
    done.content["segmentation"]["evaluation"] |= {"ground_truth": str(folder), "paintings": 2}
    assert not compared(), "a folder without any of the paintings"
    assert "has no <painting id>.png" in done.store.get(ASSET).reason

    (folder / "p1.png").write_bytes(encode_png(figure("p1").astype(np.uint8) * 255))
    # Class ids: a person, a cat, and a frame that nobody judged.
    ids = np.where(figure("p3"), 9, 0).astype(np.uint8)
    ids[120:][figure("p3")[120:]] = 4
    ids[:5] = 255
    (folder / "p3.png").write_bytes(encode_ids(ids, [(each,) * 3 for each in range(256)]))
    assert compared()
    row = rows_of(done)["subject_masks"]
    assert row["with_truth"] == 2
    expected = []
    for key in ("p1", "p3"):
        mask = decode_grey(done.lake.read(f"subject_masks/{key}.png"), key) > 0
        expected.append(iou(mask, resize(figure(key).astype(np.uint8), *mask.shape) > 0))
    assert row["iou_with_truth"] == pytest.approx(np.mean(expected), abs=0.02)
    assert rows_of(done)["strict"]["iou_with_truth"] == 0

    (folder / "p4.png").write_bytes(b"not a picture")
    done.content["segmentation"]["evaluation"]["paintings"] = 3
    assert compared()
    [fault] = done.store.get(ASSET).figures["faults"]
    assert fault["painting"] == "p4" and "p4.png cannot be read as a picture" in fault["reason"]
    before = done.store.get(ASSET).fingerprint
    (folder / "p3.png").rename(folder / "p2.png")  # the same contents in the same order
    real = subjects_evaluation._sample

    def failing(context, painting, *more):
        if painting.id == "p2":
            raise RuntimeError("sizes differ")
        return real(context, painting, *more)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(subjects_evaluation, "_sample", failing)
        assert compared()
    assert done.store.get(ASSET).fingerprint != before
    lost, fault = done.store.get(ASSET).figures["faults"]
    assert lost["painting"] == "p2" and lost["reason"] == "RuntimeError: sizes differ"
    assert fault["painting"] == "p4" and rows_of(done)["strict"]["paintings"] == 1

    def short(context, painting, *more):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(subjects_evaluation, "_sample", short)
    done.content["segmentation"]["evaluation"]["paintings"] = 2
    assert not compared(), "the next run may have more memory"
    assert done.store.get(ASSET).transient
