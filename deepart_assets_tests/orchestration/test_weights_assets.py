"""The assets of weights in Dagster: their sources, what the UI shows, what makes them again."""

import json

import dagster as dg

from deepart_assets.assets.training import PSNR_PATH, psnr_weights
from deepart_assets.orchestration.asset_factory import build_asset
from deepart_assets.orchestration.resources import profile_resource
from deepart_assets.settings import load_settings
from deepart_assets.storage import sha256_of
from deepart_assets.super_resolution.rrdbnet import RRDBNet
from deepart_assets.super_resolution.weights import provenance_of, sources, to_bytes
from deepart_assets_tests.conftest import was_computed


def materialize(project, instance):
    """Return the metadata of psnr_weights by name, or what its failure says."""
    settings = load_settings(str(project.write_profile()))
    resource = profile_resource(settings, str(project.root))
    result = dg.materialize(
        [build_asset(psnr_weights, settings)],
        resources={"profile": resource},
        instance=instance,
        raise_on_error=False,
    )
    if not result.success:
        (failure,) = (e for e in result.all_events if e.event_type_value == "STEP_FAILURE")
        return failure.event_specific_data.user_failure_data.description
    made = result.asset_materializations_for_node("psnr_weights")
    if not made:
        return {"made": "reused"}  # Dagster knows it
    return {name: value.value for name, value in made[0].metadata.items()}


def small(features):
    return to_bytes(RRDBNet(features=features, blocks=1, growth=4).state_dict(), {})


def test_weights_of_a_file_are_made_again_when_the_file_is_another(done, instance):
    file = done.folder / "own.safetensors"
    done.content["super_resolution"]["psnr_weights"] = {"kind": "file", "path": str(file)}
    trained = done.lake.read(PSNR_PATH)
    missing = materialize(done, instance)
    assert f"There is no file {file}" in missing
    assert done.lake.read(PSNR_PATH) == trained

    file.write_bytes(small(6))
    first = materialize(done, instance)
    assert first["network"] == "features 6, blocks 1, growth 4, ×4"
    digest = sha256_of(file.read_bytes())
    assert first["provenance"] == {"source": "file:own.safetensors", "source_sha256": digest}
    version = done.store.done("psnr_weights").data_version
    assert materialize(done, instance)["made"].startswith("reused")

    done.content["super_resolution"]["psnr_weights"]["sha256"] = digest
    assert was_computed(materialize(done, instance)["made"])
    assert done.store.done("psnr_weights").data_version == version, "nothing after it is stale"

    del done.content["super_resolution"]["psnr_weights"]["sha256"]
    file.write_bytes(small(7))
    assert materialize(done, instance)["network"].startswith("features 7,")


def test_the_shipped_weights_are_a_source(done, instance, monkeypatch):
    monkeypatch.setattr(sources.FINDER, "folder", done.folder)
    done.content["super_resolution"]["psnr_weights"] = {"kind": "bundled", "name": "base"}
    assert "ships no weights" in materialize(done, instance)
    (done.folder / "base.safetensors").write_bytes(small(6))
    assert materialize(done, instance)["provenance"]["source"] == "bundled:base"


def test_trained_weights_report_what_they_were_trained_on(done):
    pairs = done.store.done("lr_hr_pairs").data_version
    for asset, stage in (("psnr_weights", "pixel"), ("art_esrgan", "adversarial")):
        record = done.store.done(asset)
        found = provenance_of(done.lake.read(record.path))
        assert record.figures["provenance"] == found
        assert found["stage"] == stage
        assert found["data_set"] == pairs
        assert {"torch", "device"} <= found.keys()
        assert json.loads(found["settings"])["datasets"]["train"]["gt_size"] == 64
