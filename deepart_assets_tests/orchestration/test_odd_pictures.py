"""Subjects of odd pictures: no size, aspect or emptiness stops a run, and each has its message."""

import dagster as dg
import numpy as np
import pytest
from PIL import Image, ImageDraw

from deepart_assets.imaging import decode_grey, decode_rgba
from deepart_assets_tests.conftest import draw_painting

STAGES = ["predicted_masks", "subject_masks", "unfinished_paintings"]


def drawing():
    """A figure in black lines on white paper."""
    image = Image.new("RGB", (160, 200), "white")
    pen = ImageDraw.Draw(image)
    pen.ellipse((60, 20, 100, 60), outline="black", width=3)
    pen.line((80, 60, 80, 140), fill="black", width=3)
    pen.line((80, 140, 50, 190), fill="black", width=3)
    pen.line((80, 140, 110, 190), fill="black", width=3)
    return image


def strip(height, width):
    ramp = np.linspace(0, 255, max(height, width)).astype(np.uint8)
    plane = ramp[:, None] if height > width else ramp[None]
    return Image.fromarray(np.repeat(np.broadcast_to(plane, (height, width))[..., None], 3, 2))


ODD = {
    "dot": Image.new("RGB", (1, 1), (90, 60, 30)),
    "scroll": strip(30, 30_000),
    "banner": strip(30_000, 30),
    "white": Image.new("RGB", (160, 200), "white"),
    "black": Image.new("RGB", (160, 200), "black"),
    "grey": Image.fromarray(draw_painting(7)).convert("L"),
    "drawing": drawing(),
}


@pytest.mark.slow
def test_every_odd_picture_has_a_mask_of_its_size_or_a_reason(project, instance):
    project.content["segmentation"] = {"segmenter": {"kind": "bundled"}}
    for number in range(1, 5):
        (project.pictures / f"p{number}.png").unlink()
    for name, image in ODD.items():
        image.save(project.pictures / f"{name}.png")
    with project.run("catalogue", instance) as result:
        assert result.success
    selection = [dg.AssetKey(stage) for stage in STAGES]
    with project.run("restore", instance, asset_selection=selection) as result:
        assert result.success
    keys = set(instance.get_dynamic_partitions("paintings"))
    assert {"scroll", "banner", "grey", "drawing", "p0"} <= keys
    for key in keys & set(ODD):
        mask = decode_grey(project.lake.read(f"subject_masks/{key}.png"), key)
        assert mask.shape == ODD[key].size[::-1]
        assert set(np.unique(mask)) <= {0, 255}
        record = project.store.get("unfinished_paintings", key)
        if record.status == "skipped":
            assert "subject" in record.reason
        else:
            rgba = decode_rgba(project.lake.read(record.path), key)
            assert 0 < (rgba[..., 3] == 255).mean() < 1
    for key in keys & {"dot", "white", "black"}:
        assert "no subject" in project.store.get("unfinished_paintings", key).reason
