"""The asset of WikiArt SR in Dagster: by rule and from the original notebook's archive."""

import io

import dagster as dg
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from deepart_assets.assets import wikiart_sr
from deepart_assets.assets.wikiart_sr import wikiart_sr_asset
from deepart_assets.imaging import grouped_mosaic, hash_to_hex, perceptual_hash
from deepart_assets.orchestration.asset_factory import build_asset
from deepart_assets.orchestration.resources import profile_resource
from deepart_assets.settings import load_settings
from deepart_assets.storage import Provenance, StageResult, materialize_if_stale
from deepart_assets.wikiart.catalogue import from_parquet, to_parquet
from deepart_assets_tests.conftest import draw_painting, was_computed
from deepart_assets_tests.loopback import zipped
from deepart_assets_tests.wikiart.scans import enlarged, field, framed, jpeg


def png(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


def catalogue(project, pictures: dict[str, np.ndarray], artist: str = "Painter {name}") -> None:
    """Put pictures and their catalogue into the lake, as wikiart_paintings does."""
    rows = []
    for name, picture in pictures.items():
        file = project.lake.write(f"wikiart_paintings/{name}.png", png(picture))
        height, width = picture.shape[:2]
        rows.append(
            {"id": name, "file": f"{name}.png", "sha256": file.sha256, "status": "ok"}
            | {"phash": hash_to_hex(perceptual_hash(picture)), "width": width, "height": height}
            | {"artist": artist.format(name=name), "title": f"Title {name}", "style": "Realism"}
        )
    table = to_parquet(pd.DataFrame(rows))
    recipe = Provenance("1", inputs={"rows": repr(rows)})
    make = lambda: StageResult({"wikiart_paintings/catalogue.parquet": table})  # noqa: E731
    materialize_if_stale(project.store, "wikiart_paintings", recipe, make)


def materialize(project, instance):
    settings = load_settings(str(project.write_profile()))
    resource = profile_resource(settings, str(project.root))
    return dg.materialize(
        [build_asset(wikiart_sr_asset(settings), settings)],
        resources={"profile": resource},
        instance=instance,
        raise_on_error=False,
    )


def metadata(result):
    assert result.success
    made = result.asset_materializations_for_node("wikiart_sr")
    if not made:
        return {"made": "reused"}  # Dagster knows it
    return {name: value.value for name, value in made[0].metadata.items()}


def table(project, name: str) -> pd.DataFrame:
    return from_parquet(project.lake.read(f"wikiart_sr/{name}.parquet")).set_index("id")


@pytest.fixture
def paintings(project) -> dict[str, np.ndarray]:
    project.content["super_resolution"]["data_set"] = {
        "kind": "rules", "minimal_side": 256, "split": [5, 2, 2], "split_seed": 0,
    }  # fmt: skip
    good = {f"p{n}": field(320, 288, 1.5, seed=n) for n in range(9)}
    return good | {
        "small": field(250, 400, 1.5, seed=20),
        "enlarged": enlarged(field(320, 288, 1.5, seed=21), 2, "bicubic"),
        "framed": framed(field(300, 250, 1.5, seed=22), (40, 40, 40, 40), (250, 250, 250)),
        "twin": jpeg(good["p3"], 85),
    }


def test_paintings_by_rule(project, instance, paintings):
    catalogue(project, paintings)
    shown = metadata(materialize(project, instance))
    assert (shown["candidates"], shown["too_small"], shown["decoded_now"]) == (12, 1, 12)
    chosen, rejected = table(project, "paintings"), table(project, "rejected")
    assert shown["file"].endswith("wikiart_sr/paintings.parquet")
    assert {"enlarged", "framed"} < set(rejected.index) and "small" not in rejected.index
    assert rejected.loc["framed", "reason"].startswith("250×300 pixels without the borders")
    assert rejected.loc["twin", "reason"].startswith("near-duplicate of p3 (")
    assert {name: shown[name] for name in ("train", "valid", "test")} == {
        name: int((chosen["split"] == name).sum()) for name in ("train", "valid", "test")
    }
    for path in chosen["path"]:
        assert project.lake.exists(path)
    sheet = Image.open(io.BytesIO(project.lake.read("wikiart_sr/chosen.jpg")))
    assert sheet.width >= 4 * 132
    page = project.lake.read("wikiart_sr/index.html").decode()
    assert "Of 13 paintings of the catalogue 12 have a smaller side of 256 pixels" in page
    assert all(reason in page for reason in rejected["reason"])


def test_the_small_project_of_the_tests_has_all_sides(project, instance):
    pictures = {f"p{n}": draw_painting(n) for n in range(5)}
    catalogue(project, pictures, artist="")
    shown = metadata(materialize(project, instance))
    assert (shown["train"], shown["valid"], shown["test"]) == (2, 2, 1)


def test_a_sheet_of_the_largest_data_set_can_be_written(project, instance, paintings, monkeypatch):
    headings, most = [], wikiart_sr.ON_SHEET

    def sheet(groups, cell):
        headings.extend((heading, len(cells)) for heading, cells in groups)
        return grouped_mosaic(groups, cell)

    monkeypatch.setattr(wikiart_sr, "grouped_mosaic", sheet)
    monkeypatch.setattr(wikiart_sr, "ON_SHEET", 2)
    catalogue(project, paintings)
    shown = metadata(materialize(project, instance))
    train = shown["train"]
    assert train > 2
    assert headings[0] == (f"train: {train}, {train - 2} of them not shown", 2)
    assert headings[1] == (f"valid: {shown['valid']}", shown["valid"]) and shown["valid"] <= 2
    cells = [("", np.zeros((1, 1, 3), np.uint8))] * 40
    row, rows = (grouped_mosaic([("", cells[:n])], wikiart_sr.CELL).shape[0] for n in (20, 40))
    assert 3 * (row + (rows - row) * (most // 20 - 1)) <= 65_500  # JPEG's largest height


def test_a_new_painting_costs_itself_and_moves_none(project, instance, paintings):
    catalogue(project, paintings)
    materialize(project, instance)
    before = table(project, "paintings")["split"]
    catalogue(project, paintings | {"new": field(300, 300, 1.2, seed=30)})
    shown = metadata(materialize(project, instance))
    assert shown["decoded_now"] == 1 and shown["candidates"] == 13
    after = table(project, "paintings")["split"]
    both = before.index.intersection(after.index)
    assert len(both) >= len(before) - 1 and (before[both] == after[both]).all()


def test_measures_are_no_part_of_the_result(project, instance, paintings):
    catalogue(project, paintings)
    first = materialize(project, instance)
    assert was_computed(metadata(first)["made"])
    project.lake.remove("wikiart_sr/measures.jsonl")
    assert metadata(materialize(project, instance))["made"].startswith("reused")


def test_no_painting_large_enough_is_one_message(project, instance, paintings):
    catalogue(project, {"small": paintings["small"]})
    result = materialize(project, instance)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "the largest has 250: lower it" in str(failure.event_specific_data.error)


@pytest.fixture
def archive(project, drive, pauses, tmp_path, monkeypatch):
    """The original notebook's archive, on a server of this machine in Google Drive's place."""
    monkeypatch.setenv("DEEPART_CACHE", str(tmp_path / "cache"))
    project.content["super_resolution"]["data_set"] = {"kind": "drive", "file_id": "abc"}
    picture = {n: png(field(200, 160, 1.5, seed=n)) for n in range(5)}
    drive.files["abc"] = zipped(
        {
            "WikiArtSR/train/1.png": picture[0],
            "WikiArtSR/train/2.png": picture[1],
            "WikiArtSR/train/bad.png": b"no picture",
            "WikiArtSR/valid/1.png": picture[2],
            "WikiArtSR/test/3.png": picture[3],
            "WikiArtSR/readme.png": picture[4],
        }
    )
    return drive


def test_the_archive_of_the_original_notebook(project, instance, archive):
    shown = metadata(materialize(project, instance))
    counts = {name: shown[name] for name in ("train", "valid", "test", "elsewhere")}
    assert counts == {"train": 2, "valid": 1, "test": 1, "elsewhere": 1}
    chosen = table(project, "paintings")
    assert chosen.index.tolist() == ["2", "3", "train-1", "valid-1"]
    assert chosen.loc["valid-1", "path"] == "wikiart_sr/pictures/valid/valid-1.png"
    for row in chosen.itertuples():
        data = project.lake.read(row.path)
        assert (row.left, row.top, row.right, row.bottom) == (0, 0, 160, 200)
        assert Image.open(io.BytesIO(data)).size == (160, 200)
    assert table(project, "rejected")["file"].tolist() == ["WikiArtSR/train/bad.png"]
    page = project.lake.read("wikiart_sr/index.html").decode()
    assert "cannot be read or measured: 1" in page and "Google Drive&#39;s file abc" in page
    # It needs no catalogue, and is not fetched again.
    archive.files.clear()
    assert metadata(materialize(project, instance))["made"].startswith("reused")
    project.lake.remove("wikiart_sr/pictures/test/3.png")
    assert was_computed(metadata(materialize(project, instance))["made"])
    assert project.lake.exists("wikiart_sr/pictures/test/3.png")


def test_an_archive_without_the_folders_is_one_message(project, instance, archive):
    archive.files["abc"] = zipped({"train/1.png": png(field(200, 160))})
    result = materialize(project, instance)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "no picture in a folder valid or test" in str(failure.event_specific_data.error)
