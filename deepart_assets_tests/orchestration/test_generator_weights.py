"""`<outpainter>_weights`: a generator trained in the graph, and what its change makes stale."""

import dagster as dg
import pytest

from deepart_assets.imaging import decode_rgb, decode_rgba
from deepart_assets.outpainting import subject_difference
from deepart_assets.outpainting.comodgan.weights import read_weights
from deepart_assets_tests.outpainting.comodgan.small_training import SMALL

NAMES = ["inspired_weights", "inspired_outpaintings"]


@pytest.fixture
def inspired(done, instance):
    def run(weights, **more):
        done.content["outpainters"]["inspired"] = {
            "kind": "artificially_inspired",
            "weights": weights,
            **more,
        }
        selection = [dg.AssetKey(name) for name in NAMES]
        with done.run("restore", instance, asset_selection=selection) as result:
            assert result.success
        return {
            (name, key): done.store.get(name, key).made_at + str(done.store.get(name, key).seconds)
            for name in NAMES
            for key in done.store.keys(name)
        }

    return run


@pytest.mark.slow
def test_a_trained_generator_paints_and_what_it_is_made_from_decides_what_is_stale(
    done, inspired, tmp_path
):
    stages = [{"resolution": 32, "iterations": 3, "batch": 2}]
    training = {"kind": "train", "stages": stages, **SMALL}
    first = inspired(training)
    assert {key for name, key in first if name == "inspired_outpaintings"} == {
        f"p{number}" for number in range(5)
    }
    weights = done.lake.full_path(done.store.get("inspired_weights").path)
    assert read_weights(tmp_path / weights).spec.resolution == 32
    assert "curves" in done.store.get("inspired_weights").figures
    for key in ("p0", "p4"):
        unfinished = decode_rgba(done.lake.read(f"unfinished_paintings/{key}.png"), key)
        result = decode_rgb(done.lake.read(f"inspired_outpaintings/{key}.png"), key)
        assert subject_difference(unfinished, result) == 0

    assert inspired(training) == first, "nothing changed, nothing is made"
    # The very file that the training made, laid somewhere else: the same bytes, nothing is stale.
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(done.lake.read(done.store.get("inspired_weights").path))
    same = inspired({"kind": "file", "path": str(copy)})
    assert {k: v for k, v in same.items() if "outpaintings" in k[0]} == {
        k: v for k, v in first.items() if "outpaintings" in k[0]
    }
    scaled = inspired({"kind": "file", "path": str(copy)}, scale=0.5)
    changed = {pair for pair in scaled if scaled[pair] != same[pair]}
    assert changed == {("inspired_outpaintings", f"p{number}") for number in range(5)}
