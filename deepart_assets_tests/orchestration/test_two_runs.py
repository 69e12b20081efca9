"""Two runs of the real graph on the same paintings at the same time, with different settings."""

import shutil
import subprocess
import sys

import dagster as dg
import pytest

from deepart_assets.storage import Lake, MaterializationStore
from deepart_assets_tests.conftest import instance_in

KEYS = [f"p{number}" for number in range(5)]
STAGES = ["predicted_masks", "subject_masks", "unfinished_paintings", "telea_outpaintings"]

RUN = """
import sys
from pathlib import Path
import dagster as dg
from deepart_assets.runs import run_job
from deepart_assets_tests.conftest import instance_in
home, profile, root, *stages = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
with instance_in(Path(home)) as instance:
    keys = instance.get_dynamic_partitions("paintings")
    selection = [dg.AssetKey(stage) for stage in stages]
    for _ in range(2):
        run_job(instance, "restore", keys=keys, profile=profile, root=root,
                asset_selection=selection)
"""


def outpaintings(lake: Lake) -> dict[str, bytes]:
    return {key: lake.read(f"telea_outpaintings/{key}.png") for key in KEYS}


@pytest.mark.slow
def test_two_runs_with_different_settings_leave_what_the_next_one_mends(project, tmp_path):
    selection = [dg.AssetKey(stage) for stage in STAGES]
    profiles = []
    for radius, side in ((3, 64), (9, 72)):
        project.content["outpainters"]["telea"]["radius"] = radius
        project.content["restoration"]["working_side"] = side
        profiles.append(str(project.write_profile()))
    home = tmp_path / "dagster"
    with instance_in(home) as instance:
        with project.run("catalogue", instance) as result:
            assert result.success
        shutil.copytree(project.root, tmp_path / "alone")

        runs = [
            subprocess.Popen(
                [sys.executable, "-c", RUN, str(home), profile, str(project.root), *STAGES],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for profile in profiles
        ]
        for run in runs:
            run.stdout.readline()
        for run in runs:
            run.stdin.write("go\n")
            run.stdin.flush()
        for run in runs:
            run.communicate(timeout=240)
            assert run.returncode == 0

        # Whoever was last: each record tells of its files.
        for stage in STAGES:
            for key in KEYS:
                record = project.store.get(stage, key)
                assert record.status == "failed" or all(map(project.lake.checked, record.files))

        # One more run, and all is what it would have been without the other.
        with project.run("restore", instance, KEYS, asset_selection=selection) as result:
            assert result.success
        for key in KEYS:
            records = {stage: project.store.done(stage, key) for stage in STAGES}
            for stage, record in records.items():
                assert all(map(project.lake.checked, record.files)), (stage, key)
                for dep in records.keys() & record.provenance["inputs"].keys():
                    assert record.provenance["inputs"][dep] == records[dep].data_version, (
                        stage,
                        key,
                    )
        mended = outpaintings(project.lake)
        project.root = tmp_path / "alone"
        project.lake = Lake(project.root)
        project.store = MaterializationStore(project.lake)
        with project.run("restore", instance, KEYS, asset_selection=selection) as result:
            assert result.success
        assert outpaintings(project.lake) == mended
