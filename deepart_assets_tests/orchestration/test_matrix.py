"""What is computed again when something changes: counted on twelve paintings, two outpainters."""

import shutil

import dagster as dg
import numpy as np
import pytest
from PIL import Image

from deepart_assets.cli import bring_up_to_date
from deepart_assets.imaging import decode_grey, encode_png
from deepart_assets_tests.conftest import QUIET, Project, draw_painting

KEYS = [f"p{number:02}" for number in range(12)]
MASK_ON = ["subject_masks", "unfinished_paintings"]
COLUMNS = {name: [f"{name}_outpaintings", f"{name}_upscaled"] for name in ("telea", "second")}
SHEETS = ["restoration_sheets"]
CHAIN = ["predicted_masks", *MASK_ON, *COLUMNS["telea"], *COLUMNS["second"], *SHEETS]


def twelve(folder):
    made = Project(folder)
    made.content["outpainters"]["second"] = {"kind": "telea", "radius": 5}
    for number, key in enumerate(KEYS):
        made.add_painting(key, seed=number)
    return made


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    folder = tmp_path_factory.mktemp("twelve")
    made = twelve(folder)
    (folder / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(folder / "dagster"), overrides=QUIET) as instance:
        assert up_to_date(made, instance)
    return folder


@pytest.fixture
def project(ready, tmp_path):
    for name in ("lake", "dagster"):
        shutil.copytree(ready / name, tmp_path / name)
    made = twelve(tmp_path)
    # The same pictures: copies would have other times.
    shutil.rmtree(made.pictures)
    shutil.copytree(ready / "pictures", made.pictures)
    made.content["wikiart"]["sources"]["pictures"]["path"] = str(ready / "pictures")
    return made


def up_to_date(project, instance, **asked):
    return bring_up_to_date(
        instance, profile=str(project.write_profile()), root=str(project.root), **asked
    )


def made(project):
    """When each painting's output was made, exactly: a reused one keeps its record."""
    found = {}
    for asset in [*CHAIN, "art_esrgan", "psnr_weights"]:
        for key in project.ledger.keys(asset):
            record = project.ledger.get(asset, key)
            found[asset, key] = (record.made_at, record.seconds, record.status)
    return found


class Counted:
    """What bringing everything up to date computes after a change."""

    def __init__(self, project, instance):
        self.project, self.instance = project, instance
        self.before = made(project)

    def __call__(self, **asked):
        up_to_date(self.project, self.instance, **asked)
        after = made(self.project)
        changed = {pair for pair in after if self.before.get(pair) != after[pair]}
        self.before = after
        return changed


@pytest.fixture
def computed(project, instance):
    return Counted(project, instance)


def outputs(assets, keys=KEYS):
    return {(asset, key) for asset in assets for key in keys}


def test_nothing_changed(computed):
    assert computed() == set()


def test_a_painting_in_the_inbox(project, computed):
    Image.fromarray(draw_painting(99)).save(project.inbox / "new one.png")
    assert computed() == outputs(CHAIN, ["new_one"])


def test_the_bytes_of_one_painting(project, ready, computed):
    source = project.folder / "pictures"
    project.content["wikiart"]["sources"]["pictures"]["path"] = str(source)
    assert computed() == set(), "the same bytes from another place"
    Image.fromarray(draw_painting(77)).save(source / "p04.png")
    assert computed() - {("art_esrgan", "_whole"), ("psnr_weights", "_whole")} >= outputs(
        CHAIN, ["p04"]
    )


def test_a_curators_mask(project, computed):
    levels = np.zeros(decode_grey(project.lake.read("predicted_masks/p05.png"), "").shape, np.uint8)
    levels[100:, 20:-20] = 255
    for change in (
        lambda: project.lake.write("masks/p05.png", encode_png(levels)),
        lambda: project.lake.write("masks/p05.png", encode_png(np.roll(levels, 10, axis=0))),
        lambda: project.lake.remove("masks/p05.png"),
    ):
        change()
        assert computed() == outputs(CHAIN[1:], ["p05"])


def test_one_outpainters_settings(project, computed):
    project.content["outpainters"]["second"]["radius"] = 9
    assert computed() == outputs([*COLUMNS["second"], *SHEETS])


def test_new_art_esrgan_weights(project, computed):
    project.content["super_resolution"]["art_esrgan"]["train"]["total_iter"] = 3
    upscaled = [f"{name}_upscaled" for name in COLUMNS]
    assert computed() == {("art_esrgan", "_whole"), *outputs([*upscaled, *SHEETS])}


def test_an_unrelated_setting(project, computed):
    project.content["super_resolution"]["evaluation"]["interpolations"] = [0.25]
    assert computed() == set()


def test_a_deleted_and_a_damaged_file(project, computed):
    project.lake.remove("telea_outpaintings/p03.png")
    data = project.lake.read("second_upscaled/p07.png")
    project.lake.write("second_upscaled/p07.png", data[:-9])
    assert computed() == {("telea_outpaintings", "p03"), ("second_upscaled", "p07")}
    assert project.lake.read("second_upscaled/p07.png") == data
