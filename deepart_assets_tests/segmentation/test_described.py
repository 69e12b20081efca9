"""The segmenter that reads a text, on tiny models, against what transformers itself finds."""

import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from deepart_assets.errors import PaintingError, UnavailableError
from deepart_assets.segmentation import (
    Scribble,
    build_corrector,
    build_segmenter,
    concept_masks,
    prompted_correction,
    prompted_masks,
    text_detection,
)
from deepart_assets.segmentation.correction import grab_cut_correction
from deepart_assets.segmentation.described import FILES, DescribedSegmenter
from deepart_assets.settings.segmenters import Described, Segmenter
from deepart_assets_tests.conftest import draw_painting
from deepart_assets_tests.hub import serve_hub

from .text_models import save_detector, save_sam, save_sam3

TEXT = "the woman and the child; a dog"
PHRASES = ("the woman", "the child", "a dog")


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    """A folder of tiny models by `model_type`."""
    root = tmp_path_factory.mktemp("models")
    save_detector(root / "grounding-dino")
    save_detector(root / "mm-grounding-dino", "MMGroundingDino")
    save_sam(root / "sam2_video")
    save_sam3(root / "sam3")
    return root


def segmenter_of(root: Path, model="sam2_video", detector="grounding-dino", **more):
    given = {"text": TEXT, "score": 0.1, "mask_score": 0, **more}
    found_by = str(root / detector) if detector else None
    section = Described(kind="described", model=str(root / model), detector=found_by, **given)
    return build_segmenter(section, None)


def pictures() -> list[np.ndarray]:
    return [draw_painting(1, 90, 70), draw_painting(2, 60, 110), draw_painting(3, 90, 70)]


# --- the text of a painting ----------------------------------------------------------------------


def test_the_own_text_then_the_genre_then_the_style_then_the_profiles():
    section = Described(
        kind="described", text="person", genres={"Still Life": "fruit"}, styles={"Cubism": "guitar"}
    )
    segmenter = DescribedSegmenter(section)
    labels = {"style": "cubism", "genre": "still-life", "subject": "the vase"}
    assert segmenter.choice(labels) == {"text": "the vase"}
    assert segmenter.choice({**labels, "subject": ""}) == {"text": "fruit"}
    assert segmenter.choice({"style": "cubism", "genre": ""}) == {"text": "guitar"}
    assert segmenter.choice({}) == segmenter.choice({"style": ""}) == {"text": "person"}
    assert json.loads(json.dumps(segmenter.choice(labels))) == segmenter.choice(labels)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"text": ""}, "at least 1 character"),
        ({"text": "…"}, "should match pattern"),
        ({"genres": {"portrait": "x" * 301}}, "at most 300 characters"),
        ({"styles": {"Cubism": "a", "cubism ": "b"}}, "are the same style"),
    ],
)
def test_texts_of_a_profile_are_checked(wrong, words):
    with pytest.raises(ValidationError, match=words):
        TypeAdapter(Segmenter).validate_python({"kind": "described", **wrong})


# --- against transformers ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["grounding-dino", "mm-grounding-dino"])
def test_boxes_are_those_of_transformers(models, kind, monkeypatch):
    monkeypatch.setattr(text_detection, "SAME_THING", 1)
    from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor

    model = AutoModelForZeroShotObjectDetection.from_pretrained(models / kind).eval()
    processor = AutoProcessor.from_pretrained(models / kind)
    picture = pictures()[0]
    inputs = processor(images=[picture], text=[list(PHRASES)], return_tensors="pt")
    with torch.inference_mode():
        answer = model(**inputs)
    # What no phrase owns: [CLS], "." and [SEP].
    is_word = ~torch.isin(inputs["input_ids"][0], torch.tensor([101, 102, 1012]))
    answer.logits = answer.logits.clone()
    answer.logits[..., : len(is_word)][..., ~is_word] = -torch.inf
    score = float(answer.logits.sigmoid().amax(-1).median())
    expected = processor.post_process_grounded_object_detection(
        answer, inputs["input_ids"], threshold=score, text_threshold=0, target_sizes=[(90, 70)]
    )[0]
    order = expected["scores"].argsort(descending=True)
    detector = text_detection.TextDetector(model, processor, score, 100)
    [found] = detector([picture], [PHRASES])
    assert 2 < len(found.scores) < 12
    assert np.allclose(found.scores, expected["scores"][order], atol=1e-6)
    corners = (expected["boxes"][order].numpy() / [70, 90, 70, 90]).clip(0, 1)
    assert np.allclose(found.corners, corners, atol=1e-6)
    best = answer.logits[0].argmax(-1)[answer.logits[0].sigmoid().amax(-1) > score]
    owners = [1, 1, 1, 2, 2, 2, 3, 3, 3]  # [CLS] the woman . the child . a dog . [SEP]
    assert found.phrases.tolist() == [owners[best[each] - 1] - 1 for each in order]


@pytest.mark.slow
def test_one_thing_has_one_box_and_the_best_ones_are_kept(models):
    picture = pictures()[0]
    every = segmenter_of(models, boxes=100)._finder._detector([picture], [PHRASES])[0]
    few = segmenter_of(models, boxes=3)._finder._detector([picture], [PHRASES])[0]
    assert len(every.scores) > 3 and np.array_equal(few.scores, every.scores[:3])
    assert (np.diff(every.scores) <= 0).all()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_detection, "SAME_THING", 0)
        apart = segmenter_of(models, boxes=100)._finder._detector([picture], [PHRASES])[0]
    assert 0 < len(apart.scores) < len(every.scores)
    for phrase in set(apart.phrases):
        boxes = torch.from_numpy(apart.corners[apart.phrases == phrase])
        for one, other in itertools.combinations(boxes, 2):
            assert text_detection._overlap(one, other) == 0
    assert text_detection._overlap(torch.tensor([0, 0, 2, 1]), torch.tensor([1, 0, 3, 1])) == (
        pytest.approx(1 / 3)
    )


@pytest.mark.parametrize(
    "kind",
    ["sam2_video", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("sam_hq", "sam2"))],
)
def test_the_subject_is_the_union_of_transformers_masks(models, kind):
    import transformers as t

    if kind != "sam2_video":
        save_sam(models / kind, kind)
    names = prompted_masks.KINDS[kind]
    model, processor = (getattr(t, name).from_pretrained(models / kind) for name in names)
    segmenter = segmenter_of(models, kind)
    picture = pictures()[0]
    [boxes] = segmenter._finder._detector([picture], [PHRASES])
    given = (boxes.corners * [70, 90, 70, 90]).tolist()
    inputs = processor(images=[picture], input_boxes=[given], return_tensors="pt")
    padded = {n: value for n, value in inputs.items() if n == "reshaped_input_sizes"}
    prompts = {"pixel_values": inputs["pixel_values"], "input_boxes": inputs["input_boxes"].float()}
    with torch.inference_mode():
        answer = model.eval()(**prompts, multimask_output=False)
    masks = processor.post_process_masks(
        answer.pred_masks, original_sizes=[(90, 70)], binarize=True, **padded
    )[0][:, 0].numpy()
    [found] = segmenter([picture])
    subject = found.mask >= 0.5
    assert np.array_equal(subject, masks.any(axis=0)) and 0.02 < subject.mean() < 0.98
    assert np.array_equal(found.classes.ids > 0, subject)
    assert found.classes.names == ("background", *PHRASES)
    scores = boxes.scores * answer.iou_scores[0, :, 0].numpy()
    assert found.confidence == pytest.approx(scores.max(), abs=1e-6)
    # Without the worse half of the masks.
    quality = answer.iou_scores[0, :, 0].numpy()
    least = float(np.median(quality))
    [fewer] = segmenter_of(models, kind, mask_score=least)([picture])
    assert np.array_equal(fewer.mask >= 0.5, masks[quality >= least].any(axis=0))


def test_sam_3_needs_no_detector(models):
    from transformers import Sam3Model, Sam3Processor

    model = Sam3Model.from_pretrained(models / "sam3").eval()
    processor = Sam3Processor.from_pretrained(models / "sam3")
    picture = pictures()[1]
    expected = np.zeros((60, 110), bool)
    scores = []
    for phrase in PHRASES:
        inputs = processor(images=picture, text=phrase, return_tensors="pt")
        with torch.inference_mode():
            answer = model(**inputs)
        [one] = processor.post_process_instance_segmentation(
            answer, threshold=0.31, target_sizes=[(60, 110)]
        )
        if len(one["scores"]):
            expected |= one["masks"].numpy().astype(bool).any(axis=0)
        scores += one["scores"].tolist()
    assert 1 < len(scores) < 20
    [found] = segmenter_of(models, "sam3", None, score=0.31, boxes=100)([picture])
    # transformers enlarges probabilities in another library.
    assert ((found.mask >= 0.5) != expected).mean() < 0.005 < expected.mean()
    assert found.confidence == pytest.approx(max(scores), abs=1e-6)
    best = segmenter_of(models, "sam3", None, score=0.31, boxes=1)._finder([picture], [PHRASES])
    assert best[0].scores.tolist() == pytest.approx([max(scores)], abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sam2_video", "sam3"])
def test_together_is_as_one_by_one(models, kind, monkeypatch):
    for module in (text_detection, prompted_masks, concept_masks):
        monkeypatch.setitem(module.BATCH, "cpu", 4)
    segmenter = segmenter_of(models, kind, None if kind == "sam3" else "grounding-dino")
    many = [*pictures(), *pictures()]
    texts = [TEXT, TEXT, TEXT, "a ship", "a ship", "the horse"]
    together = segmenter(many, [{"text": text} for text in texts])
    for module in (text_detection, prompted_masks, concept_masks):
        monkeypatch.setitem(module.BATCH, "cpu", 1)
    for picture, text, found in zip(many, texts, together, strict=True):
        [alone] = segmenter([picture], [{"text": text}])
        assert np.allclose(found.mask, alone.mask, atol=1e-4)
        assert found.confidence == pytest.approx(alone.confidence, abs=1e-4)
        assert found.classes.names == alone.classes.names
    assert not np.array_equal(together[0].mask, together[3].mask)


@pytest.mark.parametrize("kind", ["sam2_video", "sam3"])
def test_what_matches_nothing_has_a_verdict_that_quotes_the_text(models, kind):
    detector = None if kind == "sam3" else "mm-grounding-dino"
    [found] = segmenter_of(models, kind, detector, score=0.99)([pictures()[0]])
    assert found.mask.max() == 0 == found.confidence
    assert found.classes.shares() == {"background": 1.0}
    assert f"no subject: nothing in the painting matches the text {TEXT!r}" in found.verdict
    assert "segmenter.score (0.99)" in found.verdict


def test_points_ask_for_a_mask(models):
    """A curator's strokes: `keep` inside, `drop` outside."""
    from transformers import Sam2Model, Sam2Processor

    segmenter, picture = segmenter_of(models), pictures()[0]
    keep, drop = np.array([[0.5, 0.3], [0.5, 0.7]]), np.array([[0.1, 0.1]])
    found = segmenter.from_points(picture, keep, drop)
    model = Sam2Model.from_pretrained(models / "sam2_video").eval()
    processor = Sam2Processor.from_pretrained(models / "sam2_video")
    inputs = processor(
        images=[picture],
        input_points=[[[[35.0, 27.0], [35.0, 63.0], [7.0, 9.0]]]],
        input_labels=[[[1, 1, 0]]],
        return_tensors="pt",
    )
    sizes = inputs.pop("original_sizes")
    with torch.inference_mode():
        logits = model(**inputs, multimask_output=False).pred_masks
    [expected] = processor.post_process_masks(logits, sizes, binarize=False)
    assert np.allclose(found.mask, expected[0, 0].sigmoid(), atol=1e-5)
    assert 0 <= found.confidence <= 1 and found.verdict is None
    other = segmenter.from_points(picture, drop, keep)
    assert not np.allclose(found.mask, other.mask, atol=1e-3)


def test_strokes_add_and_take_away_what_sam_cuts_out_under_them(models):
    picture = pictures()[0]
    keep, drop = np.zeros((90, 70), bool), np.zeros((90, 70), bool)
    keep[10:14, 5:20] = True
    drop[60:80, 50:53] = True
    scribble = Scribble(keep, drop)
    soft = np.zeros((90, 70), np.uint8)
    soft[40:] = 255
    section = Described(kind="described", model=str(models / "sam2_video"), strokes="sam")
    correct = build_corrector(section)
    found = correct(picture, soft, scribble)
    segmenter, points = segmenter_of(models), prompted_correction._points
    added = segmenter.from_points(picture, points(keep), points(drop)).levels()
    removed = segmenter.from_points(picture, points(drop), points(keep)).levels()
    assert np.array_equal(found, np.minimum(np.maximum(soft, added), 255 - removed))
    assert (found != soft).mean() > 0
    assert len(points(keep)) == prompted_correction.POINTS
    assert ((points(keep) * [70, 90]).astype(int)[:, ::-1] >= [10, 5]).all()
    # Strokes that agree with the prediction, and other settings, load nothing.
    gone = Described(kind="described", model=str(models / "none"), strokes="sam")
    agreeing = Scribble(drop, keep)
    assert np.array_equal(build_corrector(gone)(picture, soft, agreeing), soft)
    assert build_corrector(Described(kind="described")) is grab_cut_correction


# --- what can be wrong ---------------------------------------------------------------------------


def test_all_kinds_are_classes_of_transformers():
    import transformers

    for module in (text_detection, prompted_masks, concept_masks):
        for names in module.KINDS.values():
            assert all(hasattr(transformers, name) for name in names)


def refusal(segmenter) -> str:
    with pytest.raises(UnavailableError) as caught:
        segmenter(pictures()[:1])
    return str(caught.value)


def test_models_that_do_not_go_together_are_explained(models, tmp_path):
    words = refusal(segmenter_of(models, "sam3"))
    assert "finds what a text names by itself: set segmentation.segmenter.detector to null" in words
    words = refusal(segmenter_of(models, "sam2_video", None))
    assert "reads no text: set segmentation.segmenter.detector to a Grounding DINO" in words
    words = refusal(segmenter_of(models, "grounding-dino"))
    assert "does not hold a SAM (grounding-dino; known are sam2," in words
    words = refusal(segmenter_of(models, detector="sam2_video"))
    assert "does not hold a Grounding DINO (sam2_video; known are grounding-dino" in words
    (tmp_path / "empty").mkdir()
    words = refusal(segmenter_of(tmp_path, "empty", None))
    assert "(it has no config.json; known are" in words
    with pytest.raises(UnavailableError, match=r"takes no points: set .*model to a SAM 2"):
        segmenter_of(models, "sam3", None).from_points(
            pictures()[0], np.array([[0.5, 0.5]]), np.zeros((0, 2))
        )


def test_missing_weights_are_refused_and_not_made_up(models, tmp_path):
    from safetensors.torch import load_file, save_file

    copy = Path(shutil.copytree(models / "grounding-dino", tmp_path / "copy"))
    weights = load_file(copy / "model.safetensors")
    weights.pop("model.text_projection.weight")
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    words = refusal(segmenter_of(models, detector=str(copy)))
    assert (
        "lacks 1 weights of a Grounding DINO (the first is model.text_projection.weight)" in words
    )


def test_a_text_of_too_many_words_is_that_paintings_fault(models):
    long = " ".join(["woman"] * 40)
    with pytest.raises(PaintingError, match=r"43 parts of words, more than the 32 .* fewer words"):
        segmenter_of(models)(pictures()[:1], [{"text": long}])
    with pytest.raises(PaintingError, match="202 parts of words, more than the 32 that SAM 3"):
        segmenter_of(models, "sam3", None)(pictures()[:1], [{"text": long}])


def test_the_hash_follows_all_files_of_both_models(models, tmp_path):
    first = segmenter_of(models).weights_hash()
    assert first == segmenter_of(models).weights_hash()
    assert first != segmenter_of(models, detector="mm-grounding-dino").weights_hash()
    copy = Path(shutil.copytree(models / "grounding-dino", tmp_path / "copy"))
    assert segmenter_of(models, detector=str(copy)).weights_hash() == first
    (copy / "tokenizer_config.json").write_text("{}")
    assert segmenter_of(models, detector=str(copy)).weights_hash() != first


@pytest.mark.slow
def test_models_of_the_hub_are_fetched_once(models, tmp_path, monkeypatch):
    with serve_hub(tmp_path / "cache", monkeypatch) as hub:
        files = {file for each in FILES for file in (models / "grounding-dino").glob(each)}
        hub.files = {file.name: file.read_bytes() for file in files}
        hub.files["pytorch_model.bin"] = b"a pickle"
        given = {"model": str(models / "sam2_video"), "detector": "owner/model"}
        section = Described(kind="described", text=TEXT, score=0.1, mask_score=0, **given)
        [first] = build_segmenter(section, None)(pictures()[:1])
        assert sorted(hub.fetched) == sorted(set(hub.files) - {"pytorch_model.bin"})
    [again] = build_segmenter(section, None)(pictures()[:1])  # the hub is gone: from its cache
    assert np.array_equal(again.mask, first.mask)
    assert np.array_equal(first.mask, segmenter_of(models)(pictures()[:1])[0].mask)


def test_a_gated_and_a_missing_model_are_explained(models, tmp_path, monkeypatch):
    with serve_hub(tmp_path / "cache", monkeypatch):
        gated = Described(kind="described", model="owner/gated", detector=None)
        with pytest.raises(UnavailableError, match=r"gated: accept its licence .*`hf auth login`"):
            build_segmenter(gated, None).weights_hash()
        given = {"model": str(models / "sam2_video"), "detector": "owner/missing"}
        with pytest.raises(UnavailableError, match=r"correct segmentation\.segmenter\.detector"):
            build_segmenter(Described(kind="described", **given), None).weights_hash()
