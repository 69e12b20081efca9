"""How much a step tells of its paintings."""

import pytest

from deepart_assets.orchestration import batching


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
    with done.run("restore", instance) as result:
        assert len(lines(instance, result, "predicted_masks")) == 5
    monkeypatch.setattr(batching, "ALWAYS_REPORTED", 1)
    done.lake.remove(done.store.get("predicted_masks", "p2").path)
    done.lake.write("wikiart_paintings/p2.png", b"not a picture any more")
    with done.run("restore", instance) as result:
        reported = lines(instance, result, "predicted_masks")
    assert [line for line in reported if " 1/5 " in line]
    assert [line for line in reported if " 5/5 " in line]
    assert [line for line in reported if "p2: failed" in line]
    assert len(reported) < 5
