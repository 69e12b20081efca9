"""The catalogue as an asset: what makes it run again, and what its data version depends on."""

import json
import os

import dagster as dg
import pytest
import yaml

from deepart_assets.assets.wikiart import wikiart_paintings
from deepart_assets.orchestration.asset_factory import build_asset
from deepart_assets.orchestration.resources import profile_resource
from deepart_assets.settings import load_settings
from deepart_assets.wikiart import examine
from deepart_assets.wikiart.catalogue import read_cache
from deepart_assets.wikiart.left_out import left_out_files
from deepart_assets_tests.conftest import was_computed


@pytest.fixture
def catalogued(project, monkeypatch):
    """Materialize the catalogue alone; return its record, and the names that were decoded."""
    decoded = []

    class Counted(examine.PictureFile):
        def __init__(self, data, name):
            decoded.append(name)
            super().__init__(data, name)

    monkeypatch.setattr(examine, "PictureFile", Counted)

    def run():
        decoded.clear()
        settings = load_settings(str(project.write_profile()))
        resource = profile_resource(settings, str(project.root))
        with dg.DagsterInstance.ephemeral() as instance:
            result = dg.materialize(
                [build_asset(wikiart_paintings, settings)],
                resources={"profile": resource},
                instance=instance,
            )
        assert result.success
        made = result.asset_materializations_for_node("wikiart_paintings")[0].metadata["made"]
        [check] = result.get_asset_check_evaluations()
        record = project.store.get("wikiart_paintings")
        return record, was_computed(made.value), sorted(decoded), check

    return run


def table_of(project):
    return read_cache(project.lake, "wikiart_paintings/catalogue.parquet").set_index("id")


def test_nothing_changed_nothing_computed(project, catalogued):
    first, made, decoded, check = catalogued()
    assert made and len(decoded) == 5 and check.passed
    assert [file.path for file in first.files] == ["wikiart_paintings/catalogue.parquet"]
    again, made, decoded, _ = catalogued()
    assert not made and decoded == [] and again == first


def test_a_touch_leaves_the_data_version(project, catalogued):
    first, *_ = catalogued()
    os.utime(project.pictures / "p1.png", (1, 1))
    second, made, decoded, _ = catalogued()
    assert made and decoded == []
    assert second.data_version == first.data_version
    assert second.figures["decoded_now"] == second.figures["copied_now"] == 0
    assert not catalogued()[1]


def test_one_new_painting_costs_one_paintings_work(project, catalogued):
    catalogued()
    project.add_painting("p9", seed=9)
    record, _, decoded, _ = catalogued()
    assert decoded == ["p9.png"]
    assert (record.figures["decoded_now"], record.figures["copied_now"]) == (1, 1)
    assert record.figures["pictures"] == record.figures["ok"] == 6


@pytest.mark.parametrize("harm", ["remove", "alter"])
def test_a_harmed_copy_is_made_again(project, catalogued, harm):
    first, *_ = catalogued()
    path = "wikiart_paintings/p1.png"
    good = project.lake.read(path)
    if harm == "remove":
        project.lake.remove(path)
    else:
        project.lake.write(path, good[:-40] + bytes(40))
    record, made, decoded, _ = catalogued()
    assert made and decoded == [] and record.figures["copied_now"] == 1
    assert project.lake.read(path) == good and record.data_version == first.data_version


@pytest.mark.parametrize("cache", ["inspections", "copies"])
@pytest.mark.parametrize("harm", ["remove", "damage"])
def test_the_caches_may_be_lost(project, catalogued, cache, harm):
    first, *_ = catalogued()
    path = f"wikiart_paintings/{cache}.jsonl"
    if harm == "remove":
        project.lake.remove(path)
    else:
        project.lake.write(path, b"PAR1 damaged PAR1")
    project.add_painting("p9", seed=9)
    record, _, _, _ = catalogued()
    assert record.figures["ok"] == 6 and record.figures["copied_now"] == 1
    (project.pictures / "p9.png").unlink()
    assert catalogued()[0].data_version == first.data_version


def test_a_lake_of_the_first_version_is_taken_over(project, catalogued):
    """Its catalogue had no perceptual hash, and its stamps were one of the result's files."""
    first, *_ = catalogued()
    old = table_of(project).reset_index().drop(columns=["phash"]).assign(source="x.jpg")
    for name in ("inspections", "copies"):
        project.lake.remove(f"wikiart_paintings/{name}.jsonl")
    project.lake.write("wikiart_paintings/catalogue.parquet", old.to_parquet(index=False))
    project.lake.write("wikiart_paintings/stamps.json", b"{}")
    record, made, decoded, _ = catalogued()
    assert made and len(decoded) == 5 and record.figures["copied_now"] == 0
    assert record.data_version == first.data_version


def test_bad_and_double_pictures_are_shown_and_only_warned_of(project, catalogued):
    project.content["wikiart"]["sources"]["second"] = {
        "kind": "folder", "path": str(project.folder / "second"), "csv": "facts.csv",
    }  # fmt: skip
    second = project.folder / "second"
    second.mkdir()
    (second / "copy.png").write_bytes((project.pictures / "p1.png").read_bytes())
    (second / "page.jpg").write_bytes(b"<html>sign in</html>")
    (second / "notes.txt").write_text("to be hung")
    (second / "facts.csv").write_text("title,by whom")
    record, _, _, check = catalogued()
    figures = record.figures
    assert (figures["pictures"], figures["ok"], figures["quarantined"]) == (7, 5, 2)
    assert figures["duplicates"] == 1 and figures["ignored_files"] == 1
    table, ignored = figures["ignored"]
    assert ignored["file"] == "second/notes.txt" and "by its suffix .txt" in ignored["reason"]
    assert table["file"] == "CSV of second" and "Name one file, filename" in table["reason"]
    [row] = [row for row in left_out_files(project.store, {}) if row.file == "CSV of second"]
    assert row.reason.startswith("has no column that names the files")
    assert figures["sources"] == [
        {"name": "pictures", "pictures": 5, "ok": 5, "quarantined": 0},
        {"name": "second", "pictures": 2, "ok": 0, "quarantined": 2},
    ]
    reasons = {row["file"]: row["reason"] for row in figures["quarantine"]}
    assert reasons["copy.png"] == "copy.png has the same bytes as p1.png of pictures: remove one"
    assert "a web page" in reasons["page.jpg"]
    assert not check.passed and check.severity == dg.AssetCheckSeverity.WARN
    assert figures["preview"].startswith("data:image/jpeg")
    json.dumps(figures), yaml.safe_dump(project.content)


def test_a_file_that_could_not_be_read_is_tried_again(project, catalogued, monkeypatch):
    """Nothing about it has changed: its stamp is the same when the disk is back."""
    from deepart_assets.assets import wikiart

    real = wikiart.open_sources

    def failing(*given):
        sources = real(*given)

        def refuse():
            raise OSError(5, "Input/output error")

        object.__setattr__(sources[0].pictures[2], "read", refuse)
        return sources

    monkeypatch.setattr(wikiart, "open_sources", failing)
    record, *_ = catalogued()
    assert record.figures["quarantined"] == 1
    monkeypatch.setattr(wikiart, "open_sources", real)
    record, made, decoded, _ = catalogued()
    assert made and decoded == ["p2.png"] and record.figures["quarantined"] == 0
