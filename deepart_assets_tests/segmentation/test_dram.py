"""The DRAM network: its shapes, and checkpoints written in the published layout."""

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from deepart_assets.errors import UnavailableError
from deepart_assets.segmentation import build_segmenter
from deepart_assets.segmentation.dram import MEMBER, DramSegmenter
from deepart_assets.segmentation.dram_network import CLASSES, DeepLabV2, load_checkpoint
from deepart_assets.settings.restoration import Dram
from deepart_assets.storage.drive_archives import fetch_member
from deepart_assets_tests.loopback import zipped

ARCHIVE = "0testArchive"
SETTINGS = Dram(kind="dram", archive_id=ARCHIVE, movement="impressionism")


@pytest.fixture(scope="module")
def network() -> DeepLabV2:
    torch.manual_seed(0)
    return DeepLabV2().eval()


def published(network: DeepLabV2, prefix: str = "") -> dict:
    """The layout of the authors' files: no fc, no num_batches_tracked, other names."""
    extractor, classifier = {}, {}
    for key, value in network.state_dict().items():
        if key.endswith("num_batches_tracked"):
            continue
        if key.startswith("classifier."):
            classifier[prefix + key.replace("classifier.", "conv2d_list.")] = value
        else:
            extractor[prefix + key] = value
    return {"iteration": 40000, "feature_extractor": extractor, "classifier": classifier}


@pytest.fixture(scope="module")
def checkpoint(network, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("dram") / "model.pth"
    torch.save(published(network, "module."), path)
    return path


def test_output_stride_and_classes(network):
    with torch.inference_mode():
        features = network.features(torch.zeros(1, 3, 129, 129))
        logits = network(torch.zeros(1, 3, 129, 129))
    assert features.shape == (1, 2048, 17, 17)  # ceil(129 / 8)
    assert logits.shape == (1, len(CLASSES), 17, 17) == (1, 12, 17, 17)


def test_dilation_follows_the_paper(network):
    third = [block.conv2 for block in network.backbone.layer3]
    fourth = [block.conv2 for block in network.backbone.layer4]
    # The first block of a dilated stage keeps the dilation of the one before.
    assert [conv.dilation[0] for conv in third] == [1] + [2] * 22
    assert [conv.dilation[0] for conv in fourth] == [2, 4, 4]
    assert all(conv.stride == (1, 1) for conv in third + fourth)
    assert [conv.dilation[0] for conv in network.classifier] == [6, 12, 18, 24]
    assert all(conv.padding == conv.dilation for conv in network.classifier)


def test_classifiers_are_summed(network):
    features = torch.randn(1, 2048, 9, 9, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        heads = [
            torch.nn.functional.conv2d(
                features, head.weight, head.bias, padding=rate, dilation=rate
            )
            for head, rate in zip(network.classifier, (6, 12, 18, 24), strict=True)
        ]
        network_features, network.features = network.features, lambda pictures: pictures
        try:
            found = network(features)
        finally:
            network.features = network_features
    assert torch.allclose(found, sum(heads), atol=1e-4)


def test_reads_the_published_layout(network, checkpoint):
    loaded = load_checkpoint(checkpoint)
    assert not loaded.training
    for key, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value), key


def test_a_wrong_shape_is_refused(network, tmp_path):
    content = published(network)
    content["classifier"]["conv2d_list.0.weight"] = torch.zeros(19, 2048, 3, 3)
    torch.save(content, tmp_path / "wrong.pth")
    with pytest.raises(
        UnavailableError, match=r"wrong\.pth does not fit.*12 classes.*classifier\.0"
    ):
        load_checkpoint(tmp_path / "wrong.pth")


def test_a_missing_layer_is_refused(network, tmp_path):
    content = published(network)
    del content["feature_extractor"]["backbone.layer2.1.conv1.weight"]
    torch.save(content, tmp_path / "short.pth")
    with pytest.raises(UnavailableError, match=r"short\.pth.*layer2\.1\.conv1"):
        load_checkpoint(tmp_path / "short.pth")


@pytest.mark.parametrize("data", [b"", b"<html>log in</html>", b"PK\x03\x04broken"])
def test_what_is_no_checkpoint_is_refused(tmp_path, data):
    path = tmp_path / "file.pth"
    path.write_bytes(data)
    with pytest.raises(UnavailableError, match=r"file\.pth is not a checkpoint"):
        load_checkpoint(path)


class Harmful:
    def __reduce__(self):
        return Path.touch, (Path("harm-was-done"),)


def test_nothing_in_a_checkpoint_is_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"feature_extractor": Harmful(), "classifier": {}}, tmp_path / "bad.pth")
    with pytest.raises(UnavailableError):
        load_checkpoint(tmp_path / "bad.pth")
    assert not (tmp_path / "harm-was-done").exists()


@pytest.mark.slow
def test_from_the_archive_to_a_mask(checkpoint, drive, downloads):
    member = MEMBER.format(movement="impressionism")
    files = {f"some/folder/{member}": checkpoint.read_bytes()}
    drive.files[ARCHIVE] = zipped(files, zipfile.ZIP_STORED)
    drive.confirm = "form"
    segmenter = build_segmenter(SETTINGS, downloads)
    expected = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    assert segmenter.weights_hash() == expected

    picture = np.random.default_rng(0).integers(0, 256, (70, 50, 3), dtype=np.uint8)
    prediction = segmenter(picture)
    assert prediction.mask.shape == (70, 50)
    assert prediction.mask.dtype == np.float32
    assert isinstance(segmenter, DramSegmenter)
    classes = segmenter.class_probabilities(picture)
    assert classes.shape == (12, 70, 50)
    assert np.allclose(classes.sum(axis=0), 1, atol=1e-5)
    # The seed's rule: subject is what is of any class but background.
    assert np.array_equal(prediction.mask > 0.5, classes.argmax(axis=0) != 0)


# --- fetching ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, r"could not be downloaded: HTTP status 404; check the network"),
        (b"<!DOCTYPE html><title>Sign in</title>", "log-in or quota"),
        (b"1234", "4 bytes that are no zip file"),
    ],
)
def test_failed_downloads_are_explained(data, words, drive, downloads):
    if data is not None:
        drive.files[ARCHIVE] = data
    with pytest.raises(UnavailableError, match=words) as caught:
        build_segmenter(SETTINGS, downloads).weights_hash()
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
