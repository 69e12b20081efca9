"""How a result names what generated its surround."""

import pytest
from pydantic import TypeAdapter

from deepart_assets.assets.result_metadata import generator_of, result_metadata
from deepart_assets.orchestration.context import Painting
from deepart_assets.settings.outpainting import Outpainter, Telea
from deepart_assets.storage import Lake, MaterializationStore, StoredFile

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


@pytest.mark.parametrize(
    ("generated_on", "dates"),
    [
        ("2024-05-01", " Surround made on 2024-05-01 by fast marching (Telea 2004)."),
        ("", ""),  # the outpainting's record is gone
    ],
)
def test_a_description_tells_the_dates_that_are_known(tmp_path, generated_on, dates):
    labels = {"artist": "", "title": "Stars", "date": ""}
    painting = Painting("p", "", "", labels, MaterializationStore(Lake(tmp_path)))
    metadata = result_metadata(
        painting,
        "telea",
        Telea(kind="telea"),
        summary="Half of it is generated.",
        seed=None,
        generated_on=generated_on,
        made_at="2024-05-02T10:00:00",
        fingerprint="",
        mask=StoredFile("p.mask.png", "", 0),
    )
    assert metadata.description == (
        f"Stars. Half of it is generated.{dates} Enlarged on 2024-05-02."
    )
