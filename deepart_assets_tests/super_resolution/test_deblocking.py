import cv2
import numpy as np
import pytest

from deepart_assets.imaging import decode_rgb, resize
from deepart_assets.imaging.jpeg_compression import compressed
from deepart_assets.settings.places import PROJECT
from deepart_assets.settings.super_resolution import Upscaling
from deepart_assets.super_resolution.data.degradation import lr_hr_pair
from deepart_assets.super_resolution.evaluation.metrics import psnr_y, ssim_y
from deepart_assets.super_resolution.upscaling.deblocking import (
    DeblockingUpscaler,
    deblock,
    jpeg_to_mend,
    quality_to_mend,
)
from deepart_assets.super_resolution.upscaling.upscaler import NetworkUpscaler

BUNDLED = (PROJECT / "data/models/art_psnr_32_6.safetensors").read_bytes()
LIMIT = Upscaling().maximal_blockiness


@pytest.fixture(scope="module")
def paintings():
    """Parts of the sample's paintings, reduced so that nothing of their own JPEG is left."""
    found = []
    for file in sorted((PROJECT / "data/sample/paintings").glob("*.jpg"))[::5]:
        picture = decode_rgb(file.read_bytes(), file.name)
        small = cv2.resize(picture, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
        found.append(np.ascontiguousarray(small[:480, :440]))
    assert len(found) > 2
    return found


def test_clean_and_tiny_pictures_are_left_alone(paintings):
    assert [quality_to_mend(each, LIMIT) for each in paintings] == [None] * len(paintings)
    assert quality_to_mend(compressed(paintings[0], 30)[:15], LIMIT) is None
    assert quality_to_mend(np.full((64, 64, 3), 9, np.uint8), LIMIT) is None


@pytest.mark.parametrize("quality", [40, 75, 85])
def test_the_quality_of_a_jpeg_is_found_wherever_it_was_cut(paintings, quality):
    for number, painting in enumerate(paintings):
        cut = compressed(painting, quality)[number % 8 :, 3 * number % 8 :]
        assert quality_to_mend(np.ascontiguousarray(cut), LIMIT) == quality
        assert quality_to_mend(compressed(painting, 95), LIMIT) is None


def test_blocks_of_another_program_are_found_by_their_steps(paintings):
    """A touch of noise over all, as an edit leaves it, hides the numbers but not the steps."""
    for painting in paintings:
        noise = np.random.default_rng(0).integers(-1, 2, painting.shape)
        edited = np.clip(compressed(painting, 30) + noise, 0, 255).astype(np.uint8)
        assert quality_to_mend(edited, LIMIT) is not None
        assert quality_to_mend(edited, 9.0) in (None, 25, 30, 35)


@pytest.mark.parametrize(("quality", "subsampled"), [(30, True), (75, False), (90, True)])
def test_deblocking_comes_nearer_to_the_picture(paintings, quality, subsampled):
    for painting in paintings[:2]:
        blocky = compressed(painting, quality, subsampled=subsampled)
        made = deblock(blocky, quality)
        assert psnr_y(made, painting) > psnr_y(blocky, painting) + 0.1
        assert ssim_y(made, painting) > ssim_y(blocky, painting)
        assert quality_to_mend(made, LIMIT) is None


def test_what_is_enlarged_is_deblocked_first(paintings):
    lr, hr = lr_hr_pair(np.ascontiguousarray(paintings[0][:256, :256]), 256)
    blocky = compressed(lr, 40)
    network = NetworkUpscaler(BUNDLED, Upscaling(backend="torch"))
    made = DeblockingUpscaler(network, 40)(blocky)
    assert np.array_equal(made, network(deblock(blocky, 40)))
    assert psnr_y(made, hr) > psnr_y(network(blocky), hr)


def test_an_original_is_mended_where_the_network_sees_its_own_pixels(paintings):
    blocky = compressed(paintings[0], 50)
    half = resize(blocky, blocky.shape[0] // 2, blocky.shape[1] // 2)
    assert jpeg_to_mend(blocky, half, kept=True, reduced=False, limit=LIMIT) == 50
    assert jpeg_to_mend(blocky, blocky, kept=False, reduced=False, limit=LIMIT) == 50
    assert jpeg_to_mend(blocky, half, kept=True, reduced=True, limit=LIMIT) is None
    assert jpeg_to_mend(blocky, half, kept=False, reduced=False, limit=LIMIT) is None
    assert jpeg_to_mend(blocky, half, kept=True, reduced=False, limit=None) is None
