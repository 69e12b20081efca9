"""The loop of both trainings, from the first or the last saved iteration to the result.

Belongs here: what happens around an iteration, in which order, and the whole state that makes a
resumed training equal an uninterrupted one. Does not belong here: what an iteration does
(`training`).
"""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from deepart_assets.errors import PaintingError, UnavailableError
from deepart_assets.settings.super_resolution import Training
from deepart_assets.super_resolution.batches import Batches
from deepart_assets.super_resolution.checkpoints import Checkpoints
from deepart_assets.super_resolution.guards import Collapse, FiniteGuard, Row, diverged
from deepart_assets.super_resolution.pairs import Pair, croppable, to_tensor
from deepart_assets.super_resolution.progress import Progress, Report, Trained
from deepart_assets.super_resolution.strip import Strip
from deepart_assets.super_resolution.validation import Best, Score, Validation
from deepart_assets.super_resolution.weights import to_bytes

if TYPE_CHECKING:
    import torch
    from torch import nn

CONTEXT = 2
"""LR pixels around a crop whose enlargement is thrown away: there the convolutions' zero padding
darkens the picture. Upscaling gives every tile real context, so no loss may see those pixels. A
feature loss or a discriminator that does makes the network mend them and spoil the rest."""


class Stateful(Protocol):
    """A network, an optimiser or a schedule."""

    def state_dict(self) -> dict[str, Any]: ...  # noqa: D102
    def load_state_dict(self, state_dict: Any) -> Any: ...  # noqa: D102


class Trainee(Protocol):
    """What is trained: networks with their optimisers, and what one iteration does to them."""

    net: nn.Module
    """The network that enlarges."""
    parts: Mapping[str, Stateful]
    """Everything that an iteration changes."""

    def step(
        self, lr: torch.Tensor, hr: torch.Tensor
    ) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """Train on one batch; return the losses and the norms of the gradients, scalars by name."""
        ...


class MovingAverage:
    """An exponential moving average of a network's weights.

    It remembers the last 2 % of the iterations, and no more than 1000 (basicsr's 0.999).
    """

    def __init__(self, net: nn.Module, iterations: int) -> None:
        self.net = copy.deepcopy(net).eval().requires_grad_(False)
        self._decay = 1 - 1 / min(1000, max(1, 0.02 * iterations))

    def update(self, net: nn.Module) -> None:
        """Move towards the weights of `net` by one iteration's share."""
        import torch

        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.net.parameters()), list(net.parameters()), 1 - self._decay
            )


class Loop:
    """One training.

    Args:
        trainee: What is trained.
        pairs: The splits "train" and, where there are any, "valid" are used.
        settings: Iterations, batch, crop (`crop` is a setting of both kinds), seed.
        report: For progress.
        checkpoints: Where to go on from and to save to; None keeps nothing.
        validations: How often it is validated.
        moving_average: Whether the average of the weights is what is validated and returned.
        floor: `fidelity_floor` where the best checkpoint is chosen; None takes the last.
        collapsed: Tells from the curve and the base's PSNR-Y that it is of no use to go on.
    """

    def __init__(
        self,
        trainee: Trainee,
        pairs: Sequence[Pair],
        settings: Training,
        report: Report,
        checkpoints: Checkpoints | None,
        *,
        validations: int = 10,
        moving_average: bool = True,
        floor: float | None = None,
        collapsed: Callable[[Sequence[Row], float | None], Collapse | None] = lambda rows, base: (
            None
        ),
    ) -> None:
        self._trainee, self._settings, self._checkpoints = trainee, settings, checkpoints
        self._usable = croppable(pairs, settings.crop, CONTEXT)
        self._validations, self._collapsed = validations, collapsed
        self._average = MovingAverage(trainee.net, settings.iterations) if moving_average else None
        self._net = self._average.net if self._average else trainee.net
        self._generator = np.random.default_rng(settings.seed)
        self._progress = Progress(settings.iterations, report)
        self._guard = FiniteGuard()
        self._perceptual = floor is not None
        self._floor = floor or 0.0
        self._validation = Validation(pairs, perceptual=self._perceptual)
        self._strip = Strip()
        self._iteration = 0

    def run(self, provenance: Mapping[str, str]) -> Trained:
        """Train to the end and return the weights.

        Raises:
            UnavailableError: The training diverged, or collapsed before any checkpoint was good.
        """
        saved = self._checkpoints.load() if self._checkpoints else None
        if saved is None:
            self._before = self._validation.score(self._net)
            self._strip.add(0, self._before.picture)
            self._best = Best(self._before, self._floor)
        else:
            self._restore(saved)
        stopped = self._train()
        return self._result(provenance, stopped)

    def _train(self) -> Collapse | None:
        """Go on to the last iteration; return why it ended before, if it did."""
        settings, trainee = self._settings, self._trainee
        device = next(trainee.net.parameters()).device
        batch = Batches(self._usable, self._generator, settings.batch, settings.crop, CONTEXT)
        with batch as batches:
            for iteration in range(self._iteration + 1, settings.iterations + 1):
                lr, hr = next(batches)
                losses, norms = trainee.step(to_tensor(lr, device), to_tensor(hr, device))
                if self._average is not None:
                    self._average.update(trainee.net)
                self._guard.note(iteration, {**losses, **norms})
                self._progress.note(losses)
                self._iteration = iteration
                stopped = self._look(iteration)
                if stopped is not None:
                    return stopped
                if self._checkpoints is not None and self._checkpoints.due():
                    self._guard.check()
                    self._checkpoints.save(self._state(batches.drawn))
        return None

    def _look(self, iteration: int) -> Collapse | None:
        """Validate and report where it is time; return why to stop, if there is a reason."""
        validates = self._progress.due(iteration, self._validations)
        if not (validates or self._progress.due(iteration)):
            return None
        self._guard.check()
        score = self._score(iteration) if validates else None
        self._progress.tell(iteration, score, perceptual=self._perceptual)
        stopped = self._collapsed(self._progress.rows, self._before.psnr_y)
        if score is not None and stopped is None and self._perceptual:
            self._best.offer(iteration, score, self._net)
        return stopped

    def _score(self, iteration: int) -> Score:
        try:
            score = self._validation.score(self._net)
        except PaintingError as error:  # the loss was finite, but no longer the weights
            raise diverged(iteration, "what the network makes") from error
        self._strip.add(iteration, score.picture)
        return score

    def _result(self, provenance: Mapping[str, str], stopped: Collapse | None) -> Trained:
        import torch

        if stopped is not None and stopped.ruined and self._best.score is None:
            raise UnavailableError(
                f"the training collapsed at iteration {self._iteration} before any checkpoint was"
                f" good ({stopped.reason}): lower art_esrgan's learning_rate or"
                " adversarial_weight, or raise its validations"
            )
        chosen = self._best.weights or self._net.state_dict()
        if not all(bool(torch.isfinite(value).all()) for value in chosen.values()):
            raise diverged(self._iteration, "a weight")
        rows, progress = self._progress.rows, self._progress
        last = Score(rows[-1]["psnr_y"], rows[-1].get("niqe"))
        score = self._best.score or last
        chosen_iteration = self._best.iteration or self._iteration
        figures = {
            "valid_psnr_y_bicubic": self._validation.bicubic().psnr_y,
            "valid_psnr_y_before": self._before.psnr_y,
            "valid_psnr_y": score.psnr_y,
            "iterations": self._iteration,
            "parameters": sum(value.numel() for value in chosen.values()),
            "device": next(self._net.parameters()).device.type,
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
        import torch

        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return {
            "iteration": self._iteration,
            "parts": {name: part.state_dict() for name, part in self._trainee.parts.items()},
            "average": None if self._average is None else self._average.net.state_dict(),
            # As text: NumPy's 128-bit integers and names pass through unchanged.
            "generators": {
                "numpy": json.dumps(drawn),
                "torch": torch.get_rng_state(),
                "cuda": cuda,
            },
            "progress": self._progress.state(),
            "strip": self._strip.state(),
            "before": self._before.numbers(),
            "best": self._best.state(),
        }

    def _restore(self, state: Mapping[str, Any]) -> None:
        import torch

        for name, part in self._trainee.parts.items():
            part.load_state_dict(state["parts"][name])
        if self._average is not None:
            self._average.net.load_state_dict(state["average"])
        generators = state["generators"]
        self._generator.bit_generator.state = json.loads(generators["numpy"])
        torch.set_rng_state(generators["torch"])
        if len(generators["cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(generators["cuda"])
        self._iteration = state["iteration"]
        device = next(self._trainee.net.parameters()).device
        self._progress.restore(state["progress"], self._iteration, device)
        self._strip.restore(state["strip"])
        self._before = Score(**state["before"])
        self._best = Best(self._before, self._floor)
        self._best.restore(state["best"])


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let torch draw from `seed`, and leave its generators as they were."""
    import torch

    devices = list(range(torch.cuda.device_count()))
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield
