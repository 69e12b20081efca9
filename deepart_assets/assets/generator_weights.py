"""The weights of an Artificially Inspired outpainter: published, of a file, of the project, or
trained.

Belongs here: what they are made from, where checkpoints are. Does not belong here: the network, its
files and its training (`outpainting.comodgan`).
"""

import time
from collections.abc import Callable, Mapping

import numpy as np

from deepart_assets.assets.lr_hr_pairs import read_pairs
from deepart_assets.imaging import resize, working_size
from deepart_assets.orchestration.asset_factory import data_asset
from deepart_assets.orchestration.asset_spec import PipelineAssetSpec
from deepart_assets.orchestration.context import StageContext, StageSpec
from deepart_assets.outpainting.comodgan.sources import fetch_weights, version_of
from deepart_assets.outpainting.comodgan.training import Example, Step, train
from deepart_assets.reports import line_plot
from deepart_assets.segmentation import build_segmenter, clean_up
from deepart_assets.settings import Settings
from deepart_assets.settings.generator_training import GeneratorTraining
from deepart_assets.settings.outpainting import ArtificiallyInspired, GeneratorWeights
from deepart_assets.settings.places import cache_folder
from deepart_assets.storage import Lake, Provenance, StageResult
from deepart_assets.storage.checkpoints import Checkpoints, discard, work_lake
from deepart_assets.super_resolution.data.pairs import of_split
from deepart_assets.training_curve import panels_of

CODE_VERSION = "1"
ENLARGED = 2
"""Paintings are kept at this many times the network's side, so that crops find detail."""
TOLD_EVERY = 10.0
"""Seconds between two lines of training progress."""


def generator_weights(name: str, choice: GeneratorWeights) -> PipelineAssetSpec:
    """Return the asset `<name>_weights` of an outpainter of that name."""
    asset = f"{name}_weights"
    path = f"{asset}/generator.safetensors"
    trained = isinstance(choice, GeneratorTraining)

    def source(settings: Settings) -> Mapping[str, object]:
        outpainter = settings.outpainters[name]
        assert isinstance(outpainter, ArtificiallyInspired)  # the graph has this asset for it
        chosen = outpainter.weights
        if isinstance(chosen, GeneratorTraining):
            return chosen.recipe()
        return chosen.model_dump(mode="json")

    @data_asset(
        name=asset,
        settings=source,
        group="outpainting",
        deps=["lr_hr_pairs"] if trained else [],
        kinds={"torch"},
        code_version=CODE_VERSION,
        pool="gpu" if trained else None,
        after=lambda _, context: discard(_work(context), asset),
    )
    def weights(context: StageContext) -> StageSpec:
        """The generator of this outpainter, a CoModGAN: fetched, converted, or trained here.

        Published checkpoints (TensorFlow's pickle, PyTorch's) are read without running anything in
        them and kept as safetensors with their provenance. A training is on the paintings of
        `lr_hr_pairs`, with free-form masks and the masks of their subjects; one that was killed
        goes on from its last checkpoint.
        """
        settings = context.settings.outpainters[name]
        assert isinstance(settings, ArtificiallyInspired)  # the graph has this asset for it
        chosen = settings.weights
        if not isinstance(chosen, GeneratorTraining):
            return StageSpec(
                lambda: StageResult({path: fetch_weights(chosen, context.downloads).read_bytes()}),
                inputs={"source": version_of(chosen)},
            )
        training = chosen.recipe()
        segmentation = context.settings.segmentation
        segmenter = build_segmenter(segmentation.segmenter, context.downloads)
        inputs = {"segmenter": segmenter.weights_hash()}

        def examples() -> list[Example]:
            side = ENLARGED * chosen.stages[-1].resolution
            found = []
            for pair in of_split(read_pairs(context), "train"):
                picture = resize(pair.hr, *working_size(pair.hr.shape[0], pair.hr.shape[1], side))
                [prediction] = segmenter([picture])
                mask = clean_up(prediction.levels(), picture.shape[:2], segmentation).mask
                usable = 0.05 < float(np.mean(mask)) < 0.9
                found.append(Example(picture, mask if usable else None))
            return found

        def make() -> StageResult:
            whole = {"lr_hr_pairs": context.upstream("lr_hr_pairs").data_version, **inputs}
            work = Provenance(CODE_VERSION, training, whole)
            kept = None
            if chosen.checkpoint_seconds is not None:
                kept = Checkpoints(
                    _work(context),
                    asset,
                    work.fingerprint,
                    chosen.checkpoint_seconds,
                    context.log.info,
                )
            provenance = {"data_set": whole["lr_hr_pairs"]}
            if kept is None:
                result = train(examples(), chosen, _told(context, asset), None, provenance)
            else:
                with kept.held():
                    result = train(examples(), chosen, _told(context, asset), kept, provenance)
            curves = panels_of(result.curve, besides=["resolution"])
            return StageResult(
                {path: result.weights},
                {
                    **result.figures,
                    "curves": line_plot(curves, "iteration") if curves else None,
                },
            )

        return StageSpec(make, inputs=inputs)

    return weights


def _work(context: StageContext) -> Lake:
    return work_lake(context.lake, cache_folder())


def _told(context: StageContext, asset: str) -> Callable[[Step], None]:
    told = 0.0

    def report(step: Step) -> None:
        nonlocal told
        now = time.monotonic()
        if step.iteration == step.total or now - told >= TOLD_EVERY:
            told = now
            context.log.info(f"{asset} {step.line}")

    return report
