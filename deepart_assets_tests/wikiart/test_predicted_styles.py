"""Styles predicted from generated textures, which the real network sees."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from deepart_assets.errors import PaintingError
from deepart_assets.settings.wikiart import PredictedStyles
from deepart_assets.storage import Lake, sha256_of
from deepart_assets.wikiart import features as features_module
from deepart_assets.wikiart.features import CACHE, Eye, features_of, windows
from deepart_assets.wikiart.predicted_styles import predict_styles

CHOICE = PredictedStyles(minimal_confidence=0.4)


class Remembering(Eye):
    """The real network, which sees each generated picture once for all tests of this file."""

    def __init__(self) -> None:
        self.memory: dict[str, np.ndarray] = {}

    def __call__(self, squares):
        keys = [sha256_of(each.tobytes()) for each in squares]
        if new := [n for n, key in enumerate(keys) if key not in self.memory]:
            seen = super().__call__(squares[new])
            self.memory.update(zip((keys[n] for n in new), seen, strict=True))
        return np.stack([self.memory[key] for key in keys])


@pytest.fixture(scope="module")
def eye() -> Eye:
    pytest.importorskip("efficientnet_lite_pytorch")
    return Remembering()


def texture(style: str, seed: int) -> np.ndarray:
    """Stripes, dots or clouds in any colours, 60×80."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:60, :80]
    step = random.uniform(6, 9)
    match style:
        case "Stripes":
            shape = np.sin((rows + random.uniform(0, 9)) * 2 * np.pi / step) > 0
        case "Dots":
            shape = np.sin(rows * 2 * np.pi / step) + np.sin(columns * 2 * np.pi / step) > 1
        case _:
            coarse = random.normal(size=(5, 6))
            shape = np.kron(coarse, np.ones((12, 14)))[:60, :80] / 4 + 0.5
    inks = random.integers(0, 256, (2, 1, 1, 3))
    picture = inks[0] + np.clip(shape, 0, 1)[..., None] * (inks[1] - inks[0])
    return np.clip(picture + random.normal(0, 3, (60, 80, 1)), 0, 255).astype(np.uint8)


class Gallery:
    """Paintings, a lake, and how often each was read."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.pictures: dict[str, np.ndarray] = {}
        self.rows: list[dict[str, str]] = []
        self.reads: list[str] = []
        self.told: list[str] = []

    def add(
        self, style: str, label: str | None = None, artist: str = "", status: str = "ok"
    ) -> str:
        number = len(self.rows)
        picture = texture(style, number)
        name = f"{number:03}"
        self.pictures[f"{name}.png"] = picture
        sha256 = sha256_of(picture.tobytes())
        label = style if label is None else label
        row = {"id": name, "file": f"{name}.png", "sha256": sha256, "artist": artist}
        self.rows.append({**row, "style": label, "status": status})
        return name

    @property
    def catalogue(self) -> pd.DataFrame:
        columns = ["id", "file", "sha256", "artist", "style", "status"]
        return pd.DataFrame(self.rows, columns=columns)

    def original(self, file: str) -> np.ndarray:
        self.reads.append(file)
        if file not in self.pictures:
            raise PaintingError(f"{file} is missing")
        return self.pictures[file]

    def predict(self, eye: Eye, choice: PredictedStyles = CHOICE):
        def seen(paintings):
            found, self.bad = features_of(
                paintings,
                self.original,
                self.lake,
                eye,
                keep=self.catalogue["sha256"],
                tell=self.told.append,
            )
            return found

        return predict_styles(self.catalogue, choice, seen)


@pytest.fixture
def empty(tmp_path) -> Gallery:
    return Gallery(Lake(tmp_path))


@pytest.fixture
def gallery(empty) -> Gallery:
    """Eight labelled paintings of each of three styles, by four artists each; two unlabelled."""
    for n in range(8):
        for style in ("Stripes", "Dots", "Clouds"):
            label = style.upper() if n == 0 else f"{style} "
            empty.add(style, label, artist=f"{style} painter {n % 4}")
    empty.add("Dots", "")
    empty.add("Stripes", "")
    return empty


def test_unlabelled_paintings_get_their_style(gallery, eye):
    made = gallery.predict(eye)
    assert dict(zip(made.styles["id"], made.styles["style"], strict=True)) == {
        "024": "Dots",
        "025": "Stripes",
    }
    assert made.styles["confidence"].between(0.4, 1).all()
    figures = made.figures
    assert (figures["predicted"], figures["left_without"], figures["learned_from"]) == (2, 0, 24)
    assert figures["chance"] == pytest.approx(1 / 3)
    assert figures["accuracy"] > 0.8
    assert figures["accuracy_known_artists"] >= figures["accuracy"] - 0.15
    assert 0 <= figures["calibration_error"] <= 1
    assert figures["folds"] == 5
    assert figures["note"] == ""
    rows = {row["name"]: row for row in made.by_style}
    assert set(rows) == {"Stripes", "Dots", "Clouds"}
    assert all(row["right"] + row["wrong"] == row["paintings"] == 8 for row in rows.values())
    assert all(row["artists"] == 4 for row in rows.values())


def test_the_same_again_and_what_is_new_is_read_alone(gallery, eye):
    first = gallery.predict(eye)
    assert len(gallery.reads) == len(set(gallery.reads)) == 26
    gallery.reads.clear()
    again = gallery.predict(eye)
    assert gallery.reads == []
    assert again.styles.equals(first.styles) and again.figures == first.figures
    name = gallery.add("Clouds", "")
    more = gallery.predict(eye)
    assert gallery.reads == [f"{name}.png"]
    assert more.styles["id"].tolist() == ["024", "025", name]


def test_a_run_that_is_cut_off_keeps_what_it_saw(gallery, eye, monkeypatch):
    monkeypatch.setattr(features_module, "BATCH", 4)
    monkeypatch.setattr(features_module, "SAVED_EVERY", 2)
    real = gallery.original

    def cut_off(file):
        if len(gallery.reads) == 18:
            raise KeyboardInterrupt
        return real(file)

    monkeypatch.setattr(gallery, "original", cut_off)
    with pytest.raises(KeyboardInterrupt):
        gallery.predict(eye)
    monkeypatch.setattr(gallery, "original", real)
    gallery.reads.clear()
    gallery.predict(eye)
    assert len(gallery.reads) == 26 - 16


@pytest.mark.parametrize("damage", [b"", b"PAR1 no more", None])
def test_a_damaged_table_is_made_again(gallery, eye, damage):
    first = gallery.predict(eye)
    data = gallery.lake.read(CACHE)
    gallery.lake.write(CACHE, data[: len(data) // 2] if damage is None else damage)
    assert gallery.predict(eye).styles.equals(first.styles)
    assert len(gallery.reads) == 52


def test_features_of_another_network_are_not_used(gallery, eye):
    gallery.predict(eye)
    other = Remembering()
    other.memory, other.__dict__["name"] = eye.memory, "another"
    gallery.predict(other)
    assert len(gallery.reads) == 52


def test_what_left_the_catalogue_leaves_the_table(gallery, eye):
    gallery.predict(eye)
    del gallery.rows[0]
    gallery.add("Dots", "")
    gallery.predict(eye)
    table = pd.read_parquet(io.BytesIO(gallery.lake.read(CACHE)))
    assert set(table["sha256"]) == set(gallery.catalogue["sha256"])


def test_below_the_minimal_confidence_no_style_is_given(gallery, eye):
    both = gallery.predict(eye).styles.sort_values("confidence")
    between = float(both["confidence"].mean())
    made = gallery.predict(eye, PredictedStyles(minimal_confidence=between))
    assert made.styles["id"].tolist() == [both["id"].iloc[1]]
    assert (made.figures["predicted"], made.figures["left_without"]) == (1, 1)


def test_rare_styles_are_not_given_and_bad_paintings_stop_nobody(gallery, eye):
    for _ in range(4):
        gallery.add("Clouds", "Rare")
    lost = gallery.add("Dots", "")
    del gallery.pictures["000.png"], gallery.pictures[f"{lost}.png"]
    gallery.add("Dots", "", status="quarantined")
    made = gallery.predict(eye)
    assert gallery.bad == ["000.png", f"{lost}.png"]
    assert any("000.png is missing" in line for line in gallery.told)
    assert set(made.styles["id"]) == {"024", "025"}
    assert made.figures["left_without"] == 1
    assert (made.figures["styles"], made.figures["learned_from"]) == (3, 23)


def test_what_is_learned_from_is_chosen_stably(gallery, eye):
    choice = PredictedStyles(per_style=5)

    def read_for(choice):
        gallery.lake.remove(CACHE)
        gallery.reads.clear()
        gallery.predict(eye, choice)
        return set(gallery.reads) - {"024.png", "025.png"}

    before = read_for(choice)
    assert len(before) == 15
    for _ in range(3):
        gallery.add("Dots", artist="someone else")
    after = read_for(choice)
    added = {"026.png", "027.png", "028.png"}
    assert len(after) == 15
    assert len(before - after) == len(after & added)  # none moves but for one that is new
    assert read_for(PredictedStyles(per_style=5, seed=1)) != after


def test_styles_of_one_artist_are_named(gallery, eye):
    for row in gallery.rows:
        if row["style"].strip().lower() == "dots":
            row["artist"] = "Seurat, Georges" if row["id"] < "012" else "Georges Seurat"
    made = gallery.predict(eye)
    assert made.figures["note"].endswith("wrong throughout in the accuracy: Dots")
    assert next(row for row in made.by_style if row["name"] == "Dots")["right"] == 0
    assert made.figures["accuracy_known_artists"] > 0.8
    assert "Dots" in set(made.styles["style"])


def test_one_artist_throughout_leaves_no_accuracy_for_the_unseen(gallery, eye):
    for row in gallery.rows:
        row["artist"] = "Katsushika Hokusai"
    made = gallery.predict(eye)
    assert made.figures["accuracy"] is None
    assert made.figures["accuracy_known_artists"] > 0.8
    assert "one artist" in made.figures["note"]


@pytest.mark.parametrize(
    ("labels", "note"),
    [
        (["Dots"] * 6 + ["Stripes"] * 6, "no painting lacks a style"),
        (["Dots"] * 6 + ["Stripes"] * 4 + [""], "fewer than two styles"),
        (["", ""], "fewer than two styles"),
        ([], "no painting lacks a style"),
    ],
)
def test_with_nothing_to_do_nothing_is_read(empty, labels, note):
    for label in labels:
        empty.add(label or "Dots", label)

    def nothing(paintings):
        raise AssertionError("nothing to look at")

    made = predict_styles(empty.catalogue, CHOICE, nothing)
    assert made.styles.empty and list(made.styles.columns) == ["id", "style", "confidence"]
    assert note in made.figures["note"]
    assert made.figures["left_without"] == labels.count("")


def test_if_too_few_can_be_read_it_says_so(gallery, eye):
    gallery.pictures.clear()
    made = gallery.predict(eye)
    assert made.styles.empty
    assert "can be read" in made.figures["note"]


@pytest.mark.parametrize("size", [(60, 80), (500, 300), (224, 224), (30, 400), (1, 1)])
def test_three_squares_cover_the_longer_side(size):
    height, width = size
    ramp = np.linspace(0, 255, max(size)).astype(np.uint8)
    picture = np.broadcast_to(ramp[:, None] if height >= width else ramp[None], size)
    squares = windows(np.ascontiguousarray(np.repeat(picture[..., None], 3, axis=2)))
    assert squares.shape == (3, 224, 224, 3) and squares.dtype == np.uint8
    first, last = squares[0], squares[2]
    if height != width:
        assert first.min() <= 3 and last.max() >= 252
    assert np.array_equal(first, last) == (height == width)


def test_features_are_those_of_the_packages_own_forward(eye):
    """The classifier on top of the pooled features is linear: its logits give them away."""
    import torch

    square = np.asarray(Image.fromarray(texture("Dots", 1)).resize((224, 224)))
    net = eye._net
    x = (torch.from_numpy(square.copy()).permute(2, 0, 1)[None].float() - 127) / 128
    with torch.no_grad():
        wanted = net(x)[0]
        seen = torch.from_numpy(eye(windows(square)[None])[0].astype(np.float32))
        assert torch.allclose(net._fc(seen), wanted, atol=0.02)
