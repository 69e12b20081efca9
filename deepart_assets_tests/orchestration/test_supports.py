"""A painting with a support through the graph: left out, then put back or cropped."""

import cv2
import dagster as dg
import numpy as np
import pytest
from PIL import Image

from deepart_assets.assets.upscaled import LARGEST_ERROR
from deepart_assets.imaging import decode_grey, decode_rgb, decode_rgba, encode_png, resize
from deepart_assets.segmentation import Support
from deepart_assets.super_resolution.upscaling.subject import consistency_error
from deepart_assets_tests.conftest import draw_painting
from deepart_assets_tests.orchestration.test_pipeline import STAGES, made_at
from deepart_assets_tests.segmentation.supports import photograph

KEY = "hung"


def restore(project, instance, **support):
    project.content["segmentation"]["support"] = support
    selection = [dg.AssetKey(stage) for stage in STAGES]
    with project.run("restore", instance, asset_selection=selection) as result:
        assert result.success


def read(project, asset, decode):
    return decode(project.lake.read(f"{asset}/{KEY}.png"), asset)


def changed(before, after):
    return {pair for pair in after if after[pair] != before.get(pair)}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["oval", "passe-partout"])
def test_a_support_is_left_out_and_put_back_or_cropped(done, instance, tmp_path, kind):
    hung = photograph(draw_painting(7), kind, seed=3)
    (tmp_path / "more").mkdir()
    Image.fromarray(hung.picture).save(tmp_path / "more" / f"{KEY}.png")
    done.content["wikiart"]["sources"]["more"] = {"kind": "folder", "path": str(tmp_path / "more")}
    with done.run("catalogue", instance) as result:
        assert result.success
    before = made_at(done)
    restore(done, instance)
    assert {key for _, key in changed(before, made_at(done))} == {KEY}

    support = Support.from_json(done.lake.read(f"subject_masks/{KEY}.support.json"))
    assert support.kind in done.store.get("subject_masks", KEY).figures["support"]
    height, width = hung.picture.shape[:2]
    painted = support.painted(height, width)
    assert (painted & hung.painted).sum() / (painted | hung.painted).sum() > 0.9
    # Nothing of the support is subject, and the outpainter sees the painting alone.
    mask = read(done, "subject_masks", decode_grey)
    assert mask.shape == (height, width) and mask.any() and not mask[~painted].any()
    assert not read(done, "predicted_masks", decode_grey)[~painted].any()
    unfinished = read(done, "unfinished_paintings", decode_rgba)
    low = read(done, "telea_outpaintings", decode_rgb)
    aspect = support.box.size[0] / support.box.size[1]
    assert low.shape[:2] == unfinished.shape[:2]
    assert abs(low.shape[0] / low.shape[1] - aspect) < 0.02
    beside = (~support.shape(*support.box.size)).astype(np.float32)
    assert not unfinished[resize(beside, *low.shape[:2]) == 1, 3].any()

    # Put back: four times the working copy of the whole picture, the original around the painting.
    put_back = read(done, "telea_upscaled", decode_rgb)
    down = 4 * low.shape[0] / support.box.size[0]
    assert np.abs(np.array(put_back.shape[:2]) - np.array([height, width]) * down).max() <= 4
    around = ~support.painted(height, width)
    around = resize(around.astype(np.uint8), *put_back.shape[:2])
    around = cv2.erode(around, np.ones((9, 9), np.uint8)) > 0
    wanted = resize(hung.picture, *put_back.shape[:2])
    assert around.any() and np.array_equal(put_back[around], wanted[around])

    # Crop: the result is the painting; nobody else's is made again, nor this one's outpainting.
    before = made_at(done)
    restore(done, instance, in_result="crop")
    after = changed(before, made_at(done))
    assert {stage for stage, key in after if key == KEY} == {
        "subject_masks",
        "unfinished_paintings",
        "telea_upscaled",
        "restoration_sheets",
    }
    assert {stage for stage, key in after if key != KEY} == {"subject_masks"}
    cropped = read(done, "telea_upscaled", decode_rgb)
    assert cropped.shape[:2] == (4 * low.shape[0], 4 * low.shape[1])
    box = support.box
    assert consistency_error(cropped, box.of(hung.picture), box.of(mask)) < LARGEST_ERROR

    check_overrules(done, instance, (height, width))


def check_overrules(done, instance, size):
    """A curator's mask of which a good part lies on the support, and the setting."""
    drawn = np.zeros(size, np.uint8)
    drawn[: size[0] // 2] = 255
    done.lake.write(f"masks/{KEY}.png", encode_png(drawn))
    restore(done, instance)
    assert len(done.store.get("subject_masks", KEY).files) == 1
    assert np.array_equal(read(done, "subject_masks", decode_grey), drawn)
    done.lake.remove(f"masks/{KEY}.png")

    restore(done, instance, detect=False)
    assert len(done.store.get("predicted_masks", KEY).files) == 1
    assert done.store.get("subject_masks", KEY).figures["support"] is None
