"""One training in one process: the model, the loop around it and the result's provenance.

`stages` decides how many processes run the job.
"""

from __future__ import annotations

import json
from typing import Any

from deepart_assets.compat import prepare
from deepart_assets.storage.checkpoints import Checkpoints
from deepart_assets.super_resolution.training.dist import SINGLE_PROCESS, DistContext
from deepart_assets.super_resolution.training.feature_networks import FeatureNetwork
from deepart_assets.super_resolution.training.loop import Job, Loop, seeded
from deepart_assets.super_resolution.training.progress import Report, Trained
from deepart_assets.super_resolution.weights import provenance_of
from deepart_assets.training_curve import silent


def run_job(
    job: Job,
    report: Report = silent,
    checkpoints: Checkpoints | None = None,
    dist: DistContext = SINGLE_PROCESS,
) -> Trained:
    """Train in this process, alone or as one of several that run the same job.

    Returns:
        The result; empty in every process but rank 0.
    """
    with seeded(job.settings.manual_seed):
        loop = Loop(build_model(job, dist), job, report, checkpoints, dist)
        return loop.run(_provenance(job))


def _provenance(job: Job) -> dict[str, str]:
    settings = {"settings": json.dumps(job.settings.provenance_settings())}
    if job.base is None or job.features is None:
        return {"stage": "pixel", **settings}
    origin = {f"base_{key}": value for key, value in provenance_of(job.base).items()}
    return {
        "stage": "adversarial",
        "feature_network": job.features.version,
        **settings,
        **origin,
    }


def build_model(job: Job, dist: DistContext = SINGLE_PROCESS) -> Any:
    """Build the BasicSR model of a job (`models`) on its base and device, ready to train."""
    prepare()
    from deepart_assets.super_resolution.training.models import build_training_model

    return build_training_model(basicsr_options(job, dist))


def basicsr_options(job: Job, dist: DistContext = SINGLE_PROCESS) -> dict[str, Any]:
    """Return the `opt` of `basicsr.models.build_model`, from the settings and the machine."""
    import torch

    options = job.settings.model_dump()
    options |= {
        "is_train": True,
        "dist": dist.world_size > 1,
        "rank": dist.rank,
        "world_size": dist.world_size,
        "num_gpu": 1 if torch.cuda.is_available() and job.settings.num_gpu != 0 else 0,
        "block_noise": options["network_g"].pop("block_noise"),
        "path": {"pretrain_network_g": job.base},
    }
    if job.features is not None:
        options["train"]["perceptual_opt"] = dict(job.features.options)
        if job.features.file is not None:
            _set_vgg_path(job.features)
    return options


def _set_vgg_path(vgg19: FeatureNetwork) -> None:
    """Point BasicSR at the VGG19 weights; it reads them from a module constant."""
    prepare()
    from basicsr.archs import vgg_arch

    vgg_arch.VGG_PRETRAIN_PATH = str(vgg19.file)
