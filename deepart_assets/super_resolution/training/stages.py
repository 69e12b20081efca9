"""The two trainings of the ×4 network: on pixels alone, then against a discriminator.

On a CPU the same pairs, options and number of threads give the same bytes, however often the
training is interrupted and resumed.
"""

from __future__ import annotations

from collections.abc import Sequence

from deepart_assets.errors import UnavailableError
from deepart_assets.settings.training import AdversarialTraining, PixelTraining
from deepart_assets.storage.checkpoints import Checkpoints
from deepart_assets.super_resolution.data.pairs import Pair
from deepart_assets.super_resolution.training.feature_networks import FeatureNetwork
from deepart_assets.super_resolution.training.job import run_job
from deepart_assets.super_resolution.training.launch import launch
from deepart_assets.super_resolution.training.loop import Job
from deepart_assets.super_resolution.training.progress import Report, Trained
from deepart_assets.super_resolution.weights import Spec, read_state, spec_of
from deepart_assets.training_curve import silent

BASE = "the base of art_esrgan"


def train_pixel(
    pairs: Sequence[Pair],
    settings: PixelTraining,
    report: Report = silent,
    checkpoints: Checkpoints | None = None,
) -> Trained:
    """Train a network from scratch with the pixel loss alone.

    Args:
        pairs: LR/HR pairs; uses the splits "train" and, for the curve, "valid".
        settings: The options.
        report: Called with the progress.
        checkpoints: Where to resume from and save to; None for no checkpoints.

    Returns:
        The exponential moving average of the weights after the last iteration.

    Raises:
        UnavailableError: No training pair is large enough, there are fewer GPUs than `num_gpu`, or
            the training diverged.
    """
    return _train(Job(pairs, settings), report, checkpoints)


def train_adversarial(
    pairs: Sequence[Pair],
    base: bytes,
    settings: AdversarialTraining,
    report: Report = silent,
    checkpoints: Checkpoints | None = None,
    *,
    features: FeatureNetwork,
) -> Trained:
    """Train pixel-trained weights further with the losses of ESRGAN (Wang et al. 2018, eq. 3).

    Args:
        pairs: LR/HR pairs; uses the splits "train" and, for the curve and the choice of the best
            checkpoint, "valid".
        base: A file of weights of the pixel stage, of the size in `network_g`.
        settings: The options.
        report: Called with the progress.
        checkpoints: Where to resume from and save to; None for no checkpoints.
        features: The network of the perceptual loss (`find_feature_network`).

    Returns:
        The best checkpoint by the rule of `validation`. A training that collapses stops early and
        returns the best checkpoint before; `figures["stopped"]` gives the reason.

    Raises:
        UnavailableError: No training pair is large enough, the base is no file of weights or has
            another size, there are fewer GPUs than `num_gpu`, the training diverged, or it
            collapsed before any good checkpoint.
    """
    _check_size(base, settings)
    return _train(Job(pairs, settings, base, features), report, checkpoints)


def _train(job: Job, report: Report, checkpoints: Checkpoints | None) -> Trained:
    processes = number_of_processes(job.settings)
    if processes > 1:
        return launch(job, processes, report, checkpoints)
    return run_job(job, report, checkpoints)


def number_of_processes(settings: PixelTraining | AdversarialTraining) -> int:
    """Return the number of processes: one per GPU, or one without GPUs.

    Raises:
        UnavailableError: There are fewer GPUs than `num_gpu`.
    """
    import torch

    available, wanted = torch.cuda.device_count(), settings.num_gpu
    if wanted == "auto":
        return max(1, available)
    if wanted > available:
        raise UnavailableError(
            f"num_gpu: {wanted}, but this process sees {available} GPUs: set it to auto, or 0 for"
            " the CPU, or give the asset more with execution.steps.<asset>.gpus"
        )
    return max(1, wanted)


def _check_size(base: bytes, settings: AdversarialTraining) -> None:
    asked, found = settings.network_g, spec_of(read_state(base, BASE))
    if found != Spec(asked.num_feat, asked.num_block, asked.num_grow_ch, settings.scale):
        raise UnavailableError(
            f"{BASE} has {found}: set super_resolution.art_esrgan.network_g to {{num_feat:"
            f" {found.features}, num_block: {found.blocks}, num_grow_ch: {found.growth}}}"
        )
