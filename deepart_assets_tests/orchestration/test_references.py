"""Another painting of the artist as the reference: which one, and what its change makes stale."""

import logging

import dagster as dg
import pandas as pd
import pytest

from deepart_assets.assets import references
from deepart_assets.assets.references import labels_from, same_artist
from deepart_assets.compat import prepare
from deepart_assets.orchestration.context import Painting, StageContext
from deepart_assets.settings import load_settings
from deepart_assets.storage import Provenance, StageResult, materialize_if_stale
from deepart_assets.wikiart.catalogue import to_parquet
from deepart_assets_tests.outpainting.tiny_families import save_klein

NOTHING = {"artist": "", "title": "", "style": "", "genre": "", "date": ""}


def painting(name, sha256=None, **labels):
    return Painting(name, f"{name}.png", sha256 or name, NOTHING | labels, store=None)


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        # The artist alone counts first, in any spelling, then style, genre and time.
        (
            {
                "another": {"artist": "Cezanne", "style": "Realism", "date": "1880"},
                "style": {"artist": "MANET, Édouard", "style": "realism", "date": "1860"},
                "genre": {"artist": "Manet, Edouard", "genre": "portrait", "date": "1880"},
            },
            "style",
        ),
        (
            {
                "far": {"artist": "Manet, Edouard", "genre": "portrait", "date": "1865-1867"},
                "near": {"artist": "Manet, Edouard", "genre": "portrait", "date": "c. 1878"},
                "undated": {"artist": "Manet, Edouard", "genre": "portrait"},
            },
            "near",
        ),
        ({"title": {"artist": "Manet, Edouard", "title": "A  BAR"}}, None),
        ({"copy": {"artist": "Manet, Edouard", "sha256": "it"}}, None),
        ({"unknown": {}}, None),
    ],
)
def test_the_nearest_of_the_same_artist(others, expected):
    labels = {"artist": "Manet, Edouard", "title": "A Bar", "style": "Realism", "date": "1880"}
    it = painting("it", genre="portrait", **labels)
    catalogue = [it, *(painting(name, **more) for name, more in others.items())]
    found = same_artist(lambda: {each.id: each for each in catalogue})(it)
    assert (found and found.id) == expected
    nobody = painting("nobody")
    assert same_artist(lambda: {"nobody": nobody, "other": painting("other")})(nobody) is None


def test_an_artist_of_many_paintings_is_compared_without_reading_each_label_again(monkeypatch):
    read = []
    monkeypatch.setattr(references, "name_key", lambda label: read.append(label) or label)
    many = {f"p{n}": painting(f"p{n}", artist="Ann", title=f"{n}") for n in range(100)}
    choose = same_artist(lambda: many)
    found = [choose(each) for each in many.values()]
    assert all(found) and found == [choose(each) for each in many.values()]
    assert len(read) < 10 * len(many)


def test_the_labels_have_the_catalogues_perceptual_hash(project):
    listed = to_parquet(pd.DataFrame({"id": ["scan", "unread"], "phash": ["00ff" * 4, ""]}))
    result = StageResult({"styled_paintings/paintings.parquet": listed})
    materialize_if_stale(project.store, "styled_paintings", Provenance("1"), lambda: result)
    settings = load_settings(str(project.write_profile()))
    labels = labels_from(StageContext(settings, project.store, logging.getLogger()))
    assert labels(painting("scan", genre="portrait", subject="a vase")) == {
        **{"id": "scan", "genre": "portrait"},
        "phash": "00ff" * 4,
    }
    assert labels(painting("unread")) == {"id": "unread"}


@pytest.mark.slow
def test_only_the_painting_that_it_is_shown_for_is_stale(project, instance, tmp_path):
    """p0 and p1 are of one artist; p2 and the others are alone."""
    rows = ["filename,artist,title", "p0,Ann,One", "p1,Ann,Two", "p2,Bob,Three"]
    prepare()
    pictures = project.pictures
    annotations = pictures / "paintings.csv"
    annotations.write_text("\n".join(rows))
    project.content["wikiart"]["sources"]["pictures"]["csv"] = annotations.name
    project.content["outpainters"]["klein"] = {
        "kind": "diffusers",
        "model": str(save_klein(tmp_path / "klein")),
        "steps": 1,
        "resolution": "working",
        "reference": "same_artist",
    }

    def run():
        with project.run("catalogue", instance) as result:
            assert result.success
        assets = ["subject_masks", "unfinished_paintings", "klein_outpaintings"]
        selection = [dg.AssetKey(name) for name in ("predicted_masks", *assets)]
        keys = ["p0", "p1", "p2"]
        with project.run("restore", instance, keys, asset_selection=selection) as result:
            assert result.success
        return {key: project.store.get("klein_outpaintings", key) for key in keys}

    first = run()
    shown = {key: record.figures["reference"] for key, record in first.items()}
    assert shown["p0"].startswith("p1 ") and shown["p1"].startswith("p0 ")
    assert shown["p2"] == "its own subject"
    # A painting by Bob appears, which p2 takes for its reference; nothing else is made again.
    project.add_painting("p9", seed=9)
    annotations.write_text("\n".join([*rows, "p9,Bob,Nine"]))
    second = run()
    again = {key for key, record in second.items() if record.made_at != first[key].made_at}
    assert again == {"p2"}
    assert second["p2"].figures["reference"].startswith("p9 ")
