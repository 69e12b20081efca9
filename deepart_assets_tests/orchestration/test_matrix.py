"""What is computed again when something changes: counted on twelve paintings, two outpainters."""

import numpy as np
import pytest
from PIL import Image

from deepart_assets.imaging import decode_grey, decode_rgb, encode_png
from deepart_assets.outpainting import registry
from deepart_assets_tests.conftest import draw_painting
from deepart_assets_tests.orchestration.matrix_project import (
    CHAIN,
    COLUMNS,
    KEYS,
    OTHERS,
    SHEETS,
    last_plan,
    outputs,
    save_generator,
    whole,
)

pytestmark = pytest.mark.slow


def repaint(folder, key, seed, *size):
    Image.fromarray(draw_painting(seed, *size)).save(folder / f"{key}.png")


def test_nothing_changed(computed, instance):
    assert computed() == set()
    plan = last_plan(instance)
    assert plan["checked"].value == len(KEYS) and plan["outputs"].value == 0
    # 0.1 s on a quiet machine: the whole of looking is bounded, not measured.
    assert plan["seconds"].value < 5


def test_a_painting_comes_to_the_inbox_and_leaves_it(restored_matrix, instance, computed):
    picture = restored_matrix.inbox / "new one.png"
    Image.fromarray(draw_painting(99)).save(picture)
    assert computed() == outputs(CHAIN, ["new_one"])
    picture.unlink()
    assert computed() == set()
    assert "new_one" not in instance.get_dynamic_partitions("paintings")


def test_the_bytes_of_one_painting(restored_matrix, computed):
    restored_matrix.content["wikiart"]["sources"]["pictures"]["path"] = str(
        restored_matrix.pictures
    )
    assert computed() == set(), "the same bytes from another place"
    repaint(restored_matrix.pictures, "p11", 77, 100, 80)
    assert computed() == outputs(CHAIN, ["p11"])


def test_the_bytes_of_a_painting_that_the_networks_learn_from(restored_matrix, computed):
    """Its chain, and what the new weights make: nothing else of the other paintings."""
    restored_matrix.content["wikiart"]["sources"]["pictures"]["path"] = str(
        restored_matrix.pictures
    )
    repaint(restored_matrix.pictures, "p04", 77)
    found = computed()
    # So short a training may come to the same picture: then its sheet is not made again.
    sheets = found & outputs(SHEETS)
    upscaled = outputs(f"{name}_upscaled" for name in COLUMNS)
    trained = {("lr_hr_pairs", "p04"), *whole("lr_hr_pairs", "psnr_weights", "art_esrgan")}
    assert found - sheets == outputs(CHAIN[:-1], ["p04"]) | trained | upscaled
    assert ("restoration_sheets", "p04") in sheets


def test_a_curators_mask(restored_matrix, computed):
    lake = restored_matrix.lake
    levels = np.zeros(decode_grey(lake.read("predicted_masks/p05.png"), "").shape, np.uint8)
    levels[100:, 20:-20] = 255
    for change in (
        lambda: lake.write("masks/p05.png", encode_png(levels)),
        lambda: lake.write("masks/p05.png", encode_png(np.roll(levels, 10, axis=0))),
        lambda: lake.remove("masks/p05.png"),
    ):
        change()
        assert computed() == outputs(CHAIN[1:], ["p05"])


def test_one_outpainters_settings(restored_matrix, computed):
    restored_matrix.content["outpainters"]["telea"]["radius"] = 9
    assert computed() == outputs([*COLUMNS["telea"], *SHEETS])


def test_whether_the_tone_of_the_old_ground_is_told(restored_matrix, computed):
    """Telea does not ask for it, and unfinished paintings stay byte for byte."""
    store = restored_matrix.store
    hints = {key: store.get("unfinished_paintings", key).hints["ground_tone"] for key in KEYS}
    told = [key for key in KEYS if hints[key] is not None]
    assert told
    restored_matrix.content["restoration"]["ground_tone"] = False
    again = outputs([*COLUMNS["inspired"], *SHEETS], told)
    assert computed() == outputs(["unfinished_paintings"]) | again
    assert store.get("unfinished_paintings", told[0]).hints["ground_tone"] is None


def test_one_outpainters_weights(restored_matrix, computed):
    weights = restored_matrix.content["outpainters"]["inspired"]["weights"]
    weights["path"] = str(save_generator(restored_matrix.folder, seed=1))
    again = outputs([*COLUMNS["inspired"], *SHEETS])
    assert computed() == whole("inspired_weights") | again


def test_new_art_esrgan_weights(restored_matrix, computed):
    restored_matrix.content["super_resolution"]["art_esrgan"]["train"]["total_iter"] = 3
    upscaled = [f"{name}_upscaled" for name in COLUMNS]
    assert computed() == whole("art_esrgan") | outputs([*upscaled, *SHEETS])


def test_a_wider_style_filter(restored_matrix, instance, computed):
    restored_matrix.content["styled_paintings"]["styles"] = ["realism", "cubism"]
    assert computed() == outputs(CHAIN, OTHERS)
    assert instance.get_dynamic_partitions("paintings") == [*KEYS, *OTHERS]


def test_an_unrelated_setting(restored_matrix, computed):
    restored_matrix.content["super_resolution"]["evaluation"]["interpolations"] = [0.25]
    restored_matrix.content["automation"] = {"nightly": "30 3 * * *", "max_partition_gap": 3}
    assert computed() == set()


def test_a_deleted_and_a_damaged_file_of_the_same_bytes(restored_matrix, computed):
    lake = restored_matrix.lake
    lake.remove("telea_outpaintings/p03.png")
    data = lake.read("inspired_upscaled/p07.png")
    lake.write("inspired_upscaled/p07.png", data[:-9])
    assert computed() == {("telea_outpaintings", "p03"), ("inspired_upscaled", "p07")}
    assert lake.read("inspired_upscaled/p07.png") == data


def test_a_lost_file_that_comes_out_otherwise(restored_matrix, computed, monkeypatch):
    """As after an update of a library: what is made again has other bytes, so all after it is."""

    class Brighter(registry.TeleaOutpainter):
        def __call__(self, requests):
            return [np.minimum(each, 254) + np.uint8(1) for each in super().__call__(requests)]

    before = decode_rgb(restored_matrix.lake.read("telea_outpaintings/p03.png"), "")
    restored_matrix.lake.remove("telea_outpaintings/p03.png")
    monkeypatch.setattr(registry, "TeleaOutpainter", Brighter)
    assert computed() == outputs([*COLUMNS["telea"], *SHEETS], ["p03"])
    after = decode_rgb(restored_matrix.lake.read("telea_outpaintings/p03.png"), "")
    assert not np.array_equal(before, after)


def test_a_painting_is_delisted_and_returns(restored_matrix, instance, computed):
    lake, store = restored_matrix.lake, restored_matrix.store
    sheet, made = lake.read("restoration_sheets/p00.jpg"), store.get("telea_upscaled", "p00")
    restored_matrix.content["styled_paintings"]["years"] = [1901, None]
    assert computed() == set()
    assert instance.get_dynamic_partitions("paintings") == KEYS[1:]
    for asset in CHAIN:
        assert "p00" not in store.keys(asset)
        assert lake.exists(f"withdrawn/records/{asset}/p00.json")
    assert not lake.exists("restoration_sheets/p00.jpg")
    assert lake.read("withdrawn/restoration_sheets/p00.jpg") == sheet
    assert "p00" not in lake.read("gallery/index.html").decode()
    assert not lake.exists("gallery/paintings/p00.html")

    del restored_matrix.content["styled_paintings"]["years"]
    assert computed() == set(), "what is kept aside is brought back, not made again"
    assert set(instance.get_dynamic_partitions("paintings")) == set(KEYS)
    assert store.get("telea_upscaled", "p00") == made
    assert lake.read("restoration_sheets/p00.jpg") == sheet
    assert "paintings/p00.html" in lake.read("gallery/index.html").decode()
    assert "restoration_sheets/p00.jpg" in lake.read("gallery/paintings/p00.html").decode()
    assert not lake.list("withdrawn/restoration_sheets")


def test_what_is_asked_for_is_made_again_and_nothing_between(computed):
    assert computed(force=True, paintings=["p02", "p05"]) == outputs(CHAIN, ["p02", "p05"])
