"""Super-resolution: the group, and the evaluation of its networks.

Belongs here: which assets the group has, and what the evaluation is made from. Does not belong
here: the data (`wikiart_sr`, `lr_hr_pairs`), the trainings (`training`), measuring
(`super_resolution`).
"""

from collections.abc import Callable

import dagster as dg

from deepart_assets.assets.lr_hr_pairs import lr_hr_pairs, read_pairs
from deepart_assets.assets.training import art_esrgan, psnr_weights
from deepart_assets.assets.wikiart_sr import wikiart_sr_asset
from deepart_assets.imaging import encode_png, preview_uri
from deepart_assets.orchestration.factory import data_asset
from deepart_assets.orchestration.studio import Stage, Studio
from deepart_assets.reports import report_json
from deepart_assets.settings import Settings
from deepart_assets.storage import Made
from deepart_assets.super_resolution.evaluation import crops, evaluate
from deepart_assets.super_resolution.pairs import of_split
from deepart_assets.super_resolution.upscaling import BicubicUpscaler, RRDBNetUpscaler, Upscaler


def super_resolution_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Return the super-resolution group."""
    data_set = wikiart_sr_asset(settings)
    return [data_set, lr_hr_pairs, psnr_weights, art_esrgan, art_esrgan_evaluation]


@data_asset(
    group="super_resolution",
    deps=["psnr_weights", "art_esrgan", "lr_hr_pairs"],
    kinds={"torch"},
)
def art_esrgan_evaluation(studio: Studio) -> Stage:
    """Bicubic, base and Art ESRGAN on the paintings of the test split, which no training saw.

    PSNR and SSIM on Y with a border of four pixels, NIQE, seconds a painting, as the means over
    the split; and the seed's row of crops: low resolution, base, Art ESRGAN, original.
    """
    settings = studio.settings.super_resolution.upscaling

    def make() -> Made:
        tests = of_split(read_pairs(studio), "test")
        networks = {
            name: RRDBNetUpscaler(studio.read(name), settings, name)
            for name in ("psnr_weights", "art_esrgan")
        }
        upscalers: dict[str, Upscaler] = {"bicubic": BicubicUpscaler(), **networks}
        rows = evaluate(tests, upscalers, _evaluated(studio))
        row_of_crops = crops(
            tests[0], {"4x PSNR": networks["psnr_weights"], "4x Art ESRGAN": networks["art_esrgan"]}
        )
        return Made(
            {
                "reports/art_esrgan_evaluation.json": report_json(rows),
                "art_esrgan_evaluation/crops.png": encode_png(row_of_crops),
            },
            {"preview": preview_uri(row_of_crops, 720), "metrics": rows, "paintings": len(tests)},
        )

    return Stage(make, settings=settings.model_dump(mode="json"))


def _evaluated(studio: Studio) -> Callable[[int, int, str], None]:
    return lambda done, total, name: studio.log.info(f"art_esrgan_evaluation {done}/{total} {name}")
