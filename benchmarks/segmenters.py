"""How many paintings a second each segmenter does: singly, in batches, and the original notebook's.

    python benchmarks/segmenters.py [--quick] [--models FOLDER] [--panoptic]
                                    [--described [DETECTOR SAM]]

Writes benchmarks/results/segmenters.json. All take the same pictures in one process, by turns; the
best of the repeats counts, and only the ratios mean something on a busy machine. `dram` and
`panoptic` have their real sizes and random weights, which take as long; so has `described`
(grounding-dino-tiny and sam2.1-hiera-tiny, unless folders are named), which cuts out four things a
painting. The original notebook's way is its own network on one picture at a time, in float32, with
all twelve class maps enlarged to the picture's size. `salient` is measured with every <model>.onnx
of rembg's names in --models. Computes on a GPU where there is one.
"""

import argparse
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from bench_table import machine, publish
from numpy.typing import NDArray
from PIL import Image

from deepart_assets.imaging import decode_rgb, resize, working_size
from deepart_assets.segmentation import Segmenter, build_segmenter
from deepart_assets.segmentation.dram import DEVIATION, MEAN, MEMBER, SIDE
from deepart_assets.segmentation.dram_network import DeepLabV2
from deepart_assets.settings.places import PROJECT
from deepart_assets.settings.segmenters import Bundled, Described, Dram, Panoptic, Saliency, Salient
from deepart_assets.storage import Lake
from deepart_assets.storage.downloads import Downloads

PICTURES = PROJECT / "data" / "sample" / "paintings"
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"

BERT_WORDS = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]", 1012: "."}
BERT_WORDS |= {1029: "?", 2711: "person", 4111: "animal"}
THINGS = 4
"""So many things are cut out of a painting by `described`, whatever their scores."""

Pictures = Sequence[NDArray[np.uint8]]


def main() -> None:
    """Measure, print a table and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="four pictures, under two minutes")
    parser.add_argument("--models", type=Path, help="folder of rembg's models")
    parser.add_argument("--panoptic", action="store_true", help="also Mask2Former: a minute each")
    parser.add_argument(
        "--described",
        nargs="*",
        metavar="FOLDER",
        help="also a detector and a SAM: two folders, or none for random weights",
    )
    arguments = parser.parse_args()
    if arguments.described and len(arguments.described) != 2:
        parser.error("--described takes no folder, or two: the detector's and the SAM's")
    files = sorted(PICTURES.glob("*.jpg"))[: 4 if arguments.quick else 16]
    pictures = [read(file) for file in files]
    with tempfile.TemporaryDirectory() as folder:
        segmenters = built(Path(folder), arguments.models, arguments.panoptic, arguments.described)
        rows = measure(pictures, segmenters, repeats=1 if arguments.quick else 3)
    publish("segmenters", f"Paintings a second, {len(pictures)}, {machine()}", rows)


def read(file: Path) -> NDArray[np.uint8]:
    """Return a painting at the smaller side that the pipeline would see at most."""
    picture = decode_rgb(file.read_bytes(), file.name)
    return resize(picture, *working_size(picture.shape[0], picture.shape[1], 1024))


def built(
    folder: Path, models: Path | None, panoptic: bool, described: list[str] | None
) -> dict[str, Segmenter]:
    """Return the segmenters, with random weights where the real ones are far away."""
    downloads = Downloads(folder / "cache", Lake(folder / "lake"))
    settings: dict[str, Any] = {
        "saliency": Saliency(),
        "bundled": Bundled(kind="bundled"),
        "dram": Dram(kind="dram", archive_id="random", styles={}),
    }
    write_archive(folder)
    for name in get_args(Salient.model_fields["model"].annotation):
        if models is not None and (models / f"{name}.onnx").is_file():
            settings[f"salient, {name}"] = Salient(kind="salient", model=name, folder=str(models))
    if panoptic:
        settings["panoptic"] = Panoptic(kind="panoptic", model=str(write_mask2former(folder)))
    if described is not None:
        detector, sam = described or write_text_models(folder)
        settings["described"] = Described(
            kind="described",
            model=str(sam),
            detector=str(detector),
            boxes=THINGS,
            score=0.0,
            mask_score=0.0,
        )
    return {name: build_segmenter(each, downloads) for name, each in settings.items()}


def write_archive(folder: Path) -> None:
    """Lay an archive of the authors' layout where the download would be kept."""
    weights = random_network().state_dict()
    classifier = {k: v for k, v in weights.items() if k.startswith("classifier.")}
    content = {
        "feature_extractor": {k: v for k, v in weights.items() if k not in classifier},
        "classifier": {k.replace("classifier.", "conv2d_list."): v for k, v in classifier.items()},
    }
    torch.save(content, folder / "model.pth")
    archive = folder / "cache" / "drive" / "random.zip"
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as opened:
        opened.write(folder / "model.pth", MEMBER.format(movement="realism"))


def random_network() -> DeepLabV2:
    """Return the DRAM network with random weights, always the same."""
    torch.manual_seed(0)
    return DeepLabV2().eval()


def write_mask2former(folder: Path) -> Path:
    """Write the large Swin configuration of the default model with random weights."""
    from deepart_assets.compat import prepare

    prepare()
    from transformers import (
        Mask2FormerConfig,
        Mask2FormerForUniversalSegmentation,
        Mask2FormerImageProcessorPil,
        SwinConfig,
    )

    backbone = SwinConfig(
        embed_dim=192,
        depths=[2, 2, 18, 2],
        num_heads=[6, 12, 24, 48],
        window_size=12,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    config = Mask2FormerConfig(
        backbone_config=backbone,
        num_queries=200,
        id2label={number: f"label {number}" for number in range(133)},
    )
    target = folder / "mask2former"
    Mask2FormerForUniversalSegmentation(config).save_pretrained(target)
    Mask2FormerImageProcessorPil(size={"height": 384, "width": 384}).save_pretrained(target)
    return target


def write_text_models(folder: Path) -> tuple[Path, Path]:
    """Write a Grounding DINO and a SAM 2, both tiny, with random weights; return the folders."""
    from deepart_assets.compat import prepare

    prepare()
    import transformers as t

    torch.manual_seed(0)
    detector, sam = folder / "detector", folder / "sam"
    config = t.GroundingDinoConfig(
        backbone_config=t.SwinConfig(image_size=224, window_size=7, out_indices=[2, 3, 4])
    )
    t.GroundingDinoForObjectDetection(config).save_pretrained(detector)
    t.GroundingDinoImageProcessor().save_pretrained(detector)
    # The places of BERT's vocabulary, of which Grounding DINO itself knows some.
    words = [f"[unused{number}]" for number in range(config.text_config.vocab_size)]
    for place, word in BERT_WORDS.items():
        words[place] = word
    t.BertTokenizer(vocab={word: n for n, word in enumerate(words)}).save_pretrained(detector)
    (detector / "vocab.txt").write_text("\n".join(words))
    t.Sam2VideoModel(t.Sam2VideoConfig()).save_pretrained(sam)
    t.Sam2VideoProcessor(t.Sam2ImageProcessor(), t.Sam2VideoVideoProcessor()).save_pretrained(sam)
    return detector, sam


def original_way() -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    """Return the original notebook's segmentation of one picture, to class ids."""
    network = random_network().to(DEVICE)

    def segment(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        stretched = Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        mean, deviation = np.array(MEAN, np.float32), np.array(DEVIATION, np.float32)
        values = (np.asarray(stretched, np.float32) / 255 - mean) / deviation
        batch = torch.from_numpy(values).permute(2, 0, 1)[None].to(DEVICE)
        with torch.inference_mode():
            logits = torch.nn.functional.interpolate(
                network(batch), size=picture.shape[:2], mode="bilinear", align_corners=True
            )
            return logits.softmax(dim=1)[0].cpu().numpy().argmax(axis=0).astype(np.uint8)

    return segment


def measure(
    pictures: Pictures, segmenters: dict[str, Segmenter], repeats: int
) -> list[dict[str, Any]]:
    """Return a row for the original notebook's way and one for each segmenter."""
    seed = original_way()
    ways: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "the original notebook's way": (lambda: [seed(each) for each in pictures],) * 2
    }
    for name, segmenter in segmenters.items():
        ways[name] = (
            lambda s=segmenter: [s([each]) for each in pictures],  # type: ignore[misc]
            lambda s=segmenter: s(pictures),  # type: ignore[misc]
        )
        segmenter(pictures[:1])  # loads the weights
    seed(pictures[0])
    best: dict[str, list[float]] = {name: [np.inf, np.inf] for name in ways}
    for _ in range(repeats):
        for name, both in ways.items():
            # The seed has one way.
            for index, way in enumerate(both if both[0] is not both[1] else both[:1]):
                start = time.perf_counter()
                way()
                best[name][index] = min(best[name][index], time.perf_counter() - start)
    reference = best["the original notebook's way"][0]
    best["the original notebook's way"][1] = reference
    return [
        {
            "name": name,
            "one_by_one": len(pictures) / alone,
            "together": len(pictures) / together,
            "together_to_one_by_one": alone / together,
            "to_the_original_way": reference / together,
        }
        for name, (alone, together) in best.items()
    ]


if __name__ == "__main__":
    main()
