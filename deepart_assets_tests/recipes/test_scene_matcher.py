import csv

import numpy as np
import pytest
from safetensors.numpy import load_file

from deepart_assets.imaging import encode_png
from deepart_assets_tests.outpainting.scene_completion.drawn import paint
from recipes.scene_matcher.__main__ import main, ridge, scores
from recipes.scene_matcher.examples import examples

TOKENS = np.random.default_rng(0).normal(size=(20, 16, 384)).astype(np.float32)


def taught(kind, genre, subject):
    found = examples(
        TOKENS,
        subject.astype(np.float32),
        np.linspace(90, 10, 20)[:, None].repeat(16, 1).astype(np.float32),
        confidence=0.9,
        kind=kind,
        genre=genre,
    )
    return list(found)


def test_a_seascape_teaches_water_below_and_sky_above():
    sky, water, *_ = taught("landscape", "marina", np.zeros((20, 16)))
    assert sky.signs["sky"] == water.signs["water"] == 1
    assert np.isin(sky.tokens, TOKENS[:3]).all()
    assert np.isin(water.tokens, TOKENS[16:]).all()


def test_a_subject_teaches_figures_and_nothing_that_it_covers_is_ground():
    subject = np.zeros((20, 16))
    subject[5:, 4:12] = 1
    figure, *others = taught("figure", "genre painting", subject)
    assert figure.signs["figure"] == 1
    assert np.isin(figure.tokens, TOKENS[5:, 4:12]).all()
    assert not any(np.isin(each.tokens[:, 0], TOKENS[5:, 4:12, 0]).any() for each in others)


def test_ridge_finds_the_plane_that_made_the_signs():
    inputs = TOKENS.reshape(-1, 384)[:, :8] * 3 + 1
    signs = np.sign(inputs[:, 2] - 1)
    [probe] = ridge(inputs, signs[:, None], np.ones(len(inputs)), 1.0)
    assert (np.sign(scores(probe, inputs)) == signs).mean() > 0.95


@pytest.mark.slow
def test_a_tiny_run_writes_the_probes(tmp_path):
    genres = ("portrait", "marina", "landscape", "still life", "interior")
    with (tmp_path / "paintings.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "artist", "genre"])
        for seed, genre in enumerate(genres):
            (tmp_path / f"{seed}.png").write_bytes(encode_png(paint(seed)))
            table.writerow([f"{seed}.png", f"Artist {seed}", genre])
    main(["--output", str(tmp_path / "out.safetensors"), str(tmp_path / "paintings.csv")])
    probes = load_file(tmp_path / "out.safetensors")
    assert {name: each.shape for name, each in probes.items()} == {
        "kinds": (4, 385),
        "places": (4, 385),
    }
    assert all(np.isfinite(each).all() for each in probes.values())
