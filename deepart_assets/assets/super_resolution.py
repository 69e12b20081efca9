"""Super-resolution: the data set, the pairs, the two trainings and their evaluation.

Belongs here: what each of these assets is made from. Does not belong here: selecting (`wikiart`),
degrading, training, measuring (`super_resolution`).
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg

from deepart_assets.assets.wikiart_sr import wikiart_sr_asset
from deepart_assets.imaging import encode_png, preview_uri
from deepart_assets.orchestration.checks import Check
from deepart_assets.orchestration.factory import data_asset
from deepart_assets.orchestration.studio import Stage, Studio
from deepart_assets.reports import line_plot, report_json
from deepart_assets.settings import Settings
from deepart_assets.settings.profile import cache_folder
from deepart_assets.settings.super_resolution import PixelTraining, PublishedWeights
from deepart_assets.storage import Made, Record
from deepart_assets.super_resolution.evaluation import crops, evaluate
from deepart_assets.super_resolution.pair_building import CODE_VERSION as PAIR_VERSION
from deepart_assets.super_resolution.pair_building import (
    Original,
    attempt,
    build_pairs,
    remove_unlisted,
)
from deepart_assets.super_resolution.pair_files import open_pairs
from deepart_assets.super_resolution.pairs import Pair, of_split
from deepart_assets.super_resolution.training import (
    Report,
    Trained,
    train_adversarial,
    train_pixel,
)
from deepart_assets.super_resolution.upscaling import BicubicUpscaler, RRDBNetUpscaler, Upscaler
from deepart_assets.super_resolution.weights import (
    fetch_weights,
    provenance_of,
    read_state,
    spec_of,
    version_of,
    with_provenance,
)
from deepart_assets.wikiart.catalogue import from_parquet

ALIGNMENT = 0.5
"""Largest shift between LR and HR that still counts as aligned, in LR pixels."""

TOLD_EVERY = 10.0
"""Seconds between two lines of training progress."""


def super_resolution_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Return the super-resolution group."""
    data_set = wikiart_sr_asset(settings)
    return [data_set, lr_hr_pairs, psnr_weights, art_esrgan, art_esrgan_evaluation]


# --- data ----------------------------------------------------------------------------------------


def _misaligned(record: Record) -> str | None:
    shift = record.figures["largest_shift"]
    return f"shifted by {shift:.2f} LR pixels" if shift > ALIGNMENT else None


@data_asset(
    group="super_resolution",
    deps=["wikiart_sr"],
    kinds={"opencv"},
    code_version=PAIR_VERSION,
    checks=[
        Check(
            "aligned",
            f"No LR picture is shifted against its HR picture by more than {ALIGNMENT} LR pixels"
            " (phase correlation with the HR picture reduced in another way).",
            _misaligned,
        )
    ],
    after=lambda context, studio: _tidy_pairs(studio),
)
def lr_hr_pairs(studio: Studio) -> Stage:
    """Each painting of the data set twice: high resolution, and reduced four times.

    HR is the painting without the borders of its scan, its smaller side reduced to the profile's,
    never enlarged, both sides multiples of four. LR is made of it by MATLAB's bicubic rule, or by
    the seed's area average and JPEG. Lossless TIFF at `lr_hr_pairs/<split>/{hr,lr}/<id>.tiff`: a
    pair has one name, and training reads crops without decoding. A pair is made again only if its
    painting or the settings changed.
    """
    choice = studio.settings.super_resolution.pairs

    def make() -> Made:
        rows = from_parquet(studio.read("wikiart_sr")).to_dict("records")
        originals = [
            Original(
                id=str(row["id"]),
                split=row["split"],
                path=str(row["path"]),
                sha256=str(row["sha256"]),
                box=(int(row["left"]), int(row["top"]), int(row["right"]), int(row["bottom"])),
            )
            for row in rows
        ]
        return build_pairs(studio.ledger, originals, choice, studio.picture, studio.log.info)

    tried = attempt(studio.ledger.done("lr_hr_pairs"))
    return Stage(make, settings=choice.model_dump(mode="json"), inputs={"attempt": str(tried)})


def _tidy_pairs(studio: Studio) -> None:
    removed = remove_unlisted(studio.ledger)
    if removed:
        studio.log.info(
            f"lr_hr_pairs: removed {len(removed)} pictures that are not listed any more"
        )


def _read_pairs(studio: Studio) -> Sequence[Pair]:
    manifest = json.loads(studio.read("lr_hr_pairs"))
    return open_pairs(studio.lake, manifest, cache_folder() / "lr_hr_pairs")


# --- training ------------------------------------------------------------------------------------


@data_asset(group="super_resolution", deps=["lr_hr_pairs"], kinds={"torch"}, code_version="2")
def psnr_weights(studio: Studio) -> Stage:
    """The "4x PSNR" base: an RRDBNet that enlarges four times, faithful and rather smooth.

    Trained here with the pixel loss alone, or ready-made weights (on Drive, of a file, a package or
    the project), as the profile says. Safetensors with their provenance.
    """
    choice = studio.settings.super_resolution.psnr_weights

    settings = choice.model_dump(mode="json")
    if not isinstance(choice, PixelTraining):
        version = version_of(choice)
        inputs = {"source": version} if version else {}
        return Stage(lambda: _fetched(choice, studio), settings=settings, inputs=inputs)

    def make() -> Made:
        trained = train_pixel(_read_pairs(studio), choice, _report(studio, "psnr_weights"))
        return _made(PSNR_PATH, trained, studio)

    return Stage(make, settings=settings)


def _fetched(choice: PublishedWeights, studio: Studio) -> Made:
    weights = fetch_weights(choice, studio.downloads)
    figures = {
        "network": str(spec_of(read_state(weights, PSNR_PATH))),
        "megabytes": round(len(weights) / 1e6, 2),
        "provenance": provenance_of(weights),
    }
    return Made({PSNR_PATH: weights}, figures)


PSNR_PATH = "psnr_weights/4xPSNR.safetensors"


@data_asset(
    group="super_resolution",
    deps=["psnr_weights", "lr_hr_pairs"],
    kinds={"torch"},
    code_version="2",
)
def art_esrgan(studio: Studio) -> Stage:
    """Art ESRGAN: the base, trained on with pixel, feature and relativistic adversarial loss
    (Wang et al. 2018) on paintings.

    Safetensors with their provenance. Every upscaled result is made with these weights.
    """
    choice = studio.settings.super_resolution.art_esrgan

    def make() -> Made:
        base = studio.read("psnr_weights")
        report = _report(studio, "art_esrgan")
        trained = train_adversarial(_read_pairs(studio), base, choice, report)
        return _made("art_esrgan/art_esrgan.safetensors", trained, studio)

    return Stage(make, settings=choice.model_dump(mode="json"))


def _made(path: str, trained: Trained, studio: Studio) -> Made:
    """Record a training: its weights with what they were trained on and with, and its curves."""
    import torch

    made_with = {
        "data_set": studio.upstream("lr_hr_pairs").data_version,
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
    }
    weights = with_provenance(trained.weights, made_with)
    names = list(dict.fromkeys(name for row in trained.curve for name in row))
    panels = {name: {name: _points(trained.curve, name)} for name in names if name != "iteration"}
    return Made(
        {path: weights},
        {
            **trained.figures,
            "provenance": provenance_of(weights),
            "curves": line_plot(panels, "iteration") if panels else None,
        },
    )


def _points(curve: list[dict[str, Any]], name: str) -> tuple[list[float], list[float]]:
    rows = [row for row in curve if row.get(name) is not None]
    return [row["iteration"] for row in rows], [row[name] for row in rows]


def _report(studio: Studio, asset: str) -> Report:
    """Return a callback that logs training progress now and then."""
    told = 0.0

    def report(
        iteration: int, total: int, losses: Mapping[str, float], seconds_left: float | None
    ) -> None:
        nonlocal told
        now = time.monotonic()
        if iteration < total and now - told < TOLD_EVERY:
            return
        told = now
        shown = ", ".join(f"{name} {value:.4g}" for name, value in losses.items())
        left = "" if seconds_left is None else f"; about {seconds_left:.0f} s left"
        studio.log.info(f"{asset} {iteration}/{total}: {shown}{left}")

    return report


# --- evaluation ----------------------------------------------------------------------------------


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
        tests = of_split(_read_pairs(studio), "test")
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
