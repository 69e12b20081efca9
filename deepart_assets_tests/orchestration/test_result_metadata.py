"""How a result names what generated its surround."""

import pytest
from pydantic import TypeAdapter

from deepart_assets.assets.result_metadata import generator_of
from deepart_assets.settings.outpainting import Outpainter

BUNDLED = {"kind": "bundled", "name": "paintings_small"}
INPAINTING = {
    "kind": "inpainting",
    "weights": {"kind": "url", "url": "https://a.org/b/lama.pt?k=1"},
}


@pytest.mark.parametrize(
    ("settings", "generator"),
    [
        ({"kind": "telea"}, "fast marching (Telea 2004)"),
        ({"kind": "artificially_inspired", "weights": BUNDLED}, "CoModGAN paintings_small"),
        ({"kind": "diffusers", "model": "owner/model"}, "owner/model"),
        ({"kind": "stable_diffusion", "model": "/home/a/models/mine/"}, "mine"),
        ({"kind": "stable_diffusion", "model": "./mine"}, "mine"),
        (INPAINTING, "inpainting network lama.pt"),
    ],
)
def test_a_model_is_named_without_this_machines_folders(settings, generator):
    assert generator_of(TypeAdapter(Outpainter).validate_python(settings)) == generator
