"""The names and shapes of an RRDBNet's tensors.

The namings: esrgan's flat Sequential as traiNNer and BlueAmulet save it (`model.1.sub.0…`), that of
Wang et al.'s own code (`RRDB_trunk.0…`), and that of basicsr and Real-ESRGAN (`body.0…`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from deepart_assets.errors import UnavailableError
from deepart_assets.storage.tensor_files import tensors_in

if TYPE_CHECKING:
    import torch

State: TypeAlias = "dict[str, torch.Tensor]"


@dataclass(frozen=True)
class Spec:
    """What the shapes of an RRDBNet's weights say about it."""

    features: int
    blocks: int
    growth: int
    scale: int = 4

    def __str__(self) -> str:
        return (
            f"features {self.features}, blocks {self.blocks}, growth {self.growth}, ×{self.scale}"
        )


_OLD_CONVS = {0: "conv_first", 3: "conv_up1", 6: "conv_up2", 8: "conv_hr", 10: "conv_last"}
"""Places of the convolutions in the flat Sequential of the ×4 network that traiNNer saves."""

_NEW_CONVS = {
    "trunk_conv": "conv_body",
    "upconv1": "conv_up1",
    "upconv2": "conv_up2",
    "HRconv": "conv_hr",
}


_DENSE = (
    *("model.1.sub.0.RDB1.conv1.0.weight", "RRDB_trunk.0.RDB1.conv1.weight"),
    "body.0.rdb1.conv1.weight",
)
"""The first dense convolution of an RRDBNet in each naming."""


def is_rrdbnet(tensors: Mapping[str, Any]) -> bool:
    """Tell an RRDBNet, of any size and scale, from other networks; ESRGAN+ and SPSR are others."""
    return any(key in tensors for key in _DENSE) and not any(
        "conv1x1" in key or key.startswith("f_HR_conv") for key in tensors
    )


def canonical_state(content: Mapping[str, Any], name: str) -> State:
    """Unwrap a checkpoint, give it basicsr's names and check it against the network.

    Args:
        content: What the file holds, as `tensors_in` takes it.
        name: The file's name, for messages.

    Returns:
        float32 tensors under basicsr's names.

    Raises:
        UnavailableError: Another network, or another scale than 4.
    """
    import torch

    flat = tensors_in(content, name)
    _refuse_known_others(flat, name)
    if "model.0.weight" in flat:
        renamed = {_from_old(key, name): value for key, value in flat.items()}
    elif any(key.startswith("RRDB_trunk.") for key in flat):
        renamed = {_from_new(key): value for key, value in flat.items()}
    elif "body.0.rdb1.conv1.weight" in flat:
        renamed = flat
    else:
        raise _refusal(name, f"its tensors are named {', '.join(sorted(flat)[:3])}, …")
    if len(renamed) != len(flat):
        raise _refusal(name, "two of its tensors belong to the same layer")
    coarse = [key for key, value in flat.items() if not value.is_floating_point()]
    if coarse:
        raise _refusal(name, f"{coarse[0]} holds {flat[coarse[0]].dtype}, as quantised networks do")
    state = {key: value.to(torch.float32) for key, value in renamed.items()}
    _check(state, name)
    return state


def spec_of(state: Mapping[str, torch.Tensor]) -> Spec:
    """Read features, blocks, growth and scale from the shapes of a state in basicsr's naming.

    The networks for ×2 and ×1 fold the picture (12 and 48 channels) before the same two
    enlargements, so the input channels tell the scale.
    """
    features, channels = state["conv_first.weight"].shape[:2]
    found = (re.match(r"body\.(\d+)\.", key) for key in state)
    blocks = {int(match[1]) for match in found if match}
    growth = state["body.0.rdb1.conv1.weight"].shape[0]
    scale = {3: 4, 12: 2, 48: 1}.get(channels, 0)
    return Spec(features=features, blocks=1 + max(blocks), growth=growth, scale=scale)


def _from_old(key: str, name: str) -> str:
    """`model.1.sub.0.RDB1.conv1.0.weight` to `body.0.rdb1.conv1.weight`, and so on."""
    dense = re.fullmatch(r"model\.1\.sub\.(\d+)\.RDB(\d)\.(conv\d)\.0\.(weight|bias)", key)
    if dense:
        return "body.{}.rdb{}.{}.{}".format(*dense.groups())
    trunk = re.fullmatch(r"model\.1\.sub\.\d+\.(weight|bias)", key)
    if trunk:
        return f"conv_body.{trunk[1]}"
    flat = re.fullmatch(r"model\.(\d+)\.(weight|bias)", key)
    if flat and int(flat[1]) in _OLD_CONVS:
        return f"{_OLD_CONVS[int(flat[1])]}.{flat[2]}"
    raise _refusal(name, f"{key!r} has no place in the ×4 network; it may be of another scale")


def _from_new(key: str) -> str:
    """`RRDB_trunk.0.RDB1.conv1.weight` to `body.0.rdb1.conv1.weight`, and so on."""
    dense = re.fullmatch(r"RRDB_trunk\.(\d+)\.RDB(\d)\.(.+)", key)
    if dense:
        return "body.{}.rdb{}.{}".format(*dense.groups())
    module, _, rest = key.partition(".")
    return f"{_NEW_CONVS.get(module, module)}.{rest}"


def _refuse_known_others(state: Mapping[str, Any], name: str) -> None:
    if any("conv1x1" in key for key in state):
        raise _refusal(name, "it is ESRGAN+, whose dense blocks have one convolution more")
    if any(key.startswith("f_HR_conv") for key in state):
        raise _refusal(name, "it is SPSR, which has a second branch for gradients")
    if "body.0.weight" in state:
        raise _refusal(name, "it is the compact SRVGG network of Real-ESRGAN")


def _check(state: State, name: str) -> None:
    """Compare names and shapes with the network built from the spec, and refuse NaN."""
    import torch

    from deepart_assets.super_resolution.rrdbnet import RRDBNet

    needed = {"conv_first.weight", "conv_last.weight", "body.0.rdb1.conv1.weight"}
    if not needed <= state.keys() or any(state[key].ndim != 4 for key in needed):
        raise _refusal(name, "its first or last convolution is missing")
    spec = spec_of(state)
    if spec.blocks > len(state):  # before a network of a million blocks is built from one name
        raise _refusal(name, f"it names block {spec.blocks - 1} and has {len(state)} tensors")
    if spec.scale != 4 or state["conv_last.weight"].shape[0] != 3:
        outputs, inputs = state["conv_last.weight"].shape[0], state["conv_first.weight"].shape[1]
        raise _refusal(
            name,
            f"it takes {inputs} channels and gives {outputs}"
            + (f", the ×{spec.scale} variant" if spec.scale else ""),
        )
    with torch.device("meta"):
        net = RRDBNet(spec.features, spec.blocks, spec.growth)
    expected = {key: value.shape for key, value in net.state_dict().items()}
    found = {key: value.shape for key, value in state.items()}
    if found != expected:
        wrong = sorted(key for key in expected | found if expected.get(key) != found.get(key))
        raise _refusal(name, f"{len(wrong)} tensors are missing, spare or misshapen ({wrong[0]})")
    if not all(bool(torch.isfinite(value).all()) for value in state.values()):
        raise UnavailableError(f"{name} holds values that are not finite: use another file")


def _refusal(name: str, reason: str) -> UnavailableError:
    return UnavailableError(
        f"{name} does not hold an RRDBNet ×4: {reason}; give weights of ESRGAN's RRDBNet for RGB ×4"
    )
