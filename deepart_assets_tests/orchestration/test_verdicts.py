"""A doubtful mask: shown everywhere, restored or held; a changed verdict makes only that stale."""

import pytest

from deepart_assets_tests.orchestration.test_pipeline import made_at
from deepart_assets_tests.orchestration.test_staleness import KEYS


@pytest.mark.slow
def test_a_doubtful_painting_is_shown_and_restored_or_held(done, instance):
    done.content["segmentation"]["confident_share"] = 1
    before = made_at(done)
    with done.run("restore", instance) as result:
        assert result.success
        checks = {each.check_name: each for each in result.get_asset_check_evaluations()}
    check = checks["neither_empty_nor_full"]
    assert not check.passed and "p0" in str(check.metadata["faults"].value)
    doubt = done.store.get("subject_masks", "p0").doubt
    assert "the subject is small" in doubt and "masks/p0.png" in doubt
    changed = {pair for pair, when in made_at(done).items() if before[pair] != when}
    assert changed == {("gallery", "_whole"), *(("subject_masks", key) for key in KEYS)}
    page = done.lake.read("gallery/index.html").decode()
    assert page.count("dot doubtful") == len(KEYS) + 1 and doubt in page

    done.content["segmentation"]["doubtful"] = "hold"
    with done.run("restore", instance) as result:
        assert result.success
    for key in KEYS:
        assert done.store.get("restoration_sheets", key).status == "skipped"
    page = done.lake.read("gallery/index.html").decode()
    assert page.count("dot doubtful") == len(KEYS) + 1 and "dot no_subject" not in page
