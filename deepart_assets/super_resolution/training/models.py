"""The BasicSR model classes of both stages: losses, gradients, optimisers and precision.

Import only inside functions, after `compat.prepare()`: `basicsr.models.build_model` finds the
classes by name, which is the `model_type` of the options.
"""

from __future__ import annotations

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

from deepart_assets.compat import without_output
from deepart_assets.super_resolution.data.degradation import SCALE
from deepart_assets.super_resolution.data.pairs import CONTEXT
from deepart_assets.super_resolution.network import add_noise, initialise_as_interpolation
from deepart_assets.super_resolution.training import losses  # noqa: F401  (registers its losses)
from deepart_assets.super_resolution.weights import read_state


class _Art:
    """What both models add to the classes of BasicSR.

    Options beyond BasicSR's: `block_noise`, `precision`, `channels_last`, `compile` and
    `train.clip_grad_norm` (see `settings.training`); `path.pretrain_network_g` holds the bytes of a
    file of weights. `log_dict` holds scalars of this process on the device: reading them
    would synchronise with the GPU in every iteration.

    Attributes:
        norms: L2 norms of the gradients of the last iteration, by name; finite if all gradients
            are.
    """

    opt: dict[str, Any]
    device: torch.device
    net_g: nn.Module
    log_dict: dict[str, torch.Tensor]
    norms: dict[str, torch.Tensor]

    # --- networks --------------------------------------------------------------------------------

    def model_to_device(self, net: nn.Module) -> nn.Module:
        """Move a network to the device, compile it and wrap it in DDP as the options say."""
        net = net.to(self.device)
        # Up to 3 times as fast on a CPU; BasicSR's VGG discriminator takes the default layout only.
        if self.opt["channels_last"] and isinstance(net, RRDBNet):
            net.to(memory_format=torch.channels_last)
        if self.opt["compile"]:
            net.compile()
        if not self.opt["dist"]:
            return net
        devices = [torch.cuda.current_device()] if self.device.type == "cuda" else None
        with warnings.catch_warnings():
            # Its successor is missing in the oldest supported version of torch.
            warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
            # Each process keeps its own batch statistics: a broadcast between the two forward
            # passes of the discriminator would modify tensors that its gradient needs.
            return DistributedDataParallel(net, device_ids=devices, broadcast_buffers=False)

    def print_network(self, net: nn.Module) -> None:
        """Print nothing: the record holds the number of parameters."""

    def load_network(
        self, net: nn.Module, load_path: bytes, strict: bool = True, param_key: str = ""
    ) -> None:
        """Load the weights from the bytes of a file, in any naming of the tensors."""
        unwrap_ddp(net).load_state_dict(read_state(load_path, "the base"))

    def model_ema(self, decay: float = 0.999) -> None:
        """Update the exponential moving average of the weights."""
        average, current = self.net_g_ema.parameters(), unwrap_ddp(self.net_g).parameters()  # type: ignore[attr-defined]
        with torch.no_grad():
            torch._foreach_lerp_(list(average), list(current), 1 - decay)

    @property
    def net_for_inference(self) -> nn.Module:
        """The network to validate and return: the moving average if there is one."""
        return getattr(self, "net_g_ema", None) or unwrap_ddp(self.net_g)

    def parts(self) -> dict[str, Any]:
        """Return everything an iteration changes, by name; each has a `state_dict`."""
        named = vars(self)
        nets = ("net_g", "net_g_ema", "net_d")
        parts = {name: unwrap_ddp(named[name]) for name in nets if name in named}
        for number, optimiser in enumerate(named["optimizers"]):
            parts[f"optimiser_{number}"] = optimiser
            parts[f"scheduler_{number}"] = named["schedulers"][number]
        return parts

    def update_learning_rate(self, current_iter: int, warmup_iter: int = -1) -> None:
        """Set the learning rates of an iteration, from 1."""
        with warnings.catch_warnings():
            # With net_d_init_iters the generator makes no step before its schedule.
            warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step")
            super().update_learning_rate(current_iter, warmup_iter)  # type: ignore[misc]

    # --- an iteration ----------------------------------------------------------------------------

    def _autocast(self) -> torch.autocast:
        wanted = self.opt["precision"] == "bf16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=wanted)

    def _enlarge(self) -> torch.Tensor:
        """Upscale the batch and crop the context: float32, N×3×h×w."""
        edge = CONTEXT * SCALE
        made: torch.Tensor = self.net_g(self.lq)[..., edge:-edge, edge:-edge]  # type: ignore[attr-defined]
        return made.float()


@MODEL_REGISTRY.register()
class ArtSRModel(_Art, SRModel):
    """The pixel stage: SRModel on a network initialised as an interpolation."""

    def init_training_settings(self) -> None:
        """Initialise the weights, then set up as BasicSR does."""
        initialise_as_interpolation(unwrap_ddp(self.net_g))
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
    """The adversarial stage: BasicSR's ESRGANModel with the original notebook's clipping and
    noise.

    The discriminator's two losses share one backward pass, so that gradients flow through both
    means, as in the paper and in traiNNer; BasicSR stops them at the means.
    """

    def init_training_settings(self) -> None:
        """Add the noise, then set up as BasicSR does."""
        add_noise(unwrap_ddp(self.net_g), self.opt["block_noise"])
        super().init_training_settings()
        if self.opt["channels_last"]:
            self.cri_perceptual.to(memory_format=torch.channels_last)

    def optimize_parameters(self, current_iter: int) -> None:
        """Train both networks on the batch of `feed_data`.

        The discriminator's weights are the same in both steps, so that it looks at the batch once,
        where BasicSR lets it look twice.
        """
        generates = current_iter % self.net_d_iters == 0 and current_iter > self.net_d_init_iters
        self.log_dict, self.norms = {}, {}
        with torch.set_grad_enabled(generates), self._autocast():
            made = self._enlarge()
        # A leaf, where the discriminator's gradients end.
        self.output = made.detach().requires_grad_(generates)
        with self._autocast():
            real = self.net_d(self.gt.contiguous()).float()
            fake = self.net_d(self.output.contiguous()).float()
        if generates:
            self._step_generator(made, real.detach(), fake)
        self._step_discriminator(real, fake)
        if self.ema_decay > 0:
            self.model_ema(decay=self.ema_decay)

    def _step_generator(self, made: torch.Tensor, real: torch.Tensor, fake: torch.Tensor) -> None:
        """Update the generator with the pixel, perceptual and relativistic losses."""
        with self._autocast():
            found = {
                "l_g_pix": self.cri_pix(self.output, self.gt),
                "l_g_percep": self.cri_perceptual(self.output, self.gt)[0],
            }
        found["l_g_gan"] = relativistic_loss(self.cri_gan, fake, real, is_disc=False)
        loss = torch.stack(list(found.values())).sum()
        (gradient,) = torch.autograd.grad(loss, self.output, retain_graph=True)
        self.optimizer_g.zero_grad(set_to_none=True)
        made.backward(gradient)
        self.norms["gradient"] = self._clipped_norm()
        self.optimizer_g.step()
        self.log_dict |= {name: value.detach() for name, value in found.items()}

    def _step_discriminator(self, real: torch.Tensor, fake: torch.Tensor) -> None:
        """Update the discriminator with the relativistic loss."""
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
    """Return the relativistic average loss that moves `better` above the mean of `worse`.

    ½ [BCE(C(better) - mean C(worse), 1) + BCE(C(worse) - mean C(better), 0)] on logits C of any
    shape, means over batch and places (Jolicoeur-Martineau 2018; ESRGAN's equations 1 and 2, halved
    as BasicSR does). `better` is the originals for the discriminator, the output for the generator.
    """
    above = criterion(better - worse.mean(), True, is_disc=is_disc)
    below = criterion(worse - better.mean(), False, is_disc=is_disc)
    return (above + below) / 2


def unwrap_ddp(net: nn.Module) -> nn.Module:
    """Return the network inside DistributedDataParallel, or the network itself."""
    return net.module if isinstance(net, DistributedDataParallel) else net


def _gradient_norm(net: nn.Module) -> torch.Tensor:
    return torch.nn.utils.get_total_norm(
        [weight.grad for weight in net.parameters() if weight.grad is not None]
    )


def build_training_model(options: Mapping[str, Any]) -> ArtSRModel | ArtESRGANModel:
    """Build the model of BasicSR's options, silently."""
    from basicsr.models import build_model
    from basicsr.utils import get_root_logger

    get_root_logger(log_level=logging.WARNING).setLevel(logging.WARNING)
    with without_output(), warnings.catch_warnings():
        # BasicSR builds VGG19 with a deprecated argument of torchvision and prints its registry.
        warnings.filterwarnings("ignore", category=UserWarning, module="torchvision")
        return build_model(dict(options))
