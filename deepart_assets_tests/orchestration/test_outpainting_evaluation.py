"""`outpainting_evaluation` and candidates, on the real graph."""

import json
from dataclasses import replace

import dagster as dg
import numpy as np
import pytest
import torch

from deepart_assets.assets import outpainting_evaluation
from deepart_assets.imaging import decode_rgb, encode_png
from deepart_assets.outpainting.evaluation import COLUMNS, ORIGINALS, Outpainted, table
from deepart_assets.outpainting.measures import MEASURES
from deepart_assets.storage import Lake, MaterializationRecord
from deepart_assets.storage.stamped_cache import StampedCache

ASSET = "outpainting_evaluation"


@pytest.mark.slow
def test_rows_for_the_originals_and_each_outpainter(done, instance, monkeypatch):
    done.content["restoration"]["evaluated"] = 5
    with done.run("evaluate", instance, asset_selection=[dg.AssetKey(ASSET)]) as run:
        assert run.success
    rows = {row["name"]: row for row in json.loads(done.lake.read(f"reports/{ASSET}.json"))["rows"]}
    assert list(rows) == [ORIGINALS, "telea"]
    for row in rows.values():
        assert row["paintings"] == 5 and row["subject_difference"] == 0
        assert row["seam_score"] > 0 and np.isfinite(row["sharpness"])
    assert rows["telea"]["sharpness"] < rows[ORIGINALS]["sharpness"]
    assert rows["telea"]["seconds"] > 0
    sheet = decode_rgb(done.lake.read(f"{ASSET}/sheet.jpg"), "sheet")
    assert min(sheet.shape[:2]) > 400

    # An outpainter that touched a subject fails the check.
    result = decode_rgb(done.lake.read("telea_outpaintings/p1.png"), "p1")
    record = done.store.get("telea_outpaintings", "p1")
    spoilt = done.lake.write(record.path, encode_png(255 - result))
    done.store.put(replace(record, files=(spoilt,)))
    real = outpainting_evaluation._outpainted

    def failing(context, painting, names):
        if painting.id == "p2":
            raise RuntimeError("sizes differ")
        return real(context, painting, names)

    monkeypatch.setattr(outpainting_evaluation, "_outpainted", failing)
    done.content["restoration"]["shown"] = 2
    with done.run("evaluate", instance, asset_selection=[dg.AssetKey(ASSET)]) as run:
        assert run.success
        checks = {check.check_name: check.passed for check in run.get_asset_check_evaluations()}
    assert checks == {"subjects_untouched": False, "no_known_faults": False}
    rows = json.loads(done.lake.read(f"reports/{ASSET}.json"))["rows"]
    assert rows[1]["subject_difference"] > 100 and rows[1]["paintings"] == 4
    [fault] = done.store.get(ASSET).figures["faults"]
    assert fault["painting"] == "p2" and fault["reason"] == "RuntimeError: sizes differ"

    # What may be over with the next run is no fault of a painting, which would not be tried again.
    done.lake.remove("telea_outpaintings/p3.png")
    done.content["restoration"]["shown"] = 3
    with done.run("evaluate", instance, asset_selection=[dg.AssetKey(ASSET)]) as run:
        assert not run.success

    def short(*_):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(outpainting_evaluation, "_outpainted", short)
    with done.run("evaluate", instance, asset_selection=[dg.AssetKey(ASSET)]) as run:
        assert not run.success
    failed = done.store.get(ASSET)
    assert failed.transient and failed.reason == "OutOfMemoryError: CUDA out of memory."


def test_a_row_of_means_for_each_outpainter_and_none_where_it_painted_nothing():
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    unfinished = np.dstack([picture, np.tri(64, dtype=np.uint8) * 255])
    smooth = np.full_like(picture, 128)
    results = {"same": picture, "smooth": np.where(unfinished[..., 3:] > 0, picture, smooth)}
    one = Outpainted("p1", "one", picture, unfinished, results, {"same": 1.5})
    real, same, smooth, none = table([one, one], ["same", "smooth", "none"])
    assert {**same, "name": "", "seconds": 0} == {**real, "name": "", "seconds": 0}
    assert same["seconds"] == 1.5 and real["seconds"] is None
    assert smooth["sharpness"] < real["sharpness"]
    assert none["paintings"] == 0 and none["seam_score"] is None
    assert {each["column"] for each in COLUMNS} <= set(real)


def test_what_was_measured_once_is_remembered(tmp_path, monkeypatch):
    from deepart_assets.assets import outpainting_evaluation as asset

    calls, real = [], asset.measured
    monkeypatch.setattr(asset, "measured", lambda *pixels: calls.append(1) or real(*pixels))
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    unfinished = np.dstack([picture, np.tri(64, dtype=np.uint8) * 255])
    one = Outpainted("p1", "one", picture, unfinished, {"same": 255 - picture}, {})
    other = replace(one, id="p2", results={"same": picture // 2})

    def rows(*paintings):
        calls.clear()
        with StampedCache(Lake(tmp_path), asset.CACHE, "1") as cache:
            remembered = asset.Remembered(cache)
            found = table(paintings, ["same"], remembered)
            cache.retain(remembered.asked)
        assert found == table(paintings, ["same"])
        return len(calls)

    assert rows(one) == 2
    assert rows(one, other) == 1  # the same original, another result
    assert rows(one, other) == 0
    assert rows(other) == 0
    assert rows(one) == 1, "what is no longer asked for is not kept"


def test_known_faults_are_judged_beside_the_originals():
    from deepart_assets.assets.outpainting_evaluation import _known_faults

    def judged(**values):
        rows = [
            {"name": name, **dict.fromkeys((measure.name for measure in MEASURES), None), **found}
            for name, found in {ORIGINALS: values, "a": values, "b": {}}.items()
        ]
        rows.append({**rows[1], "name": "c", "seam_score": 6.0, "sharpness": -1.9, "rays": 0.0})
        return _known_faults(MaterializationRecord("a", "", "done", "", {}, figures={"rows": rows}))

    assert judged(seam_score=5.5, sharpness=-1.6, rays=0.3) is None
    found = judged(seam_score=4.0, sharpness=0.1, rays=0.3)
    assert found == "c: sharpness -1.9 (the originals 0.1); c: seam_score 6 (the originals 4)"
    assert judged() is None
