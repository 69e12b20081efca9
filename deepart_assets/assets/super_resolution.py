"""The list of the assets in the group `super_resolution`."""

from deepart_assets.assets.evaluation import art_esrgan_evaluation
from deepart_assets.assets.lr_hr_pairs import lr_hr_pairs
from deepart_assets.assets.training import art_esrgan, psnr_weights
from deepart_assets.assets.wikiart_sr import wikiart_sr_asset
from deepart_assets.orchestration.asset_spec import PipelineAssetSpec
from deepart_assets.settings import Settings


def super_resolution_assets(settings: Settings) -> list[PipelineAssetSpec]:
    """Return the super-resolution group."""
    data_set = wikiart_sr_asset(settings)
    return [data_set, lr_hr_pairs, psnr_weights, art_esrgan, art_esrgan_evaluation]
