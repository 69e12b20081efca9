"""The time left counts what is computed, and learns how fast this run is."""

import io
import uuid

import dagster as dg
import pytest
from rich.console import Console

from deepart_assets.cli_progress import WHOLE, Remaining, RunProgress, _expected
from deepart_assets.errors import UnavailableError
from deepart_assets.storage import Lake, MaterializationRecord, MaterializationStore
from deepart_assets_tests.conftest import instance_in

SECONDS = {"masks": 1.0, "upscaled": 10.0, "gallery": 2.0}


def work():
    outputs = {"masks": {"a", "b"}, "upscaled": {"a", "b"}, "gallery": {WHOLE}}
    return Remaining(outputs, SECONDS, 0.0)


@pytest.mark.parametrize("slowness", [0.5, 1.0, 4.0])
def test_the_time_left_is_right_within_a_factor_of_two(slowness):
    left, now, end = work(), 0.0, 24 * slowness
    steps = [("masks", "ab"), ("upscaled", "ab"), ("gallery", [WHOLE])]
    for asset, keys in steps:
        left.begin(asset, now)
        for key in keys:
            half = now + slowness * SECONDS[asset] / 2
            if half > end / 3:  # it has seen how fast the run is
                assert 0.5 <= left.seconds(half) / (end - half) <= 2
            now += slowness * SECONDS[asset]
            left.finish(asset, key, now)
        left.end(asset, keys, now)
    assert left.seconds(now) == 0 and left.computed == left.count == 5


def test_what_is_reused_is_no_part_of_the_work():
    left = work()
    left.begin("masks", 0)
    before = left.seconds(0.1)
    left.finish("masks", "c", 0.1)  # it was not stale
    assert left.seconds(0.1) == before and left.computed == 0
    left.end("masks", ["a"], 0.1)  # nor was a, after all; b is another run's
    assert left.total() == 1 + 20 + 2


def test_an_output_of_the_whole_takes_as_long_as_it_took_whatever_its_parts_did(tmp_path):
    store = MaterializationStore(Lake(tmp_path))
    seconds = {"_whole": 60.0, **{f"p{number}": 0.1 for number in range(9)}}
    for key, spent in seconds.items():
        store.put(MaterializationRecord("pairs", key, "done", "", {}, seconds=spent))
    assert _expected("pairs", store, whole=True) == 60
    assert _expected("pairs", store, whole=False) < 10
    assert _expected("gallery", store, whole=True) > 0


def test_an_asset_of_which_nothing_is_known_counts_all_the_same():
    left = Remaining({"new": {"a"}}, {}, 0.0)
    assert left.seconds(0) > 0


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (UnavailableError("the disk is full"), "masks failed: the disk is full"),
        (dg.Failure("1 of 2 paintings failed"), "masks failed: 1 of 2 paintings failed"),
        (OSError("a broken disk"), "masks failed: OSError: a broken disk"),
    ],
)
def test_what_fails_at_the_very_end_of_a_run_is_told(tmp_path, error, told):
    @dg.op
    def masks():
        raise error

    @dg.job
    def restore():
        masks()

    console = Console(file=io.StringIO())
    run = dg.DagsterRun(job_name="restore", run_id=str(uuid.uuid4()))
    with (
        instance_in(tmp_path) as instance,
        RunProgress(instance, console, lambda: None) as progress,
        progress(run),
    ):
        restore.execute_in_process(instance=instance, run_id=run.run_id, raise_on_error=False)
    assert console.file.getvalue().strip() == told
