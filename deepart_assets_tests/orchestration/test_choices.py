"""What a curator decides is made, and nothing else: accepted results, and others asked for."""

import pytest

from deepart_assets.asset_names import CHOSEN_RESTORATIONS
from deepart_assets_tests.orchestration.matrix_project import COLUMNS, SHEETS, outputs


def accept(project, key, outpainter="telea", **more):
    record = project.store.done(f"{outpainter}_upscaled", key)
    choice = {"decision": "accepted", "outpainter": outpainter, "sha256": record.files[0].sha256}
    project.lake.write_json(f"choices/{key}.json", {**choice, **more})


def published(project):
    return {path.rsplit("/", 1)[1] for path in project.lake.list(CHOSEN_RESTORATIONS)}


@pytest.mark.slow
def test_what_is_accepted_is_published_until_it_is_rejected(done, instance):
    def run(*keys):
        with done.run("restore_part", instance, list(keys)) as result:
            return result.success

    accept(done, "p1")
    accept(done, "p2", sha256="0" * 64)  # of a result that is no longer there
    assert run("p0", "p1", "p2")
    assert published(done) == {"p1.png"}
    assert done.lake.read(f"{CHOSEN_RESTORATIONS}/p1.png") == done.lake.read(
        "telea_upscaled/p1.png"
    )
    assert "made again since" in done.store.get(CHOSEN_RESTORATIONS, "p2").reason
    assert done.store.get(CHOSEN_RESTORATIONS, "p0") is None
    before = done.store.get(CHOSEN_RESTORATIONS, "p1")
    assert run("p1")
    assert done.store.get(CHOSEN_RESTORATIONS, "p1") == before
    done.lake.write_json("choices/p1.json", {"decision": "rejected", "note": "two heads"})
    assert run("p1")
    assert published(done) == set()
    assert done.store.get(CHOSEN_RESTORATIONS, "p1").reason == "rejected by the curator: two heads"
    done.lake.write("choices/p1.json", b"{")
    assert not run("p1")
    assert "choices/p1.json cannot be read" in done.store.get(CHOSEN_RESTORATIONS, "p1").reason


@pytest.mark.slow
def test_others_are_made_of_that_painting_by_that_outpainter_alone(
    restored_matrix, instance, computed
):
    lake, store = restored_matrix.lake, restored_matrix.store
    path = "requests/inspired/p03.json"
    made = outputs([*COLUMNS["inspired"], *SHEETS], ["p03"])
    lake.write_json(path, {"candidates": 2, "seed": 9})
    assert computed() == made
    candidates = store.done("inspired_outpaintings", "p03").figures["candidates"]
    assert len(candidates) == 2
    assert len(store.done("inspired_outpaintings", "p03").files) == 2
    second = lake.read("inspired_outpaintings/p03.1.png")
    lake.write_json(path, {"candidates": 2, "seed": 9, "first": candidates[1]["seed"]})
    assert computed() == made
    assert lake.read("inspired_outpaintings/p03.png") == second
    assert computed() == set()
