"""The list of the assets in the group `super_resolution`."""

from dataclasses import replace

from deepart_assets.assets.lr_hr_pairs import lr_hr_pairs
from deepart_assets.assets.training import art_esrgan, psnr_weights, published_art_esrgan
from deepart_assets.assets.wikiart_sr import wikiart_sr_asset
from deepart_assets.orchestration.asset_spec import PipelineAssetSpec
from deepart_assets.settings import Settings
from deepart_assets.settings.training import PixelTraining


def super_resolution_assets(settings: Settings) -> list[PipelineAssetSpec]:
    """Return the super-resolution group: without data set where nothing is trained on it.

    Its evaluation is with the others.
    """
    chosen = settings.super_resolution
    if chosen.trains:
        return [wikiart_sr_asset(settings), lr_hr_pairs, psnr_weights, art_esrgan]
    if isinstance(chosen.psnr_weights, PixelTraining):
        return [wikiart_sr_asset(settings), lr_hr_pairs, psnr_weights, published_art_esrgan]
    base = [] if chosen.psnr_weights is None else [replace(psnr_weights, deps=[])]
    return [*base, published_art_esrgan]
