"""The training loop, from the first or the last saved iteration to the result."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from deepart_assets.compute.devices import best_device
from deepart_assets.errors import UnavailableError
from deepart_assets.outpainting.comodgan.spec import spec_for
from deepart_assets.storage.checkpoints import Checkpoints
from deepart_assets.storage.tensor_files import to_bytes
from deepart_assets.training_curve import silent
from recipes.comodgan_paintings_small.batches import PARTS, Example, draw_batch
from recipes.comodgan_paintings_small.progress import Progress, Report, Trained
from recipes.comodgan_paintings_small.settings import GeneratorTraining, GrowthStage

if TYPE_CHECKING:
    from recipes.comodgan_paintings_small.model import Model


def train(
    examples: Sequence[Example],
    settings: GeneratorTraining,
    report: Report = silent,
    checkpoints: Checkpoints | None = None,
    provenance: Mapping[str, str] | None = None,
) -> Trained:
    """Train a CoModGAN from scratch, on a GPU where there is one.

    Args:
        examples: The paintings, with their subjects if known.
        settings: The recipe.
        report: Called with each progress report.
        checkpoints: Where to resume from and save to; None: no checkpoints.
        provenance: Further provenance to store in the file of weights.

    Returns:
        The moving average of the generator. On a CPU, equal arguments and numbers of threads give
        equal bytes, even if the training was killed and resumed.

    Raises:
        UnavailableError: There are no paintings, or the training diverged.
    """
    if not examples:
        raise UnavailableError(
            "There are no paintings to train the CoModGAN on: name picture files"
        )
    return _Loop(examples, settings, report, checkpoints).run(provenance or {})


class _Loop:
    """One training."""

    def __init__(
        self,
        examples: Sequence[Example],
        settings: GeneratorTraining,
        report: Report,
        checkpoints: Checkpoints | None,
    ) -> None:
        import torch

        self._examples, self._settings, self._checkpoints = examples, settings, checkpoints
        self._device = torch.device(best_device())
        self._progress = Progress(settings.iterations, report)
        self._iteration = 0
        self._model: Model | None = None

    def run(self, provenance: Mapping[str, str]) -> Trained:
        import torch

        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            saved = self._checkpoints.load() if self._checkpoints else None
            if saved is not None:
                self._restore(saved)
            for iteration, stage, seen in self._schedule():
                if iteration > self._iteration:
                    self._iterate(iteration, stage, seen)
        return self._result(provenance)

    def _schedule(self) -> Iterator[tuple[int, GrowthStage, int]]:
        """Yield each iteration (from 1), its stage, and the number of pictures seen after it."""
        iteration = seen = 0
        for stage in self._settings.stages:
            for _ in range(stage.iterations):
                iteration, seen = iteration + 1, seen + stage.batch
                yield iteration, stage, seen

    def _iterate(self, iteration: int, stage: GrowthStage, seen: int) -> None:
        from recipes.comodgan_paintings_small.model import network_input

        model = self._model_of(stage)
        drawn = (
            draw_batch(self._examples, self._settings, stage, iteration, part) for part in PARTS
        )
        batch, other = (network_input(each, self._device) for each in drawn)
        self._seed(iteration)
        self._progress.note(model.step(iteration, seen, batch, other))
        self._iteration = iteration
        if self._progress.due(iteration):
            self._progress.report(iteration, stage.resolution, self._finite_means())
        if self._checkpoints is not None and self._checkpoints.is_due():
            self._checkpoints.save(self._state(stage))

    def _model_of(self, stage: GrowthStage) -> Model:
        """Return the networks of a stage, grown from those of the previous stage."""
        from recipes.comodgan_paintings_small.model import Model

        before, settings = self._model, self._settings
        if before is not None and before.generator.spec.resolution == stage.resolution:
            return before
        spec = spec_for(
            stage.resolution,
            settings.channel_base,
            settings.channel_most,
            settings.latent,
            settings.code,
        )
        self._seed(-stage.resolution)
        self._model = Model(spec, settings, self._device)
        if before is not None:
            self._model.grow_from(before)
        return self._model

    def _seed(self, number: int) -> None:
        """Seed torch, so that draws do not depend on earlier ones."""
        import torch

        seeds = (self._settings.seed, abs(number), int(number < 0))
        torch.manual_seed(int(np.random.SeedSequence(seeds).generate_state(1)[0]))

    def _finite_means(self) -> dict[str, float]:
        means = {name: float(value) for name, value in self._progress.means().items()}
        for name, value in means.items():
            if not math.isfinite(value):
                raise _diverged(self._iteration, name)
        return means

    # --- the result and the state ----------------------------------------------------------------

    def _result(self, provenance: Mapping[str, str]) -> Trained:
        import torch

        if self._model is None:  # a settings object has at least one iteration
            raise AssertionError("nothing was trained")
        network = self._model.average
        state = {name: value.cpu() for name, value in network.state_dict().items()}
        if not all(bool(torch.isfinite(value).all()) for value in state.values()):
            raise _diverged(self._iteration, "a weight")
        made_by = {
            "stage": "comodgan",
            "settings": json.dumps(self._settings.recipe(), sort_keys=True),
            "resolution": str(network.spec.resolution),
        }
        figures = {
            "iterations": self._iteration,
            "paintings": len(self._examples),
            "parameters": sum(value.numel() for value in network.parameters()),
            "device": self._device.type,
            "seconds": round(self._progress.seconds, 1),
        }
        if self._progress.resumed:
            figures["resumed_after"] = ", ".join(map(str, self._progress.resumed))
        weights = to_bytes(state, {**made_by, **provenance}, half=self._settings.half)
        return Trained(weights, self._progress.rows, figures)

    def _state(self, stage: GrowthStage) -> dict[str, Any]:
        if self._model is None:
            raise AssertionError("there is nothing to save before the first iteration")
        return {
            "iteration": self._iteration,
            "resolution": stage.resolution,
            "parts": {name: part.state_dict() for name, part in self._model.parts().items()},
            "progress": self._progress.state(),
        }

    def _restore(self, saved: Mapping[str, Any]) -> None:
        from recipes.comodgan_paintings_small.model import restore

        stages = self._settings.stages
        stage = next(one for one in stages if one.resolution == saved["resolution"])
        restore(self._model_of(stage), saved["parts"])
        self._iteration = saved["iteration"]
        self._progress.restore(saved["progress"], self._iteration, self._device)


def _diverged(iteration: int, what: str) -> UnavailableError:
    return UnavailableError(
        f"the CoModGAN's training diverged by iteration {iteration} ({what} is not finite any"
        " more): lower its learning_rate, or set precision: fp32 if it is bf16; with other settings"
        " it starts over"
    )
