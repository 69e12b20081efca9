"""The DRAM segmenter: styles to networks, composition, classes; from the archive to a mask."""

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from deepart_assets.errors import UnavailableError
from deepart_assets.segmentation import build_segmenter, dram
from deepart_assets.segmentation.dram import MEMBER, NAMES, PALETTE, DramSegmenter
from deepart_assets.segmentation.dram_composition import compose
from deepart_assets.settings.segmenters import Dram
from deepart_assets.storage.drive import fetch_member
from deepart_assets_tests.loopback import zipped

from .dram_checkpoints import published, random_network

ARCHIVE = "0testArchive"


def settings_for(**more) -> Dram:
    return Dram(kind="dram", archive_id=ARCHIVE, **more)


SINGLE = settings_for(movement="impressionism", styles={})


# --- which networks for which style --------------------------------------------------------------

WIKIART = [
    "Abstract_Expressionism",
    "Action_painting",
    "Analytical_Cubism",
    "Art_Nouveau_Modern",
    "Baroque",
    "Color_Field_Painting",
    "Contemporary_Realism",
    "Cubism",
    "Early_Renaissance",
    "Expressionism",
    "Fauvism",
    "High_Renaissance",
    "Impressionism",
    "Mannerism_Late_Renaissance",
    "Minimalism",
    "Naive_Art_Primitivism",
    "New_Realism",
    "Northern_Renaissance",
    "Pointillism",
    "Pop_Art",
    "Post_Impressionism",
    "Realism",
    "Rococo",
    "Romanticism",
    "Symbolism",
    "Synthetic_Cubism",
    "Ukiyo_e",
]


def test_every_style_of_wikiart_has_a_movement_in_any_spelling(downloads):
    # With no network for the rest, a style that were not found could not be told from one that is.
    segmenter = DramSegmenter(settings_for(movement={"realism": 1, "impressionism": 1}), downloads)
    found = {style: list(segmenter.choice({"style": style})["movements"]) for style in WIKIART}
    assert len(WIKIART) == 27
    assert all(len(movements) == 1 for movements in found.values()), found
    assert segmenter.choice({"style": "Art Nouveau (Modern)"}) == segmenter.choice(
        {"style": "art-nouveau MODERN"}
    )
    assert segmenter.choice({"style": "Naïve Art (Primitivism)"}) == segmenter.choice(
        {"style": "Naive_Art_Primitivism"}
    )


@pytest.mark.parametrize(
    ("style", "movement"),
    [
        ("Realism", "realism"),
        ("Impressionism", "impressionism"),
        ("Post-Impressionism", "post_impressionism"),
        ("expressionism", "expressionism"),
    ],
)
def test_the_four_movements_are_their_own(style, movement, downloads):
    assert DramSegmenter(settings_for(), downloads).choice({"style": style}) == {
        "movements": {movement: 1}
    }


def test_other_styles_get_the_movement_of_the_settings(downloads):
    segmenter = DramSegmenter(settings_for(movement="expressionism"), downloads)
    assert (
        segmenter.choice({"style": "Tachisme"})
        == segmenter.choice({"style": ""})
        == {"movements": {"expressionism": 1}}
    )


def test_weights_are_shares_and_plain_json(downloads):
    given = {"Symbolism": {"realism": 3, "expressionism": 1}}
    choice = DramSegmenter(settings_for(styles=given), downloads).choice({"style": "symbolism"})
    assert choice == {"movements": {"expressionism": 0.25, "realism": 0.75}}
    assert json.loads(json.dumps(choice)) == choice


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"movement": "cubism"}, "'realism', 'impressionism'"),
        ({"movement": {}}, "at least 1"),
        ({"styles": {"Baroque": {"realism": 0}}}, "greater than 0"),
        ({"styles": {"Baroque": {"realism": float("inf")}}}, "finite"),
        ({"styles": {"Pop Art": "realism", "pop_art": "realism"}}, "are the same style"),
        ({"styles": {"?": "realism"}}, "not the name of a style"),
        ({"classes": ["unicorn"]}, "'bird', 'boat', 'bottle'"),
        ({"classes": ["background"]}, "'bird', 'boat', 'bottle'"),
        ({"classes": []}, "at least one class of bird, boat"),
    ],
)
def test_wrong_settings_are_told(wrong, words):
    with pytest.raises(ValidationError, match=words):
        settings_for(**wrong)


def test_settings_survive_the_way_through_json():
    one = settings_for(movement={"realism": 2, "impressionism": 1}, classes=["person"])
    assert Dram.model_validate(json.loads(json.dumps(one.model_dump(mode="json")))) == one


# --- composition ---------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    networks=st.integers(1, 3),
    strip=st.integers(1, 4000),
    seed=st.integers(0, 99),
)
def test_strips_give_what_the_definition_gives(height, width, networks, strip, seed):
    random = torch.Generator().manual_seed(seed)
    logits = [torch.randn(12, 9, 7, generator=random) * 4 for _ in range(networks)]
    weights = [0.5, 0.3, 0.2][:networks]
    weights = [weight / sum(weights) for weight in weights]
    enlarged = [
        torch.nn.functional.interpolate(
            each[None], size=(height, width), mode="bilinear", align_corners=True
        )[0].softmax(0)
        for each in logits
    ]
    total = sum(w * e for w, e in zip(weights, enlarged, strict=True)).numpy()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("deepart_assets.segmentation.dram_composition.STRIP", strip)
        ids, mask = compose(logits, weights, (height, width), range(1, 12))
    assert ids.shape == mask.shape == (height, width)
    assert (ids.dtype, mask.dtype) == (np.uint8, np.float32)
    best = np.sort(total, axis=0)
    clear = best[-1] - best[-2] > 1e-4
    assert np.array_equal(ids[clear], total.argmax(0)[clear])
    largest = total[1:].max(0)
    assert np.allclose(mask, largest / (largest + total[0]), atol=1e-4)
    # The seed's rule: subject is what is of any class but background.
    assert np.array_equal((mask > 0.5)[clear], (ids != 0)[clear])


def test_chosen_classes_stand_against_all_others():
    logits = torch.zeros(12, 2, 2)
    logits[NAMES.index("dog")] = 3
    logits[NAMES.index("person")] = 2
    _, dogs = compose([logits], [1.0], (2, 2), [NAMES.index("dog")])
    _, people = compose([logits], [1.0], (2, 2), [NAMES.index("person")])
    assert (dogs > 0.5).all()
    assert (people < 0.5).all()


PEAK = """
import re, sys
import torch
from deepart_assets.segmentation.dram_composition import compose
torch.set_num_threads(1)
def kilobytes(name):  # of this process alone; ru_maxrss begins with the parent's
    return int(re.search(name + r":\\s+(\\d+)", open("/proc/self/status").read())[1])
logits = [torch.randn(12, 65, 65) for _ in range(int(sys.argv[1]))]
weights = [1 / len(logits)] * len(logits)
compose(logits, weights, (50, 50), range(1, 12))  # everything is loaded now
before = kilobytes("VmRSS")
compose(logits, weights, (3000, 4000), range(1, 12))
print(kilobytes("VmHWM") - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
@pytest.mark.parametrize("networks", [1, 4])
def test_a_large_picture_never_has_twelve_maps(networks):
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(networks)], capture_output=True, text=True, check=True
    )
    results = 12e6 * (1 + 4)  # ids and mask of twelve megapixels
    maps = 12e6 * 12 * 4  # what is not to be there at once
    assert results <= int(done.stdout) * 1024 < results + maps / 2


# --- the network on pictures ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def networks() -> dict:
    return {"realism": random_network(1), "expressionism": random_network(2)}


@pytest.fixture
def segmenter(networks, downloads, monkeypatch) -> DramSegmenter:
    """Two real networks at a smaller size, so that a picture takes a tenth of a second."""
    monkeypatch.setattr(dram, "SIDE", 97)
    styles = {"Realism": "realism", "Cubism": {"realism": 1, "expressionism": 2}}
    made = DramSegmenter(settings_for(movement="expressionism", styles=styles), downloads)
    made._networks.update(networks)
    return made


def paintings(*sizes) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]


@pytest.mark.slow
def test_together_is_as_one_by_one_each_with_its_own_networks(segmenter, monkeypatch):
    monkeypatch.setitem(dram.BATCH, "cpu", 8)
    pictures = paintings((60, 80), (33, 20), (60, 80), (120, 40))
    styles = ["Realism", "Cubism", "realism", "Fauvism"]
    choices = [segmenter.choice({"style": style}) for style in styles]
    together = segmenter(pictures, choices)
    for picture, choice, prediction in zip(pictures, choices, together, strict=True):
        alone = segmenter([picture], [choice])[0]
        assert np.allclose(prediction.mask, alone.mask, atol=1e-5)
        assert (prediction.classes.ids != alone.classes.ids).mean() < 1e-3
    assert not np.allclose(together[0].mask, segmenter([pictures[0]], choices[3:])[0].mask)


def test_more_than_a_batch_keeps_the_order(segmenter, monkeypatch):
    monkeypatch.setitem(dram.BATCH, "cpu", 2)
    pictures = paintings(*((10, 10 + n) for n in range(5)))
    styles = ["Realism", "Fauvism", "Realism", "Fauvism", "Realism"]
    found = segmenter(pictures, [segmenter.choice({"style": style}) for style in styles])
    assert [each.mask.shape for each in found] == [picture.shape[:2] for picture in pictures]


def test_a_prediction_is_the_definition(segmenter, networks):
    picture = paintings((70, 50))[0]
    square = np.asarray(Image.fromarray(picture).resize((97, 97), Image.Resampling.BICUBIC))
    normalised = (square / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    batch = torch.from_numpy(normalised.astype(np.float32)).permute(2, 0, 1)[None]
    with torch.inference_mode():
        total = sum(
            weight
            * torch.nn.functional.interpolate(
                networks[movement](batch), size=(70, 50), mode="bilinear", align_corners=True
            ).softmax(1)[0]
            for movement, weight in (("realism", 1 / 3), ("expressionism", 2 / 3))
        ).numpy()
    found = segmenter([picture], [segmenter.choice({"style": "Cubism"})])[0]
    assert (found.classes.ids == total.argmax(0)).mean() > 0.999
    assert len(np.unique(found.classes.ids)) > 1
    largest = total[1:].max(0)
    assert np.allclose(found.mask, largest / (largest + total[0]), atol=1e-4)
    assert found.classes.names == NAMES
    assert found.classes.palette == PALETTE
    assert len(NAMES) == len(PALETTE) == len(set(PALETTE)) == 12
    assert PALETTE[NAMES.index("person")] == (192, 128, 128)


def test_choices_must_be_as_many_as_pictures(segmenter):
    with pytest.raises(ValueError, match="shorter"):
        segmenter(paintings((8, 8), (8, 8)), [segmenter.choice({})])


# --- from the archive ----------------------------------------------------------------------------


@pytest.mark.slow
def test_from_the_archive_to_a_mask(drive, downloads, tmp_path, monkeypatch):
    files, hashes = {}, {}
    for seed, movement in enumerate(["expressionism", "impressionism"]):
        torch.save(published(random_network(seed), "module."), tmp_path / "one.pth")
        data = (tmp_path / "one.pth").read_bytes()
        hashes[movement] = hashlib.sha256(data).hexdigest()
        files[f"some/folder/{MEMBER.format(movement=movement)}"] = data
    drive.files[ARCHIVE] = zipped(files, zipfile.ZIP_STORED)
    drive.confirm = "form"
    assert build_segmenter(SINGLE, downloads).weights_hash() == hashes["impressionism"]
    both = settings_for(movement="impressionism", styles={"Cubism": "expressionism"})
    segmenter = build_segmenter(both, downloads)
    joined = "".join(hashes.values())
    assert segmenter.weights_hash() == hashlib.sha256(joined.encode()).hexdigest()

    from deepart_assets.segmentation import dram_network

    read = []
    load = dram_network.load_checkpoint
    monkeypatch.setattr(
        dram_network, "load_checkpoint", lambda path: read.append(path.parts[-2]) or load(path)
    )
    pictures = paintings((70, 50), (40, 90))
    first = segmenter(pictures)
    assert len(read) == 1 and "_impressionism_" in read[0]
    styles = ["Cubism", "Realism"]
    again = segmenter(pictures, [segmenter.choice({"style": style}) for style in styles])
    assert len(read) == 2 and "_expressionism_" in read[1]  # each at most once
    assert [each.mask.shape for each in first] == [(70, 50), (40, 90)]
    assert np.array_equal(first[1].mask, again[1].mask)
    assert not np.array_equal(first[0].mask, again[0].mask)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, r"could not be downloaded: HTTP status 404; there is no such file: check the id"),
        (b"<!DOCTYPE html><title>Sign in</title>", "log-in or quota"),
        (b"1234", "4 bytes that are not a zip file"),
    ],
)
def test_failed_downloads_are_explained(data, words, drive, downloads):
    if data is not None:
        drive.files[ARCHIVE] = data
    with pytest.raises(UnavailableError, match=words) as caught:
        build_segmenter(SINGLE, downloads).weights_hash()
    assert ARCHIVE in str(caught.value) and f"{ARCHIVE}.zip" in str(caught.value)
    assert not list((downloads.cache / "drive").glob("[!.]*"))


def test_an_archive_is_fetched_and_a_member_unpacked_once(drive, downloads):
    drive.files[ARCHIVE] = zipped({"x/model.pth": b"weights", "x/a/model.pth": b"others"})
    unpacked = fetch_member(ARCHIVE, "x/model.pth", downloads, "the.key")
    assert unpacked.read_bytes() == b"weights"
    drive.files.clear()
    before = unpacked.stat().st_mtime_ns
    assert fetch_member(ARCHIVE, "x/model.pth", downloads, "the.key") == unpacked
    assert unpacked.stat().st_mtime_ns == before
    assert fetch_member(ARCHIVE, "a/model.pth", downloads, "the.key").read_bytes() == b"others"
    with pytest.raises(UnavailableError, match=r"holds no other\.pth: check the\.key"):
        fetch_member(ARCHIVE, "other.pth", downloads, "the.key")


def test_a_damaged_member_is_told(drive, downloads):
    weights = np.random.default_rng(0).bytes(1000)
    data = bytearray(zipped({"model.pth": weights}))
    data[data.index(weights[:50]) + 10] ^= 1
    drive.files[ARCHIVE] = bytes(data)
    with pytest.raises(UnavailableError, match=r"model\.pth .* damaged .*delete .*\.zip"):
        fetch_member(ARCHIVE, "model.pth", downloads, "the.key")


def test_an_archive_saved_by_hand_is_taken(downloads):
    archive = downloads.cache / "drive" / f"{ARCHIVE}.zip"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(zipped({"model.pth": b"weights"}))
    assert fetch_member(ARCHIVE, "model.pth", downloads, "the.key").read_bytes() == b"weights"


def test_an_archive_without_a_movement_is_told(drive, downloads):
    """The seed deletes two of the four networks; such an archive serves for the other two."""
    kept = MEMBER.format(movement="impressionism")
    drive.files[ARCHIVE] = zipped({kept: b"weights"})
    only = build_segmenter(SINGLE, downloads)
    assert only.weights_hash() == hashlib.sha256(b"weights").hexdigest()
    with pytest.raises(
        UnavailableError, match=r"holds no .*expressionism.*segmentation\.segmenter"
    ):
        build_segmenter(settings_for(movement="impressionism"), downloads).weights_hash()
    assert Path(kept).name == "model_iter040000.pth"
