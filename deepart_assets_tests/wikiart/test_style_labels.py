"""Zero-shot style labels by tiny random models that the real pipeline loads."""

import numpy as np
import pandas as pd
import pytest

from deepart_assets.errors import PaintingError, UnavailableError
from deepart_assets.settings.wikiart import StyleLabels
from deepart_assets.storage import Lake
from deepart_assets.wikiart.style_labels import FILES, PROMPT, StyleLabeller, label_styles
from deepart_assets_tests.hub import serve_hub
from deepart_assets_tests.wikiart.zero_shot_files import save_model

STYLES = ["Chequers", "Cubism", "Dots", "Stripes"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {kind: save_model(root / kind, kind) for kind in ("clip", "siglip")}


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (40, 50, 3), dtype=np.uint8)


class Gallery:
    """Labelled paintings 0 to 3, unlabelled 4 to 6; counts what is decoded."""

    def __init__(self, tmp_path, folder):
        self.lake, self.read = Lake(tmp_path / "lake"), []
        self.rows = [(str(n), style, "ok") for n, style in enumerate([*STYLES, "", " ", ""])]
        self.choice = StyleLabels(model=str(folder), minimal_score=0)

    def original(self, file):
        self.read.append(file)
        if file == "bad.png":
            raise PaintingError("bad.png is damaged")
        return picture(int(file.removesuffix(".png")))

    def label(self, **more):
        choice = self.choice.model_copy(update=more)
        table = pd.DataFrame(self.rows, columns=["id", "style", "status"])
        table = table.assign(file=table["id"] + ".png", sha256="hash of " + table["id"])
        return label_styles(table, choice, StyleLabeller(choice), self.original, lake=self.lake)


@pytest.fixture(params=["clip", "siglip"])
def gallery(request, tmp_path, folders):
    return Gallery(tmp_path, folders[request.param])


def test_the_label_is_the_models_own_best(gallery, request):
    import torch
    from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

    table, figures = gallery.label()
    assert table["id"].tolist() == ["4", "5", "6"] and figures["labelled"] == 3
    model = AutoModel.from_pretrained(gallery.choice.model).eval()
    tokenizer = AutoTokenizer.from_pretrained(gallery.choice.model)
    processor = AutoImageProcessor.from_pretrained(gallery.choice.model)
    padding = {"padding": "max_length", "max_length": 64, "truncation": True}
    is_siglip = model.config.model_type == "siglip"
    texts = tokenizer(
        [PROMPT.format(style) for style in STYLES],
        return_tensors="pt",
        **(padding if is_siglip else {"padding": True}),
    )
    for key, style, score in table.itertuples(index=False):
        pixels = processor(images=[picture(int(key))], return_tensors="pt")
        with torch.inference_mode():
            logits = model(**texts, **pixels).logits_per_image[0]
        scores = logits.sigmoid() if is_siglip else logits.softmax(0)
        shares = (scores / scores.sum()).numpy()
        assert style == STYLES[shares.argmax()] and score == pytest.approx(shares.max(), rel=1e-3)


def test_each_painting_is_classified_once(gallery):
    first, _ = gallery.label()
    assert gallery.read == ["4.png", "5.png", "6.png"]
    gallery.read.clear()
    again, figures = gallery.label()
    assert again.equals(first) and gallery.read == [] and figures["classified_now"] == 0
    gallery.rows.append(("7", "", "ok"))
    assert gallery.label()[1]["classified_now"] == 1 and gallery.read == ["7.png"]
    gallery.label(styles=("Dots", "Stripes"))  # other candidates, other scores
    assert len(gallery.read) == 5


def test_another_model_classifies_again(gallery, tmp_path):
    gallery.label()
    other = save_model(tmp_path / "other", seed=1)
    assert gallery.label(model=str(other))[1]["classified_now"] == 3


def test_below_the_minimal_score_no_style_is_given(gallery):
    scores = gallery.label()[0]["score"].sort_values()
    table, figures = gallery.label(minimal_score=float(scores.iloc[-1]))
    assert len(table) == 1 and (figures["labelled"], figures["left_without"]) == (1, 2)


def test_unreadable_and_quarantined_paintings_are_left_out(gallery):
    gallery.rows += [("bad", "", "ok"), ("8", "", "quarantined")]
    table, figures = gallery.label()
    assert table["id"].tolist() == ["4", "5", "6"] and figures["unreadable"] == 1
    assert "8.png" not in gallery.read


@pytest.mark.parametrize(
    ("styles", "note"),
    [
        (["Dots", "Cubism"], "no painting lacks a style"),
        (["Dots", ""], "fewer than two candidate styles"),
    ],
)
def test_with_nothing_to_do_no_model_is_needed(tmp_path, styles, note):
    gallery = Gallery(tmp_path, "owner/missing")
    gallery.rows = [(str(n), style, "ok") for n, style in enumerate(styles)]
    table, figures = gallery.label()
    assert table.empty and note in figures["note"]


def test_a_model_of_the_hub_is_fetched_once(folders, tmp_path, monkeypatch):
    gallery = Gallery(tmp_path, "owner/model")
    with serve_hub(tmp_path / "cache", monkeypatch) as hub:
        files = {file for pattern in FILES for file in folders["clip"].glob(pattern)}
        hub.files = {file.name: file.read_bytes() for file in files}
        first, _ = gallery.label()
        assert sorted(hub.fetched) == sorted(hub.files)
    gallery.lake.remove("style_labels/scores.jsonl")
    again, _ = gallery.label()  # the hub is gone: from its cache
    assert again.equals(first)


def test_a_missing_model_and_a_wrong_one_are_explained(tmp_path, monkeypatch):
    with serve_hub(tmp_path / "cache", monkeypatch):
        for name, message in (("missing", "correct wikiart.style_labels"), ("gated", "is gated")):
            with pytest.raises(UnavailableError, match=message):
                Gallery(tmp_path, f"owner/{name}").label()
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnavailableError, match="does not hold a SigLIP or CLIP model"):
        Gallery(tmp_path, tmp_path / "empty").label()
