"""Writes a generator in the layouts in which others publish theirs.

After `keys_512.tsv`, a table of every tensor of the 512 model in three namings with the conversion
from TensorFlow, which was read off the projects' sources and not off our code.
"""

import pickle
import sys
import types
from collections import OrderedDict
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

TABLE = Path(__file__).with_name("keys_512.tsv")


def rows():
    """(ours, our shape, zeng's, its shape, TensorFlow's, its shape, conversion)."""
    for line in TABLE.read_text().splitlines():
        cells = line.split("\t")
        if not line.startswith("#") and cells[0] != "shgan_key":
            yield tuple(cells)


def names(state: dict, resolution: int):
    """The table's rows that a smaller network has, with its own first layer."""
    for row in rows():
        own = [
            cell.replace("512", str(resolution)) if "fromrgb" in row[0] else cell for cell in row
        ]
        ours, _, zeng, _, tf, _, conversion = own
        if ours in state:
            yield ours, zeng, row[3], tf, conversion


def tensorflow_variables(state: dict, resolution: int) -> dict:
    found = {}
    for ours, _, _, tf, conversion in names(state, resolution):
        value = state[ours].numpy()
        match conversion:
            case "transpose":
                value = value.T
            case "transpose(3,2,0,1)":
                value = value.transpose(2, 3, 1, 0)
            case "flip kh,kw then transpose(3,2,0,1)":
                value = value.transpose(2, 3, 1, 0)[::-1, ::-1]
            case "+1":
                value = value - np.float32(1)
            case "[0,0]":
                value = value[None, None]
            case _:
                assert conversion == "copy", conversion
        found[tf.removesuffix(" (+1)")] = np.array(value)
    assert len(found) == len(state)
    return found


def zeng_tensors(state: dict, resolution: int, prefix: str = "") -> dict:
    found = OrderedDict()
    for ours, zeng, shape, _, _ in names(state, resolution):
        if zeng == "-":
            continue
        value = state[ours].clone()
        sides = shape.strip("[]").split(", ")
        if sides[0] == "1" and len(sides) == 5:
            value = value[None]
        elif sides[0] == "1" and len(sides) == 4:
            value = value.reshape(1, -1, 1, 1)
        elif sides == ["1"]:
            value = value.reshape(1)
        found[prefix + zeng] = value
        if zeng.endswith(("Conv1_down.1.weight", "Conv0_up.conv.weight", "ToRGB.conv.weight")):
            filters = {"wn.1.weight": "wn.0.kernel", "up.conv.weight": "up.conv.blur.kernel"}
            for ending, kernel in {**filters, "RGB.conv.weight": "RGB.upsample.kernel"}.items():
                if zeng.endswith(ending):
                    found[prefix + zeng.removesuffix(ending) + kernel] = torch.ones(4, 4)
    return found


def shgan_tensors(state: dict) -> dict:
    found = OrderedDict(state)
    for name in state:
        if name.endswith(("conv0.weight", "conv1.weight")):
            found[name.replace(".weight", ".resample_filter")] = torch.ones(4, 4)
    return found


# --- the TensorFlow pickle -----------------------------------------------------------------------


@contextmanager
def dnnlib():
    """The modules and classes whose names the official pickles hold, while writing one."""
    made = {name: types.ModuleType(name) for name in ("dnnlib", "dnnlib.util", "dnnlib.tflib")}
    module = made["dnnlib.tflib.network"] = types.ModuleType("dnnlib.tflib.network")

    class Network:
        def __init__(self, state):
            self.state = state

        def __getstate__(self):
            return self.state

    class EasyDict(dict):
        pass

    for home, kind in ((module, Network), (made["dnnlib.util"], EasyDict)):
        kind.__module__, kind.__qualname__ = home.__name__, kind.__name__
        setattr(home, kind.__name__, kind)
    sys.modules.update(made)
    try:
        yield Network, EasyDict
    finally:
        for name in made:
            del sys.modules[name]


def network_state(name, variables, parts=None, /, **changes):
    state = {
        "version": 4,
        "name": name,
        "static_kwargs": {"num_channels": 3, "resolution": np.int64(512)},
        "components": parts or {},
        "build_module_src": "raise SystemExit('the source in a pickle was run')",
        "build_func_name": "G_main",
        "variables": list(variables.items()),
    }
    return {**state, **changes}


def tensorflow_pickle(average: dict, other: dict, *, protocol: int = 4, **changes) -> bytes:
    """G, D and Gs; `average` is of Gs, `other` of G."""
    with dnnlib() as (network, easy):

        def whole(name, variables):
            parts = {}
            for part in ("mapping", "synthesis"):
                own = {
                    key.removeprefix(f"{part}/"): value
                    for key, value in variables.items()
                    if key.startswith(f"{part}/")
                }
                parts[part] = network(network_state(f"{name}_{part}", own))
            rest = {key: value for key, value in variables.items() if "/" not in key}
            rest["lod"] = np.float32(0)
            return network(network_state(name, rest, easy(parts), **changes))

        d = network(network_state("D", {"4x4/Dense0/weight": np.zeros((3, 2), np.float32)}))
        return pickle.dumps((whole("G", other), d, whole("Gs", average)), protocol)
