"""Folders are taken in once they are still: each change, once, never while somebody copies."""

import json
import threading
import time

import dagster as dg
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepart_assets.errors import UnavailableError
from deepart_assets.imaging import encode_png
from deepart_assets.orchestration import folder_sensors
from deepart_assets.orchestration.folder_sensors import (
    TRIES,
    Debounce,
    FolderSnapshot,
    Listing,
    changed,
)
from deepart_assets.orchestration.tags import ONLY, RANGE_END_TAG, RANGE_START_TAG
from deepart_assets.storage import Lake
from deepart_assets_tests.orchestration.sensor_harness import SensorHarness

QUIET = 30.0

LOOKS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from([0.0, 5.0, 15.0, 31.0])))
"""States of a folder, and the seconds that passed before each."""


@given(LOOKS)
def test_every_change_is_taken_in_once_and_never_while_something_changes(sensors):
    clock, state, taken = 1e9, Debounce(taken="a", seen="a"), "a"
    history, keys = [], []
    last = sensors[-1][0] if sensors else "a"
    for now, passed in [*sensors, *[(last, 15.0)] * 4]:  # then nobody copies any more
        clock += passed
        state, triggered = Debounce.from_cursor(state.to_cursor()).tick(now, clock, QUIET)
        history.append((clock, now))
        if triggered:
            assert now != taken, "nothing has changed"
            assert {seen for then, seen in history if then > clock - QUIET} <= {now}
            before = [seen for then, seen in history if then <= clock - QUIET]
            assert before[-1] == now, "somebody may have been copying until now"
            taken = now
            keys.append((state.count, state.taken))
    assert taken == state.taken == last
    assert len(set(keys)) == len(keys)
    assert state.tick(last, clock + 1000, QUIET) == (state, False)


@given(LOOKS)
def test_a_tick_whose_cursor_was_lost_is_taken_again_with_the_same_key(sensors):
    clock, state = 1e9, Debounce(taken="a", seen="a")
    for now, passed in sensors:
        clock += passed
        after, triggered = state.tick(now, clock, QUIET)
        if triggered:
            again, also = state.tick(now, clock + 15, QUIET)  # the daemon was killed in between
            assert also and (again.count, again.taken) == (after.count, after.taken)
        state = after


def test_a_clock_that_is_set_back_does_not_keep_a_folder_waiting():
    state, _ = Debounce().tick("b", 1e9, QUIET)
    state, _ = state.tick("b", 1e9 - 86400, QUIET)
    assert state.tick("b", 1e9 - 86400 + QUIET, QUIET)[1]


@given(*[st.dictionaries(st.sampled_from("abc"), st.sampled_from("12"))] * 2)
def test_what_changed_is_what_was_added_altered_or_removed(before, now):
    expected = {name for name in "abc" if before.get(name) != now.get(name)}
    assert changed(before, now) == sorted(expected)


def test_what_was_taken_in_is_kept_until_the_next_is_certain(tmp_path):
    snapshot = FolderSnapshot(Lake(tmp_path), "automation/inbox")
    odd = {"caf\udce9.png": "1 2"}  # a name that is no Unicode
    for before, digest in (("0", "1"), ("1", "2"), ("1", "3")):
        snapshot.write(before, digest, {**odd, digest: "x"})
    assert snapshot.stamps("1") == {**odd, "1": "x"}
    assert snapshot.stamps("3") == {**odd, "3": "x"}
    assert snapshot.stamps("2") == {} == snapshot.stamps("0")


# --- the sensors ---------------------------------------------------------------------------------


@pytest.fixture
def sensors(project, instance, monkeypatch):
    project.content["automation"] = {"debounce_seconds": QUIET, "max_partition_gap": 1}
    return SensorHarness(project, instance, monkeypatch)


def test_an_empty_inbox(sensors):
    assert sensors("inbox").skip_message == "nothing new among 0 files"
    assert sensors("inbox", 100).skip_message == "nothing new among 0 files"


def test_a_picture_that_is_being_copied_is_left_alone_until_it_is_there(sensors):
    sensors("inbox")
    inbox = sensors.project.inbox
    picture = inbox / "from a friend" / "one.png"
    picture.parent.mkdir(parents=True)
    for size in (1000, 2000, 3000):
        picture.write_bytes(b"x" * size)
        found = sensors("inbox", 20)
        assert not found.run_requests
        assert found.skip_message == "1 file changed: waiting until nothing has changed for 30 s"
    assert not sensors("inbox", 20).run_requests
    lost = sensors("inbox", 20, stored=False).run_requests
    [asked] = sensors("inbox", 20).run_requests
    assert [each.run_key for each in lost] == [asked.run_key]
    assert asked.tags["deepart/reason"] == "the inbox changed: from a friend/one.png"
    assert asked.tags["deepart/automated"] == "true"
    assert sensors("inbox", 20).skip_message == "nothing new among 1 files"

    (inbox / "paintings.csv").write_text("filename,title\none.png,Spring\n")
    sensors("inbox", 20)
    [csv] = sensors("inbox", 40).run_requests
    assert csv.tags["deepart/reason"] == "the inbox changed: paintings.csv"
    picture.unlink()
    sensors("inbox", 20)
    [gone] = sensors("inbox", 40).run_requests
    assert gone.tags["deepart/reason"] == "the inbox changed: from a friend/one.png"
    assert len({asked.run_key, csv.run_key, gone.run_key}) == 3


def test_decisions_publish_and_requests_restore_their_paintings(sensors, instance):
    with sensors.project.run("catalogue", instance) as result:
        assert result.success
    lake = sensors.project.lake
    lake.write_json("choices/p1.json", {"decision": "rejected"})
    [found] = sensors("curator_choices_folder").run_requests
    assert (found.job_name, found.tags[RANGE_START_TAG]) == ("restore_part", "p1")
    assert found.tags["deepart/reason"] == "a curator decided: p1"
    lake.write_json("requests/telea/p3.json", {"seed": 1})
    [found] = sensors("curator_choices_folder", 1).run_requests
    assert (found.job_name, found.tags[RANGE_START_TAG]) == ("restore", "p3")


def test_a_fresh_lake_reads_the_sources_too_and_a_reset_sensor_asks_again(sensors):
    sensors.project.inbox.mkdir(parents=True)
    (sensors.project.inbox / "one.png").write_bytes(b"x")
    (sensors.project.inbox / "facts.xlsx").write_bytes(b"x")
    sensors("inbox")
    [asked] = sensors("inbox", 40).run_requests
    assert asked.job_name == "catalogue"
    assert asked.tags["dagster/retry_on_asset_or_op_failure"] == "true"
    assert "Left out: facts.xlsx is a table that is not read" in sensors("inbox", 20).skip_message
    sensors.cursors["inbox"] = None  # "Reset cursor" in the UI
    sensors("inbox", 20)
    [again] = sensors("inbox", 40).run_requests
    assert again.run_key != asked.run_key


def failed_run(sensors, found):
    """A run as the daemon starts it for a request, which has failed."""
    sensors.instance.create_run_for_job(
        sensors.project.defs().resolve_job_def(found.job_name),
        tags={**found.tags, "dagster/sensor_name": "inbox", "dagster/run_key": found.run_key},
        status=dg.DagsterRunStatus.FAILURE,
    )


def test_a_run_that_failed_is_asked_for_again_later_each_time(sensors, monkeypatch):
    monkeypatch.setattr(folder_sensors, "BACK_OFF", (60, 300))
    sensors.clock = time.time()
    sensors.project.inbox.mkdir(parents=True)
    (sensors.project.inbox / "one.png").write_bytes(b"x")
    sensors("inbox")
    [asked] = sensors("inbox", 40).run_requests
    for tries, pause in enumerate((60, 300)):
        failed_run(sensors, asked)
        sensors.clock = time.time()
        skip = sensors("inbox", pause - 20).skip_message
        assert f"{asked.job_name} (run " in skip and "tried again in" in skip
        [more] = sensors("inbox", 40).run_requests
        assert more.job_name == asked.job_name and more.tags[TRIES] == str(tries + 1)
        assert more.tags["deepart/reason"] == "the inbox changed: one.png"
        assert more.run_key != asked.run_key
        asked = more
    failed_run(sensors, asked)
    assert "as 2 times before" in sensors("inbox", 1e6).skip_message
    job = sensors.project.defs().resolve_job_def(asked.job_name)
    sensors.instance.create_run_for_job(job)  # somebody starts it
    assert sensors("inbox", 1e6).skip_message == "nothing new among 1 files"


def test_a_listing_that_takes_longer_than_a_tick_goes_on_between_ticks():
    listing, begun, end = Listing("inbox"), [], threading.Event()

    def slow():
        begun.append(True)
        end.wait(20)
        return {"a": "1"}

    for _ in range(2):
        with pytest.raises(UnavailableError, match="longer than a tick may"):
            listing.stamps(slow, 0.05)
    assert len(begun) == 1
    end.set()
    assert listing.stamps(slow, 10) == {"a": "1"}
    assert listing.stamps(slow, 10) == {"a": "1"} and len(begun) == 2

    def refused():
        raise TimeoutError("the bucket does not answer")

    for _ in range(2):
        with pytest.raises(TimeoutError, match="does not answer"):
            listing.stamps(refused, 10)


def test_masks_restore_just_their_paintings(sensors, instance):
    with sensors.project.run("catalogue", instance) as result:
        assert result.success
    lake = sensors.project.lake
    for name in ("p0", "p1", "p4", "nobody"):
        lake.write(f"masks/{name}.png", b"a mask")
    sensors("curated_masks_folder")
    found = sensors("curated_masks_folder", 40).run_requests
    ranges = [(each.tags[RANGE_START_TAG], each.tags[RANGE_END_TAG]) for each in found]
    assert ranges == [("p0", "p1"), ("p4", "p4")]
    assert {each.tags["deepart/reason"] for each in found} == {
        "a curator's masks changed: p0, p1, p4"
    }

    lake.remove("masks/p1.png")
    lake.write("masks/p0.png", b"another mask")
    sensors("curated_masks_folder", 20)
    [found] = sensors("curated_masks_folder", 40).run_requests
    assert (found.tags[RANGE_START_TAG], found.tags[RANGE_END_TAG]) == ("p0", "p1")

    lake.write("masks/p4.txt", b"the dog")
    lake.remove("masks/p4.png")
    sensors("curated_masks_folder", 20)
    [found] = sensors("curated_masks_folder", 40).run_requests
    assert found.tags[RANGE_START_TAG] == "p4"
    assert found.tags["deepart/reason"] == "a curator's masks changed: p4"

    lake.remove("masks/nobody.png")
    sensors("curated_masks_folder", 20)
    found = sensors("curated_masks_folder", 40)
    assert not found.run_requests
    assert found.skip_message == "1 file changed, but none belongs to a painting on the list"
    assert sensors("curated_masks_folder", 40).skip_message == "nothing new among 2 files"


def test_paintings_between_those_in_a_range_are_left_alone(sensors, instance):
    with sensors.project.run("catalogue", instance) as result:
        assert result.success
    lake = sensors.project.lake

    def restored(sensor):
        [found] = sensors(sensor, 40).run_requests
        assert (found.tags[RANGE_START_TAG], found.tags[RANGE_END_TAG]) == ("p0", "p2")
        return found.job_name, json.loads(found.tags[ONLY])

    for name in ("p0", "p2"):
        lake.write(f"masks/{name}.png", b"a mask")
        lake.write_json(f"choices/{name}.json", {"decision": "rejected"})
    sensors("curated_masks_folder")
    assert restored("curated_masks_folder") == ("restore", ["p0", "p2"])
    assert restored("curator_choices_folder") == ("restore_part", ["p0", "p2"])
    for name in ("p0", "p2"):
        lake.write_json(f"requests/telea/{name}.json", {"seed": 1})
    assert restored("curator_choices_folder") == ("restore", ["p0", "p2"])


def test_a_whole_mask_does_not_wait_and_one_that_is_being_written_does(sensors, instance):
    with sensors.project.run("catalogue", instance) as result:
        assert result.success
    lake, mask = sensors.project.lake, encode_png(np.zeros((9, 9), np.uint8))
    sensors("curated_masks_folder")
    for name, share in (("p1", 0.5), ("p2", 1.0), ("p3", 1.0)):
        data = mask[: int(share * len(mask))]
        (sensors.project.root / "masks" / f"{name}.png").write_bytes(data)
        found = sensors("curated_masks_folder", 1)
        if name == "p1":  # cut off: somebody may be writing it
            assert not found.run_requests and "waiting until nothing" in found.skip_message
            lake.write("masks/p1.png", mask)
            [found] = sensors("curated_masks_folder", 1).run_requests
            assert found.tags[RANGE_START_TAG] == "p1"
        else:
            [found] = found.run_requests
            assert found.tags[RANGE_START_TAG] == found.tags[RANGE_END_TAG] == name
        assert sensors("curated_masks_folder", 1).skip_message.startswith("nothing new")
    for name in ("p1", "p4"):  # several: more of them may come
        lake.write(f"masks/{name}.png", encode_png(np.ones((9, 9), np.uint8)))
    found = sensors("curated_masks_folder", 1)
    assert found.skip_message.startswith("2 files changed: waiting until nothing")


def test_the_cursor_does_not_grow_with_the_folder(sensors):
    sensors.project.inbox.mkdir(parents=True)
    for number in range(300):
        (sensors.project.inbox / f"a painting with a rather long name {number}.png").touch()
    sensors("inbox")
    [asked] = sensors("inbox", 40).run_requests
    assert "and 295 more" in asked.tags["deepart/reason"]
    assert len(sensors.cursors["inbox"]) < 300
