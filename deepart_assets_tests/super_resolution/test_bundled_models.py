"""The models that come with the project: small, documented, and better than bicubic."""

import pytest

from deepart_assets.imaging import decode_rgb
from deepart_assets.settings.places import PROJECT
from deepart_assets.settings.super_resolution import Upscaling
from deepart_assets.settings.weights import BundledWeights
from deepart_assets.storage import Lake
from deepart_assets.storage.downloads import Downloads
from deepart_assets.super_resolution.data.degradation import lr_hr_pair, matlab_bicubic_enlarge
from deepart_assets.super_resolution.evaluation.metrics import psnr_y
from deepart_assets.super_resolution.upscaling.upscaler import NetworkUpscaler
from deepart_assets.super_resolution.weights import fetch_weights, provenance_of, spec_of
from deepart_assets.super_resolution.weights.files import read_state

MODELS = sorted((PROJECT / "data" / "models").glob("*.safetensors"))
UNSEEN = PROJECT / "data" / "sample" / "paintings" / "436543.jpg"
"""Goya, whose paintings stood in the test split of every model's training."""


@pytest.fixture(params=MODELS, ids=lambda file: file.stem)
def model(request, tmp_path) -> bytes:
    downloads = Downloads(tmp_path / "cache", Lake(tmp_path / "lake"))
    return fetch_weights(BundledWeights(kind="bundled", name=request.param.stem), downloads)


def test_there_is_one_and_each_has_a_card_and_few_bytes():
    assert MODELS
    card = (PROJECT / "data" / "models" / "README.md").read_text()
    for file in MODELS:
        assert f"## {file.name}" in card
        assert file.stat().st_size <= 3_000_000


def test_it_says_where_it_comes_from(model):
    reported = provenance_of(model)
    assert {"source", "source_sha256", "origin_data_set", "origin_settings"} <= reported.keys()
    assert spec_of(read_state(model, "it")).scale == 4


def test_it_beats_bicubic_by_a_decibel_on_a_painting_it_has_not_seen(model):
    lr, hr = lr_hr_pair(decode_rgb(UNSEEN.read_bytes(), UNSEEN.name)[300:812, 200:712], 512)
    ours = psnr_y(NetworkUpscaler(model, Upscaling())(lr), hr)
    assert ours > psnr_y(matlab_bicubic_enlarge(lr), hr) + 1.0
