"""The training loop of both stages, from the first or the last saved iteration to the result.

It holds the whole state that makes a resumed training equal to an uninterrupted one; `models` holds
what one iteration does.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from deepart_assets.errors import PaintingError, UnavailableError
from deepart_assets.settings.training import AdversarialTraining, PixelTraining
from deepart_assets.storage.checkpoints import Checkpoints
from deepart_assets.super_resolution.data.pairs import CONTEXT, Pair, Sampling, croppable, to_tensor
from deepart_assets.super_resolution.training.batches import Batches
from deepart_assets.super_resolution.training.dist import DistContext
from deepart_assets.super_resolution.training.feature_networks import FeatureNetwork
from deepart_assets.super_resolution.training.guards import (
    Collapse,
    FiniteGuard,
    collapse,
    diverged,
)
from deepart_assets.super_resolution.training.progress import Progress, Report, Trained
from deepart_assets.super_resolution.training.strip import Strip
from deepart_assets.super_resolution.training.validation import Best, Score, Validation
from deepart_assets.super_resolution.weights import to_bytes

if TYPE_CHECKING:
    from deepart_assets.super_resolution.training.models import ArtESRGANModel, ArtSRModel

NO_SCORE = Score(None, None)
"""The score where nothing is validated."""


@dataclass(frozen=True)
class Job:
    """The input of a training, the same in each of its processes.

    Attributes:
        pairs: LR/HR pairs.
        settings: The options; their class decides the stage.
        base: A file of weights to start from; None for the pixel stage.
        features: The network of the perceptual loss; None for the pixel stage.
    """

    pairs: Sequence[Pair]
    settings: PixelTraining | AdversarialTraining
    base: bytes | None = None
    features: FeatureNetwork | None = None


class Loop:
    """One training.

    Args:
        model: The model to train, built on the base.
        job: Its options and pairs; uses the splits "train" and, if not empty, "valid".
        report: Called with the progress, by rank 0.
        checkpoints: Where to resume from and save to; None for no checkpoints.
        dist: This process among those that share the iterations.
    """

    def __init__(
        self,
        model: ArtSRModel | ArtESRGANModel,
        job: Job,
        report: Report,
        checkpoints: Checkpoints | None,
        dist: DistContext,
    ) -> None:
        pairs, settings = job.pairs, job.settings
        self._model, self._settings, self._dist = model, settings, dist
        self._checkpoints = checkpoints
        crops = settings.datasets.train
        self._usable = croppable(pairs, crops.gt_size, CONTEXT)
        self._sampling = Sampling(
            crops.batch_size_per_gpu * dist.world_size,
            crops.gt_size,
            CONTEXT,
            crops.use_hflip,
            crops.use_rot,
            dist.shard(crops.batch_size_per_gpu),
            crops.degradations,
        )
        self._net = model.net_for_inference
        self._generator = np.random.default_rng(settings.manual_seed)
        self._progress = Progress(settings.train.total_iter, report)
        self._guard = FiniteGuard()
        self._floor, self._perceptual = 0.0, False
        if isinstance(settings, AdversarialTraining) and settings.val.choose_best:
            self._floor, self._perceptual = settings.val.fidelity_floor, True
        self._validation = Validation(pairs, perceptual=self._perceptual)
        self._strip = Strip()
        self._iteration = 0
        self._waiting = getattr(settings.train, "net_d_init_iters", 0)

    def run(self, provenance: Mapping[str, str]) -> Trained:
        """Train to the end and return the result.

        Raises:
            UnavailableError: The training diverged, or collapsed before any good checkpoint.
        """
        saved = self._checkpoints.load() if self._checkpoints else None
        if saved is None:
            is_main = self._dist.is_main
            self._before = self._validation.score(self._net) if is_main else NO_SCORE
            self._strip.add(0, self._before.picture)
            self._best = Best(self._before, self._floor)
        else:
            self._restore(saved)
        stopped = self._train()
        return self._result(provenance, stopped) if self._dist.is_main else Trained(b"", [])

    def _train(self) -> Collapse | None:
        """Train up to the last iteration; return the collapse that stopped it early, if any."""
        options, model = self._settings.train, self._model
        device = model.device
        saved = self._checkpoints if self._dist.is_main else None
        with Batches(self._usable, self._generator, self._sampling) as batches:
            for iteration in range(self._iteration + 1, options.total_iter + 1):
                lr, hr = next(batches)
                seed_iteration(self._settings.manual_seed, iteration, self._dist.rank)
                model.update_learning_rate(iteration, warmup_iter=options.warmup_iter)
                model.feed_data({"lq": to_tensor(lr, device), "gt": to_tensor(hr, device)})
                model.optimize_parameters(iteration)
                self._guard.note(iteration, {**model.log_dict, **model.norms})
                self._progress.note(model.log_dict)
                self._iteration = iteration
                stopped = self._validate_and_report(iteration)
                if stopped is not None:
                    return stopped
                if saved is not None and saved.is_due():
                    self._guard.check()
                    saved.save(self._state(batches.drawn))
        return None

    def _validate_and_report(self, iteration: int) -> Collapse | None:
        """Validate and report if due; return the collapse that stops the training, if any."""
        every, total = self._settings.val.val_freq, self._settings.train.total_iter
        validates = iteration % every == 0 or iteration == total
        if not (validates or self._progress.due(iteration)):
            return None
        self._guard.check()
        means = self._dist.mean(self._progress.means())
        stopped = None
        if self._dist.is_main:
            score = self._scored(iteration) if validates else None
            self._progress.report(iteration, means, score, perceptual=self._perceptual)
            if isinstance(self._settings, AdversarialTraining):
                stopped = collapse(self._progress.rows, self._before.psnr_y, self._settings)
            if score is not None and stopped is None and self._perceptual:
                self._best.offer(iteration, score, self._net)
        else:
            self._progress.forget()
        if self._dist.broadcast(stopped is not None):
            return stopped or Collapse("rank 0 stopped", ruined=False)
        return None

    def _scored(self, iteration: int) -> Score:
        if iteration <= self._waiting:
            return self._before  # only the discriminator has learned
        try:
            score = self._validation.score(self._net)
        except PaintingError as error:  # the loss was finite, the weights are not
            raise diverged(iteration, "the output of the network") from error
        self._strip.add(iteration, score.picture)
        return score

    def _result(self, provenance: Mapping[str, str], stopped: Collapse | None) -> Trained:
        import torch

        if stopped is not None and stopped.ruined and self._best.score is None:
            raise UnavailableError(
                f"the training collapsed at iteration {self._iteration} before any good"
                f" checkpoint ({stopped.reason}): lower art_esrgan's train.optim_g.lr or"
                " train.gan_opt.loss_weight, or its val.val_freq"
            )
        chosen = self._best.weights or self._net.state_dict()
        if not all(bool(torch.isfinite(value).all()) for value in chosen.values()):
            raise diverged(self._iteration, "a weight")
        rows, progress = self._progress.rows, self._progress
        last = Score(rows[-1]["psnr_y"], rows[-1].get("niqe")) if rows else NO_SCORE
        score = self._best.score or last
        chosen_iteration = self._best.iteration or self._iteration
        figures = {
            "valid_psnr_y_bicubic": self._validation.bicubic().psnr_y,
            "valid_psnr_y_before": self._before.psnr_y,
            "valid_psnr_y": score.psnr_y,
            "iterations": self._iteration,
            "parameters": sum(value.numel() for value in chosen.values()),
            "device": self._model.device.type,
            "processes": self._dist.world_size,
            "seconds": round(progress.seconds, 1),
        }
        if self._perceptual:
            figures |= {
                "valid_niqe_before": self._before.niqe,
                "valid_niqe": score.niqe,
                "chosen_iteration": chosen_iteration,
                "chosen": self._best.reason(),
            }
        if stopped is not None:
            figures["stopped"] = f"collapsed at iteration {self._iteration}: {stopped.reason}"
        if progress.resumed:
            figures["resumed_after"] = ", ".join(map(str, progress.resumed))
        strip = self._strip.sheet(self._validation.shown, chosen_iteration)
        return Trained(to_bytes(chosen, provenance), rows, figures, strip)

    # --- the state -------------------------------------------------------------------------------

    def _state(self, drawn: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "iteration": self._iteration,
            "parts": {name: part.state_dict() for name, part in self._model.parts().items()},
            # As text, which keeps NumPy's 128-bit integers and names.
            "drawn": json.dumps(drawn),
            "progress": self._progress.state(),
            "strip": self._strip.state(),
            "before": self._before.numbers(),
            "best": self._best.state(),
        }

    def _restore(self, state: Mapping[str, Any]) -> None:
        for name, part in self._model.parts().items():
            part.load_state_dict(state["parts"][name])
        self._generator.bit_generator.state = json.loads(state["drawn"])
        self._iteration = state["iteration"]
        self._progress.restore(state["progress"], self._iteration, self._model.device)
        self._strip.restore(state["strip"])
        self._before = Score(**state["before"])
        self._best = Best(self._before, self._floor)
        self._best.restore(state["best"])


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch for the block and restore its generators afterwards."""
    import torch

    devices = list(range(torch.cuda.device_count()))
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def seed_iteration(seed: int, iteration: int, rank: int) -> None:
    """Seed torch for one iteration, independently of all before it.

    A resumed training thus draws the same numbers as an uninterrupted one.
    """
    import torch

    torch.manual_seed(int(np.random.SeedSequence((seed, iteration, rank)).generate_state(1)[0]))
