"""Training the ×4 network: first for pixels, then against a discriminator.

Belongs here: what the two stages are made of, and whether one process trains or several. Does not
belong here: what an iteration does (`models`), what goes on around it (`loop`), starting processes
(`launch`), the options (`settings.training`).

On a CPU the same pairs, options and number of threads give the same bytes, however often the
training was killed and gone on with.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from deepart_assets.compat import prepare
from deepart_assets.errors import UnavailableError
from deepart_assets.settings.training import AdversarialTraining, PixelTraining
from deepart_assets.storage.checkpoints import Checkpoints
from deepart_assets.super_resolution.data.pairs import Pair
from deepart_assets.super_resolution.training.feature_networks import (
    FeatureNetwork,
    find_feature_network,
)
from deepart_assets.super_resolution.training.guards import Collapse, Row, collapse
from deepart_assets.super_resolution.training.loop import Job, Loop, seeded
from deepart_assets.super_resolution.training.progress import Report, Trained
from deepart_assets.super_resolution.training.team import ALONE, DistContext
from deepart_assets.super_resolution.weights import Spec, provenance_of, read_state, spec_of
from deepart_assets.training_curve import silent

BASE = "the base of art_esrgan"


def train_pixel(
    pairs: Sequence[Pair],
    settings: PixelTraining,
    report: Report = silent,
    checkpoints: Checkpoints | None = None,
) -> Trained:
    """Train a network from scratch with the mean absolute difference of pixels alone.

    Args:
        pairs: The splits "train" and, for the curve, "valid" are used.
        settings: The options.
        report: For progress.
        checkpoints: Where to go on from and to save to; None keeps nothing.

    Returns:
        The moving average of the weights after the last iteration.

    Raises:
        UnavailableError: No training pair is large enough, the GPUs asked for are not there, or the
            training diverged.
    """
    return _train(Job(pairs, settings), report, checkpoints)


def train_adversarial(
    pairs: Sequence[Pair],
    base: bytes,
    settings: AdversarialTraining,
    report: Report = silent,
    checkpoints: Checkpoints | None = None,
    *,
    features: FeatureNetwork | None = None,
) -> Trained:
    """Go on from pixel-trained weights with ESRGAN's three losses (Wang et al. 2018, equation 3).

    Args:
        pairs: The splits "train" and, to choose the best checkpoint and for the curve, "valid" are
            used.
        base: A file of weights of the pixel stage, of the size that the options say.
        settings: The options.
        report: For progress.
        checkpoints: Where to go on from and to save to; None keeps nothing.
        features: The network of the feature loss; None: what the options say, if it is here.

    Returns:
        The best checkpoint by the rule of `validation`. A training that collapses ends early with
        the best one before; `figures["stopped"]` says so.

    Raises:
        UnavailableError: No training pair is large enough, the base or the feature network cannot
            be had, the base has another size, the GPUs asked for are not there, the training
            diverged, or it collapsed before any checkpoint was good.
    """
    _check_size(base, settings)
    features = features or find_feature_network(settings.train.perceptual_opt)
    return _train(Job(pairs, settings, base, features), report, checkpoints)


def _train(job: Job, report: Report, checkpoints: Checkpoints | None) -> Trained:
    processes = number_of_processes(job.settings)
    if processes > 1:
        from deepart_assets.super_resolution.training.launch import launch

        return launch(job, processes, report, checkpoints)
    return run_job(job, report, checkpoints)


def run_job(
    job: Job,
    report: Report = silent,
    checkpoints: Checkpoints | None = None,
    team: DistContext = ALONE,
) -> Trained:
    """Train in this process, alone or with others that run the same job.

    Returns:
        What was trained; of a process that does not lead, an empty file.
    """
    settings = job.settings
    with seeded(settings.manual_seed):
        model = build_model(job, team)
        provenance = {"settings": json.dumps(settings.recipe())}
        if isinstance(settings, PixelTraining):
            loop = Loop(model, job, report, checkpoints, team)
            return loop.run({"stage": "pixel", **provenance})
        assert job.base is not None and job.features is not None
        stage: AdversarialTraining = settings
        floor = stage.val.fidelity_floor if stage.val.choose_best else None

        def collapsed(rows: Sequence[Row], psnr: float | None) -> Collapse | None:
            return collapse(rows, psnr, stage)

        loop = Loop(model, job, report, checkpoints, team, floor=floor, collapsed=collapsed)
        origin = {f"base_{key}": value for key, value in provenance_of(job.base).items()}
        provenance["feature_network"] = job.features.version
        return loop.run({"stage": "adversarial", **provenance, **origin})


def build_model(job: Job, team: DistContext = ALONE) -> Any:
    """Build BasicSR's model of a job (`models`) on its base and device, ready to train."""
    prepare()
    from deepart_assets.super_resolution.training.models import build_training_model

    return build_training_model(basicsr_options(job, team))


def basicsr_options(job: Job, team: DistContext = ALONE) -> dict[str, Any]:
    """Return what `basicsr.models.build_model` takes: the options and what they leave open."""
    import torch

    options = job.settings.model_dump()
    options |= {
        "is_train": True,
        "dist": team.size > 1,
        "rank": team.rank,
        "world_size": team.size,
        "num_gpu": 1 if torch.cuda.is_available() and job.settings.num_gpu != 0 else 0,
        "block_noise": options["network_g"].pop("block_noise"),
        "path": {"pretrain_network_g": job.base},
    }
    if job.features is not None:
        options["train"]["perceptual_opt"] = dict(job.features.options)
        if job.features.file is not None:
            _let_basicsr_find(job.features)
    return options


def _let_basicsr_find(vgg19: FeatureNetwork) -> None:
    """Tell BasicSR where VGG19's weights are: it looks at a path of its own."""
    prepare()
    from basicsr.archs import vgg_arch

    vgg_arch.VGG_PRETRAIN_PATH = str(vgg19.file)


def number_of_processes(settings: PixelTraining | AdversarialTraining) -> int:
    """Return how many processes share an iteration: one a GPU, and one without.

    Raises:
        UnavailableError: There are fewer GPUs than the options ask for.
    """
    import torch

    there, wanted = torch.cuda.device_count(), settings.num_gpu
    if wanted == "auto":
        return max(1, there)
    if wanted > there:
        raise UnavailableError(
            f"num_gpu: {wanted}, but this process sees {there} GPUs: set it to auto, or 0 for the"
            " CPU, or let the asset have more with execution.steps.<asset>.gpus"
        )
    return max(1, wanted)


def _check_size(base: bytes, settings: AdversarialTraining) -> None:
    asked, found = settings.network_g, spec_of(read_state(base, BASE))
    if found != Spec(asked.num_feat, asked.num_block, asked.num_grow_ch, settings.scale):
        raise UnavailableError(
            f"{BASE} has {found}: set super_resolution.art_esrgan.network_g to {{num_feat:"
            f" {found.features}, num_block: {found.blocks}, num_grow_ch: {found.growth}}}"
        )
