"""`<outpainter>_weights`: a network's file in the graph, and what its change makes stale."""

import dagster as dg
import pytest

from deepart_assets.imaging import decode_rgb, decode_rgba
from deepart_assets.outpainting import subject_difference
from deepart_assets.outpainting.comodgan.weights import read_weights
from deepart_assets.storage.tensor_files import to_bytes
from deepart_assets_tests.outpainting.comodgan.small import plain_state, tiny
from deepart_assets_tests.outpainting.inpainting_files import migan_pipeline

NAMES = ["inspired_weights", "inspired_outpaintings", "migan_weights", "migan_outpaintings"]


@pytest.fixture
def inspired(done, instance, tmp_path):
    migan = tmp_path / "migan.onnx"
    migan.write_bytes(migan_pipeline())
    done.content["restoration"]["candidates"] = 2
    done.content["outpainters"]["migan"] = {
        "kind": "inpainting",
        "weights": {"kind": "file", "path": str(migan)},
    }

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
def test_what_a_generator_is_made_from_decides_what_is_stale(done, inspired, tmp_path):
    file = tmp_path / "generator.safetensors"
    file.write_bytes(to_bytes(plain_state(tiny()), {}))
    weights = {"kind": "file", "path": str(file)}
    first = inspired(weights)
    assert {key for name, key in first if name == "inspired_outpaintings"} == {
        f"p{number}" for number in range(5)
    }
    stored = done.lake.full_path(done.store.get("inspired_weights").path)
    assert read_weights(tmp_path / stored).spec.resolution == 32
    assert done.store.get("migan_weights").figures == {"network": "MI-GAN"}
    assert done.store.get("migan_weights").path == "migan_weights/network.onnx"
    for asset, several in (("inspired_outpaintings", True), ("migan_outpaintings", False)):
        # Another seed gives another result of the first alone.
        assert bool(done.store.get(asset, "p0").figures.get("candidates")) == several
        for key in ("p0", "p4"):
            unfinished = decode_rgba(done.lake.read(f"unfinished_paintings/{key}.png"), key)
            result = decode_rgb(done.lake.read(f"{asset}/{key}.png"), key)
            assert subject_difference(unfinished, result) == 0

    assert inspired(weights) == first, "nothing changed, nothing is made"
    # The file that the graph stored, copied elsewhere: the same bytes, no outpainting is stale.
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(done.lake.read(done.store.get("inspired_weights").path))
    same = inspired({"kind": "file", "path": str(copy)})
    assert {k: v for k, v in same.items() if "outpaintings" in k[0]} == {
        k: v for k, v in first.items() if "outpaintings" in k[0]
    }
    scaled = inspired({"kind": "file", "path": str(copy)}, scale=0.5)
    changed = {pair for pair in scaled if scaled[pair] != same[pair]}
    assert changed == {("inspired_outpaintings", f"p{number}") for number in range(5)}
