"""Super-resolution: the data set, the pairs, the two trainings and their evaluation.

Belongs here: what each of these assets is made from. Does not belong here: selecting (`wikiart`),
degrading, training, measuring (`super_resolution`).
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import dagster as dg

from deepart_assets.errors import PaintingError
from deepart_assets.imaging import decode_rgb, encode_png, preview_uri
from deepart_assets.orchestration.checks import Check
from deepart_assets.orchestration.factory import data_asset
from deepart_assets.orchestration.studio import Stage, Studio
from deepart_assets.reports import line_plot, report_json
from deepart_assets.settings import Settings
from deepart_assets.settings.super_resolution import DriveWeights, PixelTraining
from deepart_assets.storage import Made, Record
from deepart_assets.super_resolution.alignment import shift
from deepart_assets.super_resolution.degradation import lr_hr_pair
from deepart_assets.super_resolution.evaluation import crops, evaluate
from deepart_assets.super_resolution.pairs import Pair, of_split
from deepart_assets.super_resolution.training import (
    Report,
    Trained,
    train_adversarial,
    train_pixel,
)
from deepart_assets.super_resolution.upscaling import BicubicUpscaler, RRDBNetUpscaler, Upscaler
from deepart_assets.super_resolution.weights import fetch_drive_weights
from deepart_assets.wikiart.catalogue import from_parquet, to_parquet
from deepart_assets.wikiart.selection import select_sr

ALIGNMENT = 0.5
"""Largest shift between LR and HR that still counts as aligned, in LR pixels."""

TOLD_EVERY = 10.0
"""Seconds between two lines of training progress."""


def super_resolution_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Return the super-resolution group."""
    return [wikiart_sr, lr_hr_pairs, psnr_weights, art_esrgan, art_esrgan_evaluation]


# --- data ----------------------------------------------------------------------------------------


@data_asset(group="super_resolution", deps=["wikiart_paintings"], kinds={"parquet"})
def wikiart_sr(studio: Studio) -> Stage:
    """The WikiArt SR data set: paintings that are large enough, and their split.

    The split follows from a hash of the artist's name: adding a painting never moves another one,
    and no artist stands on both sides.
    """
    choice = studio.settings.super_resolution.data_set

    def make() -> Made:
        selected = select_sr(from_parquet(studio.read("wikiart_paintings")), choice)
        counts = selected["split"].value_counts()
        return Made(
            {"wikiart_sr/paintings.parquet": to_parquet(selected)},
            {
                "preview": studio.glance(selected["file"]),
                **{split: int(counts[split]) for split in ("train", "valid", "test")},
                "paintings": selected[["id", "artist", "split"]].head(100).to_dict("records"),
            },
        )

    return Stage(make, settings=choice.model_dump(mode="json"))


def _misaligned(record: Record) -> str | None:
    shift = record.figures["largest_shift"]
    return f"shifted by {shift:.2f} LR pixels" if shift > ALIGNMENT else None


@data_asset(
    group="super_resolution",
    deps=["wikiart_sr"],
    kinds={"opencv"},
    checks=[
        Check(
            "aligned",
            f"No LR picture is shifted against its HR picture by more than {ALIGNMENT} LR pixels"
            " (phase correlation with the HR picture reduced in another way).",
            _misaligned,
        )
    ],
)
def lr_hr_pairs(studio: Studio) -> Stage:
    """Each painting of the data set twice: high resolution, and reduced four times by MATLAB's
    bicubic rule.

    Lossless PNG at `lr_hr_pairs/<split>/{hr,lr}/<id>.png`; a pair has one name. HR is never
    enlarged; its sides are multiples of four.
    """
    choice = studio.settings.super_resolution.pairs
    manifest: list[dict[str, str]] = []
    bad: list[dict[str, str]] = []
    figures: dict[str, Any] = {"largest_shift": 0.0}

    def files() -> Iterator[tuple[str, bytes]]:
        rows = from_parquet(studio.read("wikiart_sr")).to_dict("records")
        for number, row in enumerate(rows, start=1):
            studio.log.info(f"lr_hr_pairs {number}/{len(rows)} {row['id']}")
            try:
                lr, hr = lr_hr_pair(studio.original(row["file"]), choice.hr_side)
            except PaintingError as error:
                bad.append({"painting": row["id"], "reason": str(error)})
                continue
            for kind, picture in (("hr", hr), ("lr", lr)):
                yield _pair_path(row["split"], kind, row["id"]), encode_png(picture)
            manifest.append({"id": row["id"], "split": row["split"]})
            figures["largest_shift"] = max(figures["largest_shift"], round(shift(lr, hr), 3))
            figures.setdefault("preview", preview_uri(hr))
            figures.setdefault("first_hr_shape", "×".join(map(str, hr.shape)))
        figures.update(pairs=len(manifest), left_out=bad or None)
        yield PAIRS, json.dumps(manifest).encode()

    return Stage(lambda: Made(files(), figures), settings=choice.model_dump(mode="json"))


PAIRS = "lr_hr_pairs/pairs.json"
"""Which pairs there are: a list of {"id", "split"}."""


def _pair_path(split: str, kind: str, painting: str) -> str:
    return f"lr_hr_pairs/{split}/{kind}/{painting}.png"


def _read_pairs(studio: Studio) -> list[Pair]:
    def picture(row: Mapping[str, Any], kind: str) -> Any:
        path = _pair_path(row["split"], kind, row["id"])
        return decode_rgb(studio.lake.read(path), path)

    return [
        Pair(id=row["id"], split=row["split"], lr=picture(row, "lr"), hr=picture(row, "hr"))
        for row in studio.lake.read_json(PAIRS)
    ]


# --- training ------------------------------------------------------------------------------------


@data_asset(group="super_resolution", deps=["lr_hr_pairs"], kinds={"torch"})
def psnr_weights(studio: Studio) -> Stage:
    """The "4x PSNR" base: an RRDBNet that enlarges four times, faithful and rather smooth.

    Trained here with the pixel loss alone, or the published weights, as the profile says.
    Safetensors with their provenance.
    """
    choice = studio.settings.super_resolution.psnr_weights

    def make() -> Made:
        if isinstance(choice, DriveWeights):
            weights = fetch_drive_weights(choice)
            return Made({PSNR_PATH: weights}, {"megabytes": round(len(weights) / 1e6, 2)})
        assert isinstance(choice, PixelTraining)
        trained = train_pixel(_read_pairs(studio), choice, _report(studio, "psnr_weights"))
        return _made(PSNR_PATH, trained)

    return Stage(make, settings=choice.model_dump(mode="json"))


PSNR_PATH = "psnr_weights/4xPSNR.safetensors"


@data_asset(group="super_resolution", deps=["psnr_weights", "lr_hr_pairs"], kinds={"torch"})
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
        return _made("art_esrgan/art_esrgan.safetensors", trained)

    return Stage(make, settings=choice.model_dump(mode="json"))


def _made(path: str, trained: Trained) -> Made:
    names = list(dict.fromkeys(name for row in trained.curve for name in row))
    panels = {name: {name: _points(trained.curve, name)} for name in names if name != "iteration"}
    return Made(
        {path: trained.weights},
        {**trained.figures, "curves": line_plot(panels, "iteration") if panels else None},
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
