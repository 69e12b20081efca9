import csv

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from deepart_assets.imaging import encode_png
from deepart_assets.outpainting.scene_completion import GroundLibrary
from deepart_assets_tests.outpainting.scene_completion.drawn import ground, oval, paint, reduced
from recipes.scene_matcher.__main__ import main, ridge, scores
from recipes.scene_matcher.examples import examples
from recipes.scene_matcher.outdoors import LABELS, OUTDOORS
from recipes.scene_matcher.outdoors import main as train_outdoors
from recipes.scene_matcher.told import look
from recipes.scene_matcher.told import main as train_told
from recipes.subject_segmenter.outlines import read_outlined

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


def test_what_an_eye_saw_teaches_which_grounds_are_outdoors_or_water(tmp_path):
    grounds = [ground(f"g{each}", each, mask=oval()) for each in range(40)]
    with (tmp_path / "settings.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["painting", "setting"])
        for each in grounds:
            each.ground[3] = 2 if int(each.id[1:]) % 2 else -2
            each.ground[5] = 2 if int(each.id[1:]) % 3 else -2
            dry = "land" if each.ground[5] > 0 else "water"
            table.writerow([each.id, dry if each.ground[3] > 0 else "room"])
    library = GroundLibrary.of(grounds, reduced({}))
    (tmp_path / "library.npz").write_bytes(library.to_bytes())
    probes = tmp_path / "probes.safetensors"
    save_file({"kinds": np.ones((4, 385), np.float16)}, probes)
    labels = str(tmp_path / "settings.csv")
    train_outdoors([str(tmp_path / "library.npz"), str(probes), "--labels", labels])
    found = load_file(probes)
    assert {name: each.shape for name, each in found.items()} == {
        "kinds": (4, 385),
        "outdoors_ground": (385,),
        "outdoors_subject": (385,),
        "water_ground": (385,),
        "water_subject": (385,),
    }
    vectors = np.stack([each.ground for each in library.grounds]).astype(np.float32)
    wet = (vectors[:, 3] > 0) & (vectors[:, 5] < 0)
    for name, expected in (("outdoors_ground", vectors[:, 3] > 0), ("water_ground", wet)):
        probe = found[name].astype(np.float32)
        assert ((vectors @ probe[:-1] + probe[-1] > 0) == expected).all()

    artist = next(each.artist for each in grounds if each.artist)
    others = ["--only", "water_ground", "--without", artist]
    train_outdoors([str(tmp_path / "library.npz"), str(probes), "--labels", labels, *others])
    again = load_file(probes)
    changed = {name for name in found if not np.array_equal(found[name], again[name])}
    assert changed == {"water_ground"}


def test_the_labels_are_some_eight_hundred_settings():
    with LABELS.open(encoding="utf8", newline="") as file:
        settings = [row["setting"] for row in csv.DictReader(file)]
    assert len(settings) > 800
    assert set(settings) == {*OUTDOORS, "backdrop", "room", "table"}


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


def test_the_tone_of_the_old_ground_teaches_what_is_outdoors(tmp_path):
    folder = tmp_path / "drawn"
    folder.mkdir()
    mask = oval(96, 80)
    sky, wall = (np.full((96, 80, 3), each, np.uint8) for each in ((150, 180, 220), (70, 50, 40)))
    grain = np.random.default_rng(0).integers(-9, 10, (12, 96, 80, 1))
    with (tmp_path / "settings.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["painting", "setting"])
        for each in range(12):
            picture = (sky if each % 2 else wall) + grain[each]
            picture[mask] = paint(each, 96, 80)[mask]
            (folder / f"{each}.png").write_bytes(encode_png(picture.astype(np.uint8)))
            table.writerow([f"drawn_{each}", "sky" if each % 2 else "room"])
    outline = "250,150 750,150 750,850 250,850"
    lines = ["painting,made,polygons", *(f'drawn_{each},drawn,"{outline}"' for each in range(12))]
    (tmp_path / "masks.csv").write_text("\n".join(lines))
    probes = tmp_path / "probes.safetensors"
    save_file({"kinds": np.ones((4, 385), np.float16)}, probes)
    tables = ["--labels", str(tmp_path / "settings.csv"), "--masks", str(tmp_path / "masks.csv")]
    train_told([str(probes), *map(str, folder.iterdir()), *tables, "--test"])
    found = load_file(probes)
    assert set(found) == {"kinds", "outdoors_told"}
    probe = found["outdoors_told"].astype(np.float32)
    for each in range(12):
        vector = look(folder / f"{each}.png", read_outlined(tmp_path / "masks.csv")["drawn_0"])
        assert (vector @ probe[:-1] + probe[-1] > 0) == each % 2
