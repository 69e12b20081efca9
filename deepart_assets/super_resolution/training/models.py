"""What an iteration of each training does: BasicSR's model classes, and where ours depart.

Belongs here: losses, gradients, optimisers and precision of one iteration. Does not belong here:
what goes on around an iteration (`loop`), the options' meaning (`settings.training`), the feature
networks (`losses`).

Imported inside functions only, after `compat.prepare()`: `basicsr.models.build_model` finds the
classes by their names, which are the options' `model_type`.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from basicsr.archs.rrdbnet_arch import RRDBNet
from basicsr.losses.gan_loss import GANLoss
from basicsr.models.esrgan_model import ESRGANModel
from basicsr.models.sr_model import SRModel
from basicsr.utils.registry import MODEL_REGISTRY
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from deepart_assets.super_resolution.data.degradation import SCALE
from deepart_assets.super_resolution.data.pairs import CONTEXT
from deepart_assets.super_resolution.network import add_noise, initialise_as_interpolation
from deepart_assets.super_resolution.training import losses  # noqa: F401  (registers its losses)
from deepart_assets.super_resolution.weights import read_state


class _Art:
    """What both models add to BasicSR's.

    Options beyond BasicSR's: `block_noise`, `precision`, `channels_last`, `compile` and
    `train.clip_grad_norm` (see `settings.training`); `path.pretrain_network_g` holds the bytes of a
    file of weights. `log_dict` holds scalars on the device, of this process: reading a number would
    make the CPU wait for the GPU every time.

    Attributes:
        norms: L2 norms of the gradients of the last iteration by name: they tell whether all of
            them were finite.
    """

    opt: dict[str, Any]
    device: torch.device
    net_g: nn.Module
    log_dict: dict[str, torch.Tensor]
    norms: dict[str, torch.Tensor]

    # --- networks --------------------------------------------------------------------------------

    def model_to_device(self, net: nn.Module) -> nn.Module:
        """Move a network to the device, as the options say; DistributedDataParallel around it."""
        net = net.to(self.device)
        # Up to 3 times as fast on a CPU; BasicSR's VGG discriminator takes the default layout only.
        if self.opt["channels_last"] and isinstance(net, RRDBNet):
            for weight in net.parameters():
                if weight.ndim == 4:
                    weight.data = weight.data.contiguous(memory_format=torch.channels_last)
        if self.opt["compile"]:
            net.compile()
        if not self.opt["dist"]:
            return net
        devices = [torch.cuda.current_device()] if self.device.type == "cuda" else None
        with warnings.catch_warnings():
            # Its successor is not in every version of torch that we take.
            warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
            # Batch statistics are each process's own: shared in between two forward passes of the
            # discriminator they would change under its gradient.
            return DistributedDataParallel(net, device_ids=devices, broadcast_buffers=False)

    def print_network(self, net: nn.Module) -> None:
        """Print nothing: the record holds the number of parameters."""

    def load_network(
        self, net: nn.Module, load_path: bytes, strict: bool = True, param_key: str = ""
    ) -> None:
        """Load the weights that the bytes of a file of any naming hold."""
        bare(net).load_state_dict(read_state(load_path, "the base"))

    def model_ema(self, decay: float = 0.999) -> None:
        """Move the average towards the weights by 1 - decay of the way."""
        average, now = self.net_g_ema.parameters(), bare(self.net_g).parameters()  # type: ignore[attr-defined]
        with torch.no_grad():
            torch._foreach_lerp_(list(average), list(now), 1 - decay)

    @property
    def result(self) -> nn.Module:
        """The network that is validated and returned."""
        return getattr(self, "net_g_ema", None) or bare(self.net_g)

    def parts(self) -> dict[str, Any]:
        """Return all that an iteration changes, by name; each has a `state_dict`."""
        named = vars(self)
        nets = ("net_g", "net_g_ema", "net_d")
        parts = {name: bare(named[name]) for name in nets if name in named}
        for number, optimiser in enumerate(named["optimizers"]):
            parts[f"optimiser_{number}"] = optimiser
            parts[f"scheduler_{number}"] = named["schedulers"][number]
        return parts

    def update_learning_rate(self, current_iter: int, warmup_iter: int = -1) -> None:
        """Set the rates of an iteration, from 1."""
        with warnings.catch_warnings():
            # A generator that rests at first has made no step before its schedule.
            warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step")
            super().update_learning_rate(current_iter, warmup_iter)  # type: ignore[misc]

    # --- an iteration ----------------------------------------------------------------------------

    def _autocast(self) -> torch.autocast:
        wanted = self.opt["precision"] == "bf16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=wanted)

    def _enlarge(self) -> torch.Tensor:
        """Enlarge the batch and cut the enlarged context off: float32, N×3×h×w."""
        edge = CONTEXT * SCALE
        made: torch.Tensor = self.net_g(self.lq)[..., edge:-edge, edge:-edge]  # type: ignore[attr-defined]
        return made.float()


@MODEL_REGISTRY.register()
class ArtSRModel(_Art, SRModel):
    """The pixel stage: BasicSR's SRModel from a network that begins as an interpolation."""

    def init_training_settings(self) -> None:
        """Set the first weights, then go on as BasicSR does."""
        initialise_as_interpolation(bare(self.net_g))
        super().init_training_settings()

    def optimize_parameters(self, current_iter: int) -> None:
        """Train on the batch of `feed_data`."""
        with self._autocast():
            self.output = self._enlarge()
            loss = self.cri_pix(self.output, self.gt)
        self.optimizer_g.zero_grad(set_to_none=True)
        loss.backward()
        self.norms = {"gradient": _gradient_norm(self.net_g)}
        self.optimizer_g.step()
        self.log_dict = {"l_pix": loss.detach()}
        if self.ema_decay > 0:
            self.model_ema(decay=self.ema_decay)


@MODEL_REGISTRY.register()
class ArtESRGANModel(_Art, ESRGANModel):
    """The adversarial stage: BasicSR's ESRGANModel with the seed's clipping and noise.

    The discriminator's two losses share one backward pass, so that gradients flow through both
    means, as in the paper and in traiNNer; BasicSR stops them at the means.
    """

    def init_training_settings(self) -> None:
        """Add the noise, then go on as BasicSR does."""
        add_noise(bare(self.net_g), self.opt["block_noise"])
        super().init_training_settings()

    def optimize_parameters(self, current_iter: int) -> None:
        """Train both networks on the batch of `feed_data`."""
        generates = current_iter % self.net_d_iters == 0 and current_iter > self.net_d_init_iters
        self.log_dict, self.norms = {}, {}
        if generates:
            self._step_generator()
        else:
            with torch.no_grad(), self._autocast():
                self.output = self._enlarge()
        self._step_discriminator()
        if self.ema_decay > 0:
            self.model_ema(decay=self.ema_decay)

    def _step_generator(self) -> None:
        """Be close to the painting, and more real than it to the discriminator."""
        self.net_d.requires_grad_(False)
        judge = bare(self.net_d)  # its gradients are not wanted: nothing to share between processes
        with self._autocast():
            self.output = self._enlarge()
            found = {
                "l_g_pix": self.cri_pix(self.output, self.gt),
                "l_g_percep": self.cri_perceptual(self.output, self.gt)[0],
            }
            fake, real = judge(self.output.contiguous()), judge(self.gt.contiguous()).detach()
        found["l_g_gan"] = relativistic_loss(
            self.cri_gan, fake.float(), real.float(), is_disc=False
        )
        self.optimizer_g.zero_grad(set_to_none=True)
        torch.stack(list(found.values())).sum().backward()
        self.norms["gradient"] = self._clipped_norm()
        self.optimizer_g.step()
        self.log_dict |= {name: value.detach() for name, value in found.items()}

    def _step_discriminator(self) -> None:
        """Find paintings more real than what the generator made."""
        self.net_d.requires_grad_(True)
        with self._autocast():
            real = self.net_d(self.gt.contiguous()).float()
            fake = self.net_d(self.output.detach().contiguous()).float()
        loss = relativistic_loss(self.cri_gan, real, fake, is_disc=True)
        self.optimizer_d.zero_grad(set_to_none=True)
        loss.backward()
        self.norms["discriminator_gradient"] = _gradient_norm(self.net_d)
        self.optimizer_d.step()
        self.log_dict |= {
            "l_d": loss.detach(),
            "out_d_real": real.detach().mean(),
            "out_d_fake": fake.detach().mean(),
        }

    def _clipped_norm(self) -> torch.Tensor:
        limit = self.opt["train"]["clip_grad_norm"]
        if limit is None:
            return _gradient_norm(self.net_g)
        return torch.nn.utils.clip_grad_norm_(self.net_g.parameters(), limit)


def relativistic_loss(
    criterion: GANLoss, better: torch.Tensor, worse: torch.Tensor, *, is_disc: bool
) -> torch.Tensor:
    """Return the relativistic average loss of wanting `better` above the mean of `worse`.

    ½ [BCE(C(better) - mean C(worse), 1) + BCE(C(worse) - mean C(better), 0)] on logits C of any
    shape, means over batch and places (Jolicoeur-Martineau 2018; ESRGAN's equations 1 and 2, halved
    as BasicSR does). The discriminator wants the originals above; the generator, what it made.
    """
    above = criterion(better - worse.mean(), True, is_disc=is_disc)
    below = criterion(worse - better.mean(), False, is_disc=is_disc)
    return (above + below) / 2


def bare(net: nn.Module) -> nn.Module:
    """Return a network without DistributedDataParallel around it."""
    return net.module if isinstance(net, DistributedDataParallel) else net


def _gradient_norm(net: nn.Module) -> torch.Tensor:
    return torch.nn.utils.get_total_norm(
        [weight.grad for weight in net.parameters() if weight.grad is not None]
    )


def build_training_model(options: Mapping[str, Any]) -> ArtSRModel | ArtESRGANModel:
    """Build the model of BasicSR's options; nothing is printed."""
    from basicsr.models import build_model
    from basicsr.utils import get_root_logger

    get_root_logger(log_level=logging.WARNING).setLevel(logging.WARNING)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        # Its registry tells of names that it completes; it builds VGG19 as torchvision once had it.
        warnings.filterwarnings("ignore", category=UserWarning, module="torchvision")
        return build_model(dict(options))
