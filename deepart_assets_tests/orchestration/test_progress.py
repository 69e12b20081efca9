"""How much a step tells of its paintings."""

import dagster as dg
import pytest

from deepart_assets.orchestration import batching
from deepart_assets.orchestration.tags import FORCE


def lines(instance, result, asset):
    return [
        entry.user_message
        for entry in instance.all_logs(result.run_id)
        if entry.user_message.startswith(f"{asset} ")
    ]


@pytest.mark.slow
def test_a_step_of_many_paintings_reports_the_first_the_last_and_those_that_failed(
    done, instance, monkeypatch
):
    asked = {"tags": {FORCE: "true"}, "asset_selection": [dg.AssetKey("predicted_masks")]}
    with done.run("restore", instance, asset_selection=asked["asset_selection"]) as result:
        assert lines(instance, result, "predicted_masks") == []
        said = [entry.user_message for entry in instance.all_logs(result.run_id)]
        assert "predicted_masks: 5 of 5 paintings are unchanged" in said
    with done.run("restore", instance, **asked) as result:
        assert len(lines(instance, result, "predicted_masks")) == 5
    monkeypatch.setattr(batching, "ALWAYS_REPORTED", 1)
    done.lake.remove(done.store.get("predicted_masks", "p2").path)
    done.lake.write("wikiart_paintings/p2.png", b"not a picture any more")
    with done.run("restore", instance, **asked) as result:
        reported = lines(instance, result, "predicted_masks")
    assert [line for line in reported if " 1/5 " in line]
    assert [line for line in reported if " 5/5 " in line]
    assert [line for line in reported if "p2: failed" in line]
    assert len(reported) < 5
