"""How many pictures a second Stable Diffusion paints: its presets, and the original notebook.

    python benchmarks/stable_diffusion.py [--quick] [--full] [--compile]

Writes benchmarks/results/stable_diffusion.json. All ways paint the same pictures of two styles in
one process, by turns, and loading counts; the best of the repeats counts, and only the ratios mean
something on a busy machine. The original notebook's way:
the pipeline is loaded for each style, pictures go one by one,
stretched to the model's square and back, 50 steps. Ours: loaded once.
The networks have
random weights, which take as long: those of a tiny pipeline, and with a GPU, or with --full, of
Stable Diffusion 1.5's sizes at 512 pixels. With --compile the networks are compiled first, which
does not count.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bench_table import by_turns, machine, publish
from PIL import Image

from deepart_assets.compat import prepare
from deepart_assets.outpainting import Request, build_outpainter
from deepart_assets.outpainting.diffusion.families import STABLE_DIFFUSION
from deepart_assets.outpainting.diffusion.loading import UNUSED
from deepart_assets.settings.stable_diffusion import PRESETS, StableDiffusion

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
DTYPE = torch.float16 if DEVICE == "cuda" else torch.float32
STYLES = 2


@dataclass(frozen=True)
class Size:
    """A pipeline's size; the rest is Stable Diffusion 1.5's."""

    name: str
    side: int
    unet: tuple[int, ...]
    vae: tuple[int, ...]
    text: tuple[int, int]
    """Width and layers."""
    layers: int
    heads: int
    """diffusers' attention_head_dim, which is a number of heads in this model."""
    groups: int


TINY = Size("tiny", 64, (8, 16, 16, 16), (4, 8, 8, 8), (16, 1), layers=1, heads=2, groups=4)
REAL = Size(
    "Stable Diffusion 1.5",
    512,
    (320, 640, 1280, 1280),
    (128, 256, 512, 512),
    (768, 12),
    layers=2,
    heads=8,
    groups=32,
)


def main() -> None:
    """Measure, print a table and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few pictures, once")
    parser.add_argument("--full", action="store_true", help="real sizes on a CPU, too: hours")
    parser.add_argument("--compile", action="store_true", help="also torch.compile: minutes")
    arguments = parser.parse_args()
    sizes = [TINY, *([REAL] if DEVICE == "cuda" or arguments.full else [])]
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as root:
        for size in sizes:
            folder = write_pipeline(Path(root) / size.name.replace(" ", "-"), size)
            rows += measure(folder, size, arguments.quick, arguments.compile)
    publish("stable_diffusion", f"Pictures a second, {machine()}", rows)


def write_pipeline(folder: Path, size: Size) -> Path:
    """Save an inpainting pipeline of a size with random weights, in the format it computes in."""
    prepare()
    from diffusers import (
        AutoencoderKL,
        PNDMScheduler,
        StableDiffusionInpaintPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    width, layers = size.text
    pipeline = StableDiffusionInpaintPipeline(
        vae=AutoencoderKL(
            block_out_channels=size.vae,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=size.layers,
            latent_channels=4,
            norm_num_groups=size.groups,
            sample_size=size.side,
        ),
        text_encoder=CLIPTextModel(
            CLIPTextConfig(
                hidden_size=width,
                intermediate_size=4 * width,
                num_hidden_layers=layers,
                num_attention_heads=max(2, width // 64),
            )
        ),
        tokenizer=tokenizer(folder),
        unet=UNet2DConditionModel(
            sample_size=size.side // 8,
            in_channels=9,
            out_channels=4,
            layers_per_block=size.layers,
            block_out_channels=size.unet,
            norm_num_groups=size.groups,
            cross_attention_dim=width,
            attention_head_dim=size.heads,
        ),
        scheduler=PNDMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            skip_prk_steps=True,
            steps_offset=1,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.to(dtype=DTYPE).save_pretrained(folder)
    return folder


def tokenizer(folder: Path) -> Any:
    """Return CLIP's tokenizer with single bytes for words: as many tokens, and as long."""
    from transformers import CLIPTokenizer

    words = folder.with_name(f"{folder.name}-words")
    words.mkdir(parents=True)
    letters = [*map(chr, range(33, 127)), *map(chr, range(256, 290))]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    (words / "vocab.json").write_text(json.dumps({token: n for n, token in enumerate(tokens)}))
    (words / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(str(words / "vocab.json"), str(words / "merges.txt"), model_max_length=77)


def requests_of(style: int, count: int, side: int) -> list[Request]:
    """Return unfinished paintings of the working size, some upright, with a subject in the middle.

    A style's are half of one size and half of another, as paintings are of a few shapes.
    """
    random = np.random.default_rng(style)
    requests = []
    for number in range(count):
        height, width = (side, side) if number < count / 2 else (side * 5 // 4, side)
        known = np.zeros((height, width), bool)
        known[height // 4 : height // 4 * 3, width // 4 : width // 4 * 3] = True
        picture = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        picture[~known] = 0
        requests.append(Request(picture, known, f"a painting in {style} style", seed=number))
    return requests


def original_way(folder: Path, side: int, requests: Sequence[Request]) -> tuple[float, float]:
    """Paint one style as the original notebook did; return seconds of loading and painting."""
    from diffusers import StableDiffusionInpaintPipeline

    start = time.perf_counter()
    pipeline = StableDiffusionInpaintPipeline.from_pretrained(
        folder,
        dtype=DTYPE,
        **dict.fromkeys(UNUSED),
        **STABLE_DIFFUSION.options,
    ).to(DEVICE)
    pipeline.set_progress_bar_config(disable=True)
    loaded = time.perf_counter()
    for each in requests:
        picture = Image.fromarray(each.picture).resize((side, side))
        hole = Image.fromarray((~each.known).astype(np.uint8) * 255).resize((side, side))
        result = pipeline(
            prompt=each.prompt,
            image=picture,
            mask_image=hole,
            generator=torch.Generator(DEVICE).manual_seed(0),
            num_inference_steps=PRESETS["original"].steps,
            guidance_scale=PRESETS["original"].guidance,
        ).images[0]
        result.resize((each.known.shape[1], each.known.shape[0]))
    return loaded - start, time.perf_counter() - loaded


def measure(folder: Path, size: Size, quick: bool, compiled: bool) -> list[dict[str, Any]]:
    """Return a row for the original notebook's way and one for each of ours."""
    count = 4 if quick else 16
    styles = [requests_of(style, count, size.side) for style in range(STYLES)]

    def seed() -> tuple[float, float]:
        each = [original_way(folder, size.side, requests) for requests in styles]
        return sum(load for load, _ in each), sum(paint for _, paint in each)

    def ours(**options: Any) -> Callable[[], tuple[float, float]]:
        settings = StableDiffusion(kind="stable_diffusion", model=str(folder), **options)

        def run() -> tuple[float, float]:
            start = time.perf_counter()
            painter = build_outpainter(settings)
            few = settings.model_copy(update={"steps": 1})
            # What is loaded at the first picture is loaded here, to be told apart.
            painter._pipeline  # type: ignore[attr-defined]  # noqa: B018
            loaded = time.perf_counter()
            if settings.compile:
                painter._settings = few  # type: ignore[attr-defined]
                painter([each for requests in styles for each in requests])
                painter._settings = settings  # type: ignore[attr-defined]
            begun = time.perf_counter()
            painter([each for requests in styles for each in requests])
            return loaded - start, time.perf_counter() - begun

        return run

    ways: dict[str, Callable[[], tuple[float, float]]] = {
        "the original notebook's way": seed,
        "original preset, one by one": ours(preset="original", batch=1),
        "original preset, batch 8": ours(preset="original", batch=8),
        "fast preset, one by one": ours(preset="fast", batch=1),
        "fast preset, batch 8": ours(preset="fast", batch=8),
    }
    if compiled:
        ways["fast preset, batch 8, compiled"] = ours(preset="fast", batch=8, compile=True)
    original_way(folder, size.side, styles[0][:1])  # what is imported and set up once
    return by_turns(
        ways,
        1 if quick else 3,
        of=size.name,
        pictures=STYLES * count,
        reference="the original notebook's way",
    )


if __name__ == "__main__":
    main()
