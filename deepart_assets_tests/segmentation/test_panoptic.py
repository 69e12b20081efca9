"""The panoptic segmenter end to end on a tiny Mask2Former, against transformers' own segments."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deepart_assets.errors import UnavailableError
from deepart_assets.segmentation import build_segmenter, panoptic
from deepart_assets.segmentation.base import pascal_palette
from deepart_assets.segmentation.panoptic import PanopticSegmenter
from deepart_assets.segmentation.panoptic_things import Rules, subject_of
from deepart_assets.settings.segmenters import Panoptic

from .mask2former_files import WHOLE, save_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return save_model(tmp_path_factory.mktemp("models") / "mask2former")


@pytest.fixture
def copy(folder, tmp_path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def segmenter_of(folder: Path, **more) -> PanopticSegmenter:
    return build_segmenter(Panoptic(kind="panoptic", model=str(folder), **more), None)


def painting(height: int, width: int, seed: int = 0) -> np.ndarray:
    patches = np.random.default_rng(seed).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    rows, columns = np.arange(height) * 6 // height, np.arange(width) * 5 // width
    return patches[rows][:, columns]


def segments_of_transformers(folder, picture, score=0.5):
    """The labels of each pixel by transformers alone, -1 where there is none, and its output."""
    from transformers import Mask2FormerForUniversalSegmentation, Mask2FormerImageProcessorPil

    processor = Mask2FormerImageProcessorPil.from_pretrained(folder)
    model = Mask2FormerForUniversalSegmentation.from_pretrained(folder).eval()
    with torch.inference_mode():
        output = model(**processor(images=[picture], return_tensors="pt"))
    found = processor.post_process_panoptic_segmentation(
        output, threshold=score, label_ids_to_fuse=set(), target_sizes=[picture.shape[:2]]
    )[0]
    places = found["segmentation"].numpy()
    labels = np.full(places.shape, -1)
    areas = {}
    for each in found["segments_info"]:
        labels[places == each["id"]] = each["label_id"]
        areas[each["id"]] = (each["label_id"], float((places == each["id"]).mean()))
    return labels, list(areas.values())


@pytest.mark.slow
@pytest.mark.parametrize("score", [0.2, 0.5, 0.9])
def test_the_subject_is_the_things_of_transformers_segments(folder, score):
    segmenter = segmenter_of(folder, score=score, area=0)
    shares = []
    for seed in range(4):
        picture = painting(140, 170, seed)
        found = segmenter([picture])[0]
        labels, _ = segments_of_transformers(folder, picture, score)
        things = (labels >= 0) & (labels < 80)
        subject = found.mask >= 0.5
        # Ours are the same segments where the mask is at least half probable.
        assert np.array_equal(found.classes.ids > 0, subject)
        assert things[subject].all()
        assert np.array_equal(found.classes.ids[subject], labels[subject] + 1)
        shares.append((subject.mean(), things.mean()))
    assert found.classes.names[1] == "label 0" and len(found.classes.names) == 81
    assert max(share for share, _ in shares) > 0.2
    assert min(share for _, share in shares) < 0.8


def test_chosen_labels_scores_and_areas(folder):
    picture = painting(140, 170)
    _, areas = segments_of_transformers(folder, picture, 0.2)
    things = [(label, area) for label, area in areas if label < 80]
    label, area = max(things, key=lambda each: each[1])
    only = segmenter_of(folder, score=0.2, things=[f"label {label}"])([picture])[0]
    assert list(only.classes.shares()) in (
        ["background", f"label {label}"],
        [f"label {label}", "background"],
    )
    assert only.classes.names == ("background", f"label {label}")
    none = segmenter_of(folder, score=0.2, area=min(1, area + 0.01))([picture])[0]
    assert none.mask.max() == 0 == none.confidence
    assert none.classes.shares() == {"background": 1.0}


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A model whose pictures keep their aspect, so that they come in several sizes."""
    return save_model(tmp_path_factory.mktemp("models") / "whole", size=WHOLE)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "whole"])
def test_together_is_as_one_by_one(kind, request, monkeypatch):
    monkeypatch.setitem(panoptic.BATCH, "cpu", 4)
    segmenter = segmenter_of(request.getfixturevalue(kind), score=0.2)
    sizes = [(60, 80), (33, 20), (60, 80), (120, 40), (60, 80), (80, 60), (60, 80), (60, 80)]
    pictures = [painting(*size, seed) for seed, size in enumerate(sizes)]
    together = segmenter(pictures)
    assert any(each.mask.max() > 0.5 for each in together)
    for picture, prediction in zip(pictures, together, strict=True):
        monkeypatch.setitem(panoptic.BATCH, "cpu", 1)
        alone = segmenter([picture])[0]
        assert prediction.mask.shape == picture.shape[:2]
        assert np.allclose(prediction.mask, alone.mask, atol=1e-4)
        assert (prediction.classes.ids != alone.classes.ids).mean() < 1e-3


def test_a_large_picture_is_decided_small_and_enlarged(folder, monkeypatch):
    picture = painting(300, 200)
    segmenter = segmenter_of(folder, score=0.2)
    full = segmenter([picture])[0]
    monkeypatch.setattr("deepart_assets.segmentation.panoptic_things.SIDE", 150)
    reduced = segmenter([picture])[0]
    assert reduced.mask.shape == reduced.classes.ids.shape == (300, 200)
    assert ((reduced.mask >= 0.5) == (full.mask >= 0.5)).mean() > 0.97
    assert set(np.unique(reduced.classes.ids)) <= set(np.unique(full.classes.ids))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), queries=st.integers(1, 8), score=st.floats(0.05, 0.9))
def test_masks_of_any_queries_are_sound(seed, queries, score):
    from transformers import Mask2FormerImageProcessorPil

    random = torch.Generator().manual_seed(seed)
    classes = torch.randn(queries, 4, generator=random) * 3
    masks = torch.randn(queries, 6, 7, generator=random) * 5
    rules = Rules({0: "dog", 2: "cat"}, score, 0.0)
    found = subject_of(Mask2FormerImageProcessorPil(), classes, masks, (31, 23), rules)
    assert found.mask.shape == found.classes.ids.shape == (31, 23)
    assert found.mask.dtype == np.float32 and found.classes.ids.dtype == np.uint8
    assert 0 <= found.mask.min() <= found.mask.max() <= 1
    assert np.array_equal(found.classes.ids > 0, found.mask >= 0.5)


def test_palette_is_pascals():
    palette = pascal_palette(256)
    assert palette[:4] == ((0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0))
    assert palette[15] == (192, 128, 128)  # person in PASCAL VOC
    assert len(set(palette)) == 256


# --- what can be wrong with a model --------------------------------------------------------------


def test_the_hash_follows_weights_and_configuration(folder, copy, tmp_path):
    first = segmenter_of(folder).weights_hash()
    assert (
        first
        == segmenter_of(copy).weights_hash()
        != segmenter_of(save_model(tmp_path / "other", seed=1)).weights_hash()
    )
    file = copy / "preprocessor_config.json"
    file.write_text(file.read_text().replace("384", "320"))
    assert segmenter_of(copy).weights_hash() != first


def test_another_set_of_labels_needs_the_things_by_name(tmp_path):
    other = save_model(tmp_path / "ade", labels=7)
    with pytest.raises(UnavailableError, match=r"7 labels and not COCO's 133.*segmenter\.things"):
        segmenter_of(other)([painting(8, 8)])
    assert segmenter_of(other, things=["label 3"])([painting(8, 8)])


def test_an_unknown_label_is_told_with_the_nearest(folder):
    with pytest.raises(UnavailableError, match=r"no label 'lable 7'; it has .*label 7\b.*things"):
        segmenter_of(folder, things=["lable 7"])([painting(8, 8)])


def refusal(folder: Path) -> str:
    with pytest.raises(UnavailableError) as caught:
        segmenter_of(folder)([painting(8, 8)])
    words = str(caught.value)
    assert str(folder) in words and "segmentation.segmenter.model" in words
    return words


def test_a_truncated_file_is_refused(copy):
    file = copy / "model.safetensors"
    whole = file.read_bytes()
    for kept in (0, 4, 1000, len(whole) - 1):
        file.write_bytes(whole[:kept])
        assert "does not hold a Mask2Former" in refusal(copy)


def rewrite(folder: Path, change) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def test_missing_weights_are_refused_and_not_made_up(copy):
    rewrite(copy, lambda weights: weights.pop("class_predictor.weight"))
    assert "lacks 1 weights of a Mask2Former (the first is class_predictor.weight)" in refusal(copy)


def test_wrong_shapes_are_refused(copy):
    rewrite(copy, lambda weights: weights.update({"class_predictor.weight": torch.zeros(5, 32)}))
    assert "does not hold a Mask2Former" in refusal(copy)


class Harmful:
    def __reduce__(self):
        return Path.touch, (Path("harm-was-done"),)


def test_pickled_weights_are_not_read(copy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (copy / "model.safetensors").unlink()
    torch.save({"class_predictor.weight": Harmful()}, copy / "pytorch_model.bin")
    assert "safetensors" in refusal(copy)
    assert not Path("harm-was-done").exists()
    torch.load(copy / "pytorch_model.bin", weights_only=False)
    assert Path("harm-was-done").exists()  # the payload is real


def test_a_folder_without_a_model_is_refused(tmp_path):
    assert "does not hold a Mask2Former" in refusal(tmp_path)


def test_another_architecture_is_refused(copy):
    config = json.loads((copy / "config.json").read_text())
    config["model_type"] = "detr"
    (copy / "config.json").write_text(json.dumps(config))
    rewrite(copy, lambda weights: [weights.pop(key) for key in list(weights)[:-1]])
    refusal(copy)


def test_no_network_is_explained(tmp_path, monkeypatch):
    import huggingface_hub.constants

    # Nothing listens there: what an unreachable hub looks like, at once.
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    segmenter = build_segmenter(Panoptic(kind="panoptic", model="somebody/no-such-model"), None)
    for ask in (segmenter.weights_hash, lambda: segmenter([painting(8, 8)])):
        with pytest.raises(
            UnavailableError, match=r"somebody/no-such-model cannot be fetched.*check the network"
        ):
            ask()
