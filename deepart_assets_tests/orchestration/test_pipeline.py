"""The whole real graph on small paintings: results, reuse, bad paintings, the launchpad."""

import io
import json
import os
from dataclasses import replace
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
from PIL import Image

from deepart_assets import __version__
from deepart_assets.assets.restoration import SHEET_HEIGHT
from deepart_assets.assets.upscaled import LARGEST_ERROR
from deepart_assets.imaging import decode_grey, decode_rgb, decode_rgba, encode_png, resize
from deepart_assets.runs import bring_up_to_date
from deepart_assets.storage import sha256_of
from deepart_assets.super_resolution.upscaling.subject import consistency_error
from deepart_assets_tests.conftest import draw_painting
from deepart_assets_tests.imaging.test_metadata import said_in

KEYS = [f"p{number}" for number in range(5)]
STAGES = [
    "predicted_masks",
    "subject_masks",
    "unfinished_paintings",
    "telea_outpaintings",
    "telea_upscaled",
    "restoration_sheets",
]


def materialized(result):
    return {
        (event.asset_key.to_user_string(), event.partition)
        for event in result.all_events
        if event.event_type_value == "ASSET_MATERIALIZATION"
    }


def failed_steps(result):
    return {e.step_key for e in result.all_events if e.event_type_value == "STEP_FAILURE"}


def made_at(project):
    return {
        (asset, key): project.store.get(asset, key).made_at
        + str(project.store.get(asset, key).seconds)
        for asset in [*STAGES, "psnr_weights", "art_esrgan", "gallery", "wikiart_paintings"]
        for key in project.store.keys(asset)
    }


def is_shown(picture, sheet, height):
    """Tell whether a sheet has the picture at this height."""
    import cv2

    width = round(picture.shape[1] * height / picture.shape[0])
    found = cv2.matchTemplate(sheet, resize(picture, height, width), cv2.TM_CCOEFF_NORMED)
    return found.max() > 0.97  # 1 would be the same picture, by its deviations from its mean


def test_from_pictures_to_gallery(done):
    for key in KEYS:
        unfinished = decode_rgba(done.lake.read(f"unfinished_paintings/{key}.png"), key)
        outpainting = decode_rgb(done.lake.read(f"telea_outpaintings/{key}.png"), key)
        upscaled = decode_rgb(done.lake.read(f"telea_upscaled/{key}.png"), key)
        known = unfinished[..., 3] == 255
        assert min(unfinished.shape[:2]) == 64
        assert unfinished.shape[:2] == outpainting.shape[:2]
        assert 0.02 < known.mean() < 0.98
        np.testing.assert_array_equal(outpainting[known], unfinished[..., :3][known])
        assert not unfinished[~known].any(), "an outpainter could see what it should invent"
        assert upscaled.shape[:2] == (4 * unfinished.shape[0], 4 * unfinished.shape[1])
        original = decode_rgb(done.lake.read(f"wikiart_paintings/{key}.png"), key)
        mask = decode_grey(done.lake.read(f"subject_masks/{key}.png"), key)
        figures = done.store.get("telea_upscaled", key).figures
        assert figures["subject_from"] == "original, enlarged"
        assert figures["subject_difference"] == 0
        assert consistency_error(upscaled, original, mask) < LARGEST_ERROR
        sheet = decode_rgb(done.lake.read(f"restoration_sheets/{key}.jpg"), key)
        half = (SHEET_HEIGHT - SHEET_HEIGHT // 18) // 2
        assert is_shown(original, sheet, SHEET_HEIGHT)
        assert is_shown(outpainting, sheet, half)
        assert is_shown(upscaled, sheet, half)
    wall = done.lake.read("gallery/index.html").decode()
    for key in KEYS:
        assert f'href="paintings/{key}.html"' in wall
        page = done.lake.read(f"gallery/paintings/{key}.html").decode()
        assert f"../../restoration_sheets/{key}.jpg" in page
    report = json.loads(done.lake.read("reports/art_esrgan_evaluation.json"))
    names = ["bicubic", "psnr_weights", "interpolation 0.5", "art_esrgan"]
    assert [row["name"] for row in report["rows"]] == names
    assert all(np.isfinite(row["psnr_y"]) for row in report["rows"])


def test_a_small_original_is_enlarged_by_the_network(unrestored, instance):
    Image.fromarray(draw_painting(1, 110, 90)).save(unrestored.inbox / "small.png")
    with unrestored.run("catalogue", instance) as result:
        assert result.success
    with unrestored.run("restore", instance, ["small"]) as result:
        assert "telea_upscaled" not in failed_steps(result)
    figures = unrestored.store.get("telea_upscaled", "small").figures
    assert figures["subject_from"] == "original, enlarged by the network"
    assert figures["subject_difference"] == 0
    assert 0 < figures["subject_error"] < LARGEST_ERROR


def test_results_say_where_they_come_from(done):
    store, lake = done.store, done.lake
    for asset, mask in (
        ("telea_outpaintings", "unfinished_paintings/p1.png"),
        ("telea_upscaled", "subject_masks/p1.png"),
    ):
        record = store.done(asset, "p1")
        outpainting = store.done("telea_outpaintings", "p1")
        with Image.open(io.BytesIO(lake.read(record.path))) as image:
            image.load()
        assert image.info["srgb"] == 0
        assert image.text["Software"] == f"Deep Art {__version__}"
        assert "generated by telea" in image.text["Description"]
        exif = image.getexif()
        assert exif[305] == image.text["Software"]
        assert f"Surround made on {outpainting.made_at[:10]} by fast marching" in exif[270]
        said = said_in(image.text["XML:com.adobe.xmp"])
        assert said["description"] == exif[270]
        assert said["DigitalSourceType"].endswith(
            "Media" if asset == "telea_upscaled" else "/composite"
        )
        assert said["Fingerprint"] == record.fingerprint
        assert said["Seed"] == str(outpainting.figures["seed"])
        assert said["Mask"] == mask and said["MaskSHA256"] == sha256_of(lake.read(mask))
    assert image.text["Original"].startswith("p1, SHA-256 ")


def test_the_version_of_an_outpainting_is_that_of_its_pixels(done):
    """As before results had metadata, so that what was restored then stays fresh."""
    record = done.store.done("telea_outpaintings", "p1")
    pixels = encode_png(decode_rgb(done.lake.read(record.path), "p1"))
    bare = replace(record.files[0], sha256=sha256_of(pixels), content=None)
    assert record.data_version == replace(record, files=(bare,)).data_version


def test_a_second_run_computes_nothing_and_a_damaged_output_alone_is_made_again(done, instance):
    before = made_at(done)
    with done.run("catalogue", instance) as result:
        assert result.success
    with done.run("restore", instance) as result:
        assert result.success
    assert made_at(done) == before

    data = done.lake.read("telea_outpaintings/p2.png")
    version = done.store.get("telea_outpaintings", "p2").data_version
    done.lake.write("telea_outpaintings/p2.png", data[:-20])
    done.lake.remove("telea_upscaled/p3.png")
    with done.run("restore", instance) as result:
        assert result.success
    after = made_at(done)
    assert {name for name in after if after[name] != before[name]} == {
        ("telea_outpaintings", "p2"),
        ("telea_upscaled", "p3"),
    }
    assert done.store.get("telea_outpaintings", "p2").data_version == version


@pytest.mark.slow
def test_damage_that_no_stamp_tells_is_found_and_mended_when_asked_for(done, instance):
    path = Path(done.lake.full_path("telea_outpaintings/p2.png"))
    whole, stat = path.read_bytes(), path.stat()
    with path.open("r+b") as file:
        file.seek(len(whole) // 2)
        file.write(bytes(3))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    place = {"profile": str(done.write_profile()), "root": str(done.root)}
    assert bring_up_to_date(instance, **place).succeeded
    assert path.read_bytes() != whole
    assert bring_up_to_date(instance, thorough=True, **place).succeeded
    assert path.read_bytes() == whole


@pytest.mark.slow
def test_one_bad_painting_never_stops_the_others(unrestored, instance, capsys):
    unrestored.lake.write("wikiart_paintings/p1.png", b"no picture any more")
    with unrestored.run("restore", instance) as result:
        assert not result.success
        assert failed_steps(result) == {"predicted_masks"}
        made = materialized(result)
    assert "1 of 5 paintings failed in predicted_masks" in capsys.readouterr().out
    for stage in STAGES:
        assert {key for asset, key in made if asset == stage} == set(KEYS) - {"p1"}, stage
    assert ("gallery", None) in made
    record = unrestored.store.get("predicted_masks", "p1")
    assert record.status == "failed"
    assert "wikiart_paintings/p1.png is a text: replace the file" in record.reason
    assert unrestored.store.get("unfinished_paintings", "p1") is None
    assert "predicted masks failed" in unrestored.lake.read("gallery/index.html").decode()


@pytest.mark.slow
def test_a_painting_without_subject_is_skipped_visibly(unrestored, instance):
    unrestored.content["segmentation"]["minimal_share"] = 0.9999
    with unrestored.run("restore", instance) as result:
        assert result.success
        made = materialized(result)
        observed = {
            (
                entry.dagster_event.asset_key.to_user_string(),
                entry.dagster_event.partition,
            )
            for entry in instance.all_logs(
                result.run_id, of_type=dg.DagsterEventType.ASSET_OBSERVATION
            )
        }
        checks = {
            e.check_name: e.passed
            for event in result.all_events
            if event.event_type_value == "ASSET_CHECK_EVALUATION"
            for e in [event.asset_check_evaluation_data]
        }
    assert {(asset, key) for asset, key in made if asset in STAGES} == {
        (stage, key) for stage in STAGES for key in KEYS
    }
    files = ["curated_masks", "curator_choices", "subject_texts"]
    assert observed == {(folder, key) for folder in files for key in KEYS}
    assert checks["neither_empty_nor_full"] is False
    record = unrestored.store.get("restoration_sheets", "p0")
    assert record.status == "skipped"
    assert "no subject" in record.reason
    assert "no subject" in unrestored.lake.read("gallery/index.html").decode()


@pytest.mark.slow
def test_the_launchpad_changes_settings_for_one_run(done, instance):
    config = {"resources": {"profile": {"config": {"restoration": {"working_side": 80}}}}}
    with done.run("restore", instance, ["p0"], run_config=config) as result:
        assert result.success
    assert done.store.done("unfinished_paintings", "p0").figures["width"] == 80
    assert done.store.done("unfinished_paintings", "p1").figures["width"] == 64


def test_styles_decide_the_partitions(project, instance):
    header = "artist,date,genre,style,title,new_filename\n"
    rows = [
        f"A{n},1900,portrait,{'Cubism' if n % 2 else 'Realism'},T{n},p{n}.png" for n in range(5)
    ]
    (project.pictures / "paintings.csv").write_text(header + "\n".join(rows))
    project.content["wikiart"]["sources"]["pictures"]["csv"] = "paintings.csv"
    project.content["styled_paintings"] = {"styles": [" realism"]}
    with project.run("catalogue", instance) as result:
        assert result.success
    assert instance.get_dynamic_partitions("paintings") == ["p0", "p2", "p4"]
    project.content["styled_paintings"] = {"styles": ["cubism"]}
    with project.run("catalogue", instance) as result:
        assert result.success
    assert instance.get_dynamic_partitions("paintings") == ["p1", "p3"]


@pytest.mark.slow
def test_missing_weights_fail_at_once_with_the_remedy(unrestored, instance):
    unrestored.content["outpainters"]["inspired"] = {
        "kind": "artificially_inspired",
        "weights": {"kind": "file", "path": "nowhere.pkl"},
    }
    with unrestored.run("restore", instance) as result:
        assert not result.success
        failures = {
            event.step_key: str(event.event_specific_data.error)
            for event in result.all_events
            if event.event_type_value == "STEP_FAILURE"
        }
        made = materialized(result)
    assert set(failures) == {"inspired_weights", "inspired_outpaintings"}
    assert "CoModGAN" in failures["inspired_weights"]
    assert "inspired_weights has no result yet" in failures["inspired_outpaintings"]
    assert ("telea_upscaled", "p0") in made
    assert not any(asset == "inspired_outpaintings" for asset, _ in made)


@pytest.mark.slow
def test_two_partial_batches_equal_one(unrestored, instance):
    for keys in (KEYS[:2], KEYS[2:]):
        with unrestored.run("restore", instance, keys) as result:
            assert result.success
    storage = instance.event_log_storage
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION
    for stage in STAGES:
        latest = storage.get_latest_storage_id_by_partition(dg.AssetKey(stage), kind)
        assert set(latest) == set(KEYS)
