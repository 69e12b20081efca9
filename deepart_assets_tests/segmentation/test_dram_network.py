"""The DRAM network against its description, and checkpoints in the published layout."""

from pathlib import Path

import pytest
import torch

from deepart_assets.errors import UnavailableError
from deepart_assets.segmentation.dram import NAMES
from deepart_assets.segmentation.dram_network import CLASSES, DeepLabV2, load_checkpoint

from .dram_checkpoints import forward_by_the_paper, published, random_network


@pytest.fixture(scope="module")
def network() -> DeepLabV2:
    return random_network()


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
    assert logits.shape == (1, CLASSES, 17, 17) == (1, len(NAMES), 17, 17)


def test_dilation_follows_the_paper(network):
    third = [block.conv2 for block in network.backbone.layer3]
    fourth = [block.conv2 for block in network.backbone.layer4]
    # The first block of a dilated stage keeps the dilation of the one before.
    assert [conv.dilation[0] for conv in third] == [1] + [2] * 22
    assert [conv.dilation[0] for conv in fourth] == [2, 4, 4]
    assert all(conv.stride == (1, 1) for conv in third + fourth)
    assert [conv.dilation[0] for conv in network.classifier] == [6, 12, 18, 24]
    assert all(conv.padding == conv.dilation for conv in network.classifier)


@pytest.mark.slow
def test_the_whole_network_is_what_the_description_says(checkpoint, network):
    pictures = torch.randn(2, 3, 97, 65, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        found = load_checkpoint(checkpoint)(pictures)
        expected = forward_by_the_paper(published(network), pictures)
    scale = expected.abs().max()
    assert scale > 0.1
    assert (found - expected).abs().max() < 1e-4 * scale


def test_reads_the_published_layout(network, checkpoint):
    loaded = load_checkpoint(checkpoint)
    assert not loaded.training
    for key, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value), key


def hollow(network: DeepLabV2) -> dict:
    """The published layout with one number a tensor, repeated: a file of a few kilobytes."""
    return {
        part: {key: torch.zeros(1).expand(value.shape) for key, value in weights.items()}
        for part, weights in published(network).items()
        if part != "iteration"
    }


def refused(content, path: Path) -> str:
    torch.save(content, path)
    with pytest.raises(UnavailableError) as caught:
        load_checkpoint(path)
    words = str(caught.value)
    assert str(path) in words
    assert "elete it" in words and "segmentation.segmenter.archive_id" in words
    assert "weights_only" not in words
    return words


def test_a_wrong_shape_is_refused(network, tmp_path):
    content = hollow(network)
    content["classifier"]["conv2d_list.0.weight"] = torch.zeros(19, 2048, 3, 3)
    words = refused(content, tmp_path / "wrong.pth")
    assert "does not fit" in words and "12 classes" in words and "classifier.0" in words


def test_a_missing_layer_is_refused(network, tmp_path):
    content = hollow(network)
    del content["feature_extractor"]["backbone.layer2.1.conv1.weight"]
    assert "layer2.1.conv1" in refused(content, tmp_path / "short.pth")


@pytest.mark.parametrize(
    "content",
    [
        {"state_dict": {}},
        {"feature_extractor": {}},
        {"feature_extractor": 3, "classifier": {}},
        torch.zeros(3),
        [1, 2],
    ],
    ids=["other keys", "half", "no weights", "a tensor", "a list"],
)
def test_another_kind_of_checkpoint_is_refused(content, tmp_path):
    words = refused(content, tmp_path / "other.pth")
    assert "'feature_extractor' and 'classifier'" in words


def test_weights_that_are_no_tensors_are_refused(network, tmp_path):
    content = hollow(network)
    content["feature_extractor"]["backbone.conv1.weight"] = "many"
    assert "conv1" in refused(content, tmp_path / "text.pth")


@pytest.mark.parametrize("kept", [0, 10, 1000, 100_000, -1000, -1])
@pytest.mark.parametrize("modern", [True, False], ids=["zip", "pickle"])
def test_a_truncated_file_is_refused(kept, modern, tmp_path):
    path = tmp_path / "cut.pth"
    content = {"feature_extractor": {"a": torch.zeros(99_999)}, "classifier": {}}
    torch.save(content, path, _use_new_zipfile_serialization=modern)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UnavailableError, match=r"cut\.pth \(\d+ bytes\) cannot be read.*cut short"):
        load_checkpoint(path)


def test_a_page_is_refused(tmp_path):
    path = tmp_path / "file.pth"
    path.write_bytes(b"<html>log in</html>")
    with pytest.raises(UnavailableError, match=r"file\.pth is a web page.*unpacked again"):
        load_checkpoint(path)


class Harmful:
    def __reduce__(self):
        return Path.touch, (Path("harm-was-done"),)


@pytest.mark.parametrize("modern", [True, False], ids=["zip", "pickle"])
def test_nothing_in_a_checkpoint_is_executed(modern, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bad.pth"
    content = {"feature_extractor": Harmful(), "classifier": {}}
    torch.save(content, path, _use_new_zipfile_serialization=modern)
    with pytest.raises(
        UnavailableError, match=r"bad\.pth .*holds code; nothing of it was run.*archive_id"
    ):
        load_checkpoint(path)
    assert not (tmp_path / "harm-was-done").exists()
    # The payload is real: read with its code, the file does its harm.
    torch.load(path, weights_only=False)
    assert (tmp_path / "harm-was-done").exists()
