"""The asset of the pairs in Dagster: what its events say, and what it makes again."""

import dagster as dg
import pandas as pd
import pytest

from deepart_assets.assets.lr_hr_pairs import lr_hr_pairs
from deepart_assets.imaging import encode_png
from deepart_assets.orchestration.asset_factory import build_asset
from deepart_assets.orchestration.resources import profile_resource
from deepart_assets.settings import load_settings
from deepart_assets.storage import Provenance, StageResult, materialize_if_stale
from deepart_assets.wikiart.catalogue import to_parquet
from deepart_assets_tests.super_resolution.pictures import texture


@pytest.fixture
def chosen(project):
    """Three paintings in the lake and the table that chooses them."""
    project.content["super_resolution"].pop("data_set")  # chosen here
    rows = []
    for number, split in enumerate(("train", "valid", "test")):
        picture = encode_png(texture(300, 200, number))
        file = project.lake.write(f"wikiart_paintings/p{number}.png", picture)
        rows.append(
            {"id": f"p{number}", "path": file.path, "sha256": file.sha256, "split": split}
            | {"left": 10, "top": 20, "right": 190, "bottom": 290, "artist": "A", "style": "S"}
        )
    choose(project, rows)
    return rows


def choose(project, rows):
    table = to_parquet(pd.DataFrame(rows))
    materialize_if_stale(
        project.store,
        "wikiart_sr",
        Provenance("1", inputs={"rows": repr(rows)}),
        lambda: StageResult({"wikiart_sr/paintings.parquet": table}),
    )


def materialize(project, instance):
    settings = load_settings(str(project.write_profile()))
    resource = profile_resource(settings, str(project.root))
    result = dg.materialize(
        [build_asset(lr_hr_pairs, settings)],
        resources={"profile": resource},
        instance=instance,
        raise_on_error=False,
    )
    assert result.success
    made = result.asset_materializations_for_node("lr_hr_pairs")
    assert [check.passed for check in result.get_asset_check_evaluations()] == [True]
    if not made:
        return {"made": "reused"}  # Dagster knows it
    return {name: value.value for name, value in made[0].metadata.items()}


def files(project):
    folder = project.root / "lr_hr_pairs"
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_new_and_changed_pairs_alone_are_made(project, instance, chosen):
    first = materialize(project, instance)
    assert (first["made_now"], first["reused"], first["pairs"]) == (3, 0, 3)
    assert first["file"].endswith("lr_hr_pairs/pairs.json")
    assert files(project) == [
        "pairs.json",
        *(
            f"{split}/{kind}/p{n}.tiff"
            for n, split in ((2, "test"), (0, "train"), (1, "valid"))
            for kind in ("hr", "lr")
        ),
    ]
    record = project.store.done("lr_hr_pairs", "p0")
    assert record.figures["hr_shape"] == [192, 128, 3]
    assert materialize(project, instance)["made"].startswith("reused")

    choose(project, [*chosen[1:], chosen[0] | {"artist": "B"}])
    again = materialize(project, instance)
    assert (again["made_now"], again["reused"]) == (0, 3)

    # One painting goes, one moves to another split.
    choose(project, [chosen[0], chosen[2] | {"split": "train"}])
    moved = materialize(project, instance)
    assert (moved["made_now"], moved["reused"]) == (1, 1)
    assert files(project) == [
        "pairs.json",
        *(f"train/{kind}/{id}.tiff" for kind in ("hr", "lr") for id in ("p0", "p2")),
    ]
    assert materialize(project, instance)["made"].startswith("reused")


def test_a_bad_painting_is_shown_and_tried_again(project, instance, chosen):
    good = project.lake.read("wikiart_paintings/p1.png")
    project.lake.remove("wikiart_paintings/p1.png")
    shown = materialize(project, instance)
    assert shown["pairs"] == 2
    assert "wikiart_paintings/p1.png is missing" in shown["left_out"]
    project.lake.write("wikiart_paintings/p1.png", good)
    mended = materialize(project, instance)
    assert (mended["pairs"], mended["made_now"]) == (3, 1)
    assert "left_out" not in mended
    assert materialize(project, instance)["made"].startswith("reused")
