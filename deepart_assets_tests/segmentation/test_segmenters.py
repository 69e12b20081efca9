"""What all segmenters have in common, each of them real, on pictures as bad as they come."""

from functools import partial
from typing import get_args

import numpy as np
import pytest
from pydantic import TypeAdapter

from deepart_assets.compute.devices import best_device
from deepart_assets.segmentation import Segmenter, build_segmenter, bundled, dram, saliency
from deepart_assets.segmentation.dram import DramSegmenter
from deepart_assets.settings import segmentation
from deepart_assets.storage import Lake
from deepart_assets.storage.downloads import Downloads
from deepart_assets_tests.conftest import draw_painting

from .dram_checkpoints import random_network
from .mask2former_files import save_model
from .onnx_files import save_network
from .text_models import save_detector, save_sam

UNION, _ = get_args(segmentation.Segmenter)
KINDS = sorted(get_args(one.model_fields["kind"].annotation)[0] for one in get_args(UNION))
STYLES = ("Realism", "Cubism", "no such style", "")


def made(kind: str, folder) -> Segmenter:
    own = {
        "described": {
            "model": str(folder / "sam2"),
            "detector": str(folder / "grounding_dino"),
            "score": 0.1,
            "mask_score": 0,
            "styles": {"Cubism": "a dog"},
        },
        "dram": {"archive_id": "0", "styles": {"Cubism": "expressionism"}},
        "panoptic": {"model": str(folder / "mask2former"), "score": 0.2},
        "salient": {"model": "u2netp", "folder": str(folder)},
    }
    section = TypeAdapter(segmentation.Segmenter).validate_python(
        {"kind": kind, **own.get(kind, {})}
    )
    segmenter = build_segmenter(section, Downloads(folder / "cache", Lake(folder / "lake")))
    if isinstance(segmenter, DramSegmenter):
        for seed, movement in enumerate(["realism", "expressionism"]):
            segmenter._networks[movement] = random_network(seed)
    return segmenter


@pytest.fixture(scope="module")
def segmenters(tmp_path_factory):
    """Each kind that the settings know, made once."""
    folder = tmp_path_factory.mktemp("models")
    save_model(folder / "mask2former")
    save_detector(folder / "grounding_dino")
    save_sam(folder / "sam2")
    save_network(folder / "u2netp.onnx", 320)
    with pytest.MonkeyPatch.context() as patch:
        # A fraction of the time: 1/70, 1/6, 1/3.
        patch.setattr(dram, "SIDE", 65)
        patch.setattr(saliency, "SIDES", (112, 196))
        patch.setattr(bundled, "grid_of", partial(bundled.grid_of, patches=196))
        patch.setattr(bundled, "AGAIN_PATCHES", 196)
        yield {kind: made(kind, folder) for kind in KINDS}


# The two whose networks are of their real size take half a second a picture.
@pytest.fixture(
    params=[
        pytest.param(kind, marks=[pytest.mark.slow] if kind in ("bundled", "saliency") else [])
        for kind in KINDS
    ]
)
def segmenter(request, segmenters) -> Segmenter:
    return segmenters[request.param]


def grey(height: int, width: int) -> np.ndarray:
    one = np.random.default_rng(0).integers(0, 256, (height, width, 1), dtype=np.uint8)
    return one.repeat(3, axis=2)


def drawing() -> np.ndarray:
    """Black lines on white paper."""
    picture = np.full((120, 90, 3), 255, np.uint8)
    picture[20:100, 30] = picture[20:100, 60] = picture[20, 30:60] = picture[100, 30:60] = 0
    return picture


PICTURES = {
    "1×1": np.full((1, 1, 3), 77, np.uint8),
    "2×2": grey(2, 2),
    "1×3000": grey(1, 3000),
    "3000×2": grey(3000, 2),
    "3×400": grey(3, 400),  # three rows may be taken for three channels
    "grey": grey(70, 50),
    "black": np.zeros((40, 60, 3), np.uint8),
    "white": np.full((40, 60, 3), 255, np.uint8),
    "drawing": drawing(),
    "not contiguous": draw_painting(1)[::-2, ::3],
}


@pytest.mark.parametrize("name", PICTURES)
def test_any_picture_gives_a_sound_mask_and_the_same_one_again(segmenter, name):
    picture = PICTURES[name]
    before = picture.copy()
    (found,) = segmenter([picture])
    assert np.array_equal(picture, before)
    assert found.mask.shape == picture.shape[:2]
    assert found.mask.dtype == np.float32
    assert np.isfinite(found.mask).all()
    assert 0 <= found.mask.min() <= found.mask.max() <= 1
    assert 0 <= found.confidence <= 1
    if found.classes is not None:
        assert found.classes.ids.shape == picture.shape[:2]
        assert found.classes.ids.dtype == np.uint8
        assert found.classes.ids.max() < len(found.classes.names) == len(found.classes.palette)
    (again,) = segmenter([picture])
    assert np.array_equal(found.mask, again.mask)
    assert found.confidence == again.confidence


def test_the_order_is_kept_and_company_changes_nothing(segmenter):
    pictures = [draw_painting(seed, 40 + 7 * seed, 60) for seed in range(3)]
    choices = [segmenter.choice({"style": style}) for style in STYLES[:3]]
    found = segmenter(pictures, choices)
    assert [one.mask.shape for one in found] == [picture.shape[:2] for picture in pictures]
    for picture, choice, one in zip(pictures, choices, found, strict=True):
        (alone,) = segmenter([picture], [choice])
        if best_device() == "cpu":
            assert np.array_equal(one.mask, alone.mask)
        else:
            assert np.allclose(one.mask, alone.mask, atol=1e-4)


def test_no_pictures_give_no_masks(segmenter):
    assert segmenter([]) == []
    assert segmenter([], []) == []


@pytest.mark.parametrize("style", STYLES)
def test_what_is_chosen_by_style_is_plain_and_the_same_again(segmenter, style):
    import json

    choice = segmenter.choice({"style": style})
    assert json.loads(json.dumps(choice)) == choice == segmenter.choice({"style": style})


def test_descriptors_are_told_apart(segmenters):
    names = {one.descriptor.name for one in segmenters.values()}
    assert len(names) == len(KINDS) == len(segmenters)
