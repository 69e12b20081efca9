"""The profile's function is called with the runs that have ended."""

import logging
import sys

import dagster as dg
import pytest

from deepart_assets_tests.orchestration.sensor_harness import SensorHarness

TELL = """
reported = []
def tell(notification):
    reported.append(notification)
def broken(notification):
    raise ConnectionError("the chat is down")
"""


@pytest.fixture
def hook(tmp_path, monkeypatch):
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks" / "chat_of_a_test.py").write_text(TELL)
    monkeypatch.syspath_prepend(str(tmp_path / "hooks"))
    yield "chat_of_a_test"
    sys.modules.pop("chat_of_a_test", None)


@pytest.fixture
def sensors(project, instance, monkeypatch):
    return SensorHarness(project, instance, monkeypatch)


def ended(sensors, job="catalogue", **more):
    """Let the sensors look before and after a run; return what they say of it."""
    names = ("notify_succeeded", "notify_failed")
    for name in names:
        sensors(name)
    with sensors.project.run(job, sensors.instance, **more) as result:
        return result, {name: sensors(name).dagster_run_reactions for name in names}


@pytest.mark.slow
def test_a_function_is_called_for_what_succeeded_and_what_failed(sensors, hook):
    sensors.project.content["automation"] = {"notify": f"{hook}:tell"}
    tags = {"deepart/reason": "every week: new paintings of the sources"}
    result, _ = ended(sensors, tags=tags)
    [notification] = sys.modules[hook].reported
    assert (notification.run_id, notification.job, notification.succeeded) == (
        result.run_id,
        "catalogue",
        True,
    )
    assert notification.reason == "every week: new paintings of the sources"
    assert notification.failures == ()

    (sensors.project.pictures / "p1.png").write_bytes(b"")
    sensors.project.lake.write("wikiart_paintings/p1.png", b"no picture")
    result, _ = ended(
        sensors, "restore", keys=["p1", "p2"], asset_selection=[dg.AssetKey("predicted_masks")]
    )
    _, notification = sys.modules[hook].reported
    assert (notification.run_id, notification.job, notification.succeeded) == (
        result.run_id,
        "restore",
        False,
    )
    assert notification.failures == (
        "predicted_masks: 1 of 2 paintings failed in predicted_masks (wikiart_paintings/p1.png is"
        " a text: replace the file with the picture); the others are done.",
    )


def test_the_reason_is_the_faults_own_and_not_that_dagster_met_it(sensors, hook):
    sensors.project.content["automation"] = {"notify": f"{hook}:tell"}
    sensors.project.content["wikiart"]["sources"]["pictures"]["path"] = "/nowhere"
    ended(sensors)
    [notification] = sys.modules[hook].reported
    failure, following = notification.failures
    assert failure.startswith("wikiart_paintings: ")
    assert "There is no folder /nowhere" in failure
    assert following.startswith("styled_paintings: wikiart_paintings has no result yet")


def test_a_function_that_raises_is_shown_on_the_tick_and_called_for_the_next_run(sensors, hook):
    sensors.project.content["automation"] = {"notify": f"{hook}:broken"}
    _, reactions = ended(sensors)
    [reaction] = reactions["notify_succeeded"]
    assert "the chat is down" in reaction.error.to_string()
    sensors.project.content["automation"] = {"notify": f"{hook}:tell"}
    result, _ = ended(sensors)
    assert [each.run_id for each in sys.modules[hook].reported] == [result.run_id]


def test_by_default_a_line_is_logged(sensors, caplog):
    with caplog.at_level(logging.INFO, "deepart_assets"):
        result, _ = ended(sensors, tags={"deepart/reason": "a test"})
    lines = [each.getMessage() for each in caplog.records if each.name == "deepart_assets"]
    assert lines == [f"catalogue (a test) succeeded: run {result.run_id}"]
