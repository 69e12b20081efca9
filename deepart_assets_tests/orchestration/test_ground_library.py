"""What the frozen library is made from when it is renewed, and when it is another."""

import logging

import numpy as np
import pandas as pd
import pytest

from deepart_assets.assets.grounds import ground_assets
from deepart_assets.imaging import encode_png
from deepart_assets.orchestration.context import StageContext
from deepart_assets.outpainting.scene_completion import library
from deepart_assets.runs import bring_up_to_date
from deepart_assets.settings import load_settings
from deepart_assets.storage import Provenance, StageResult, materialize_if_stale, sha256_of
from deepart_assets.wikiart.catalogue import to_parquet
from deepart_assets_tests.orchestration.test_grounds import with_scene_completion
from deepart_assets_tests.outpainting.scene_completion.drawn import ground, paint


@pytest.fixture
def renewed(project):
    """Return a function that makes the library of `cc0` and of the profile's own grounds."""

    def renew(**grounds):
        with_scene_completion(project, libraries=[{"kind": "bundled", "name": "cc0"}], **grounds)
        settings = load_settings(str(project.write_profile()))
        context = StageContext(settings, project.store, logging.getLogger())
        [*_, spec] = ground_assets(settings)
        make, provenance = spec.stage(context).make, Provenance(spec.code_version)
        return materialize_if_stale(project.store, spec.name, provenance, make, force=True)[0]

    return renew


def test_a_description_of_another_original_or_another_mask_is_left_out(project, renewed):
    def put(asset, data, key="_whole", **inputs):
        result = StageResult({f"{asset}/{key}": data})
        provenance = Provenance("1", {"data": sha256_of(data)}, inputs)
        return materialize_if_stale(project.store, asset, provenance, lambda: result, key=key)[0]

    def listed(data):
        project.lake.write("inbox/scan.png", data)
        words = dict.fromkeys(("artist", "title", "style", "genre", "date"), "")
        row = {"id": "scan", "path": "inbox/scan.png", "sha256": sha256_of(data), **words}
        put("styled_paintings", to_parquet(pd.DataFrame([row])))

    first, second = encode_png(paint(1)), encode_png(paint(2))
    listed(first)
    mask = put("subject_masks", b"mask", "scan")
    described = {"original": sha256_of(first), "subject_masks": mask.data_version}
    put("painting_grounds", ground("scan", 1).to_bytes(), "scan", **described)
    assert renewed().figures["from_paintings"] == 1
    listed(second)
    assert renewed().figures["from_paintings"] == 0
    listed(first)
    assert renewed().figures["from_paintings"] == 1
    put("subject_masks", b"corrected", "scan")
    assert renewed().figures["from_paintings"] == 0


def test_the_last_digits_of_the_statistics_make_no_other_library(renewed, monkeypatch):
    """They differ between processors."""
    first = renewed(catalogue=False)
    exact = library.hub_costs
    monkeypatch.setattr(library, "hub_costs", lambda costs: exact(costs) + np.float32(1e-5))
    second = renewed(catalogue=False)
    assert second.files[0].sha256 != first.files[0].sha256
    assert second.data_version == first.data_version
    withdrawn = renewed(catalogue=False, lenders={"not_artists": ["Albert Bierstadt"]})
    assert withdrawn.figures["grounds"] < first.figures["grounds"]
    assert withdrawn.data_version != first.data_version


@pytest.mark.slow
def test_a_lake_without_paintings_yet_renews_its_library_and_restores_them(project, instance):
    with_scene_completion(project, libraries=[{"kind": "bundled", "name": "cc0"}])
    profile, root = str(project.write_profile()), str(project.lake.url)
    assert bring_up_to_date(instance, profile=profile, root=root, renew_grounds=True).succeeded
    assert project.store.done("completed_upscaled", "p0")
