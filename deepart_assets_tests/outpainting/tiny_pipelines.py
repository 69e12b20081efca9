"""Stable Diffusion pipelines of a few channels with random weights, and what tests ask of them.

The layout is the published one, file for file; only everything is small.
"""

import json
from pathlib import Path

import numpy as np

from deepart_assets.compat import prepare
from deepart_assets.outpainting import build_outpainter, request_for
from deepart_assets.settings.stable_diffusion import StableDiffusion

CLOSE = 1
"""Grey levels: sums of a batch go another way than those of one picture."""


def save_tiny_pipeline(folder: Path, seed: int = 0, channels: int = 9) -> Path:
    """Save Stable Diffusion 1.5: made for inpainting (9 channels in), or from text alone (4)."""
    prepare()
    import torch
    from diffusers import StableDiffusionInpaintPipeline, StableDiffusionPipeline

    torch.manual_seed(seed)
    kind = StableDiffusionPipeline if channels == 4 else StableDiffusionInpaintPipeline
    kind(
        vae=_vae(),
        text_encoder=text_encoder(16),
        tokenizer=clip_tokenizer(folder),
        unet=_unet(channels, cross_attention_dim=16),
        scheduler=_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder, safe_serialization=True)
    return folder


def save_tiny_xl_pipeline(folder: Path, seed: int = 0) -> Path:
    """Save Stable Diffusion XL for inpainting: two text encoders, sizes as a condition."""
    prepare()
    import torch
    from diffusers import StableDiffusionXLInpaintPipeline

    torch.manual_seed(seed)
    StableDiffusionXLInpaintPipeline(
        vae=_vae(force_upcast=True),
        text_encoder=text_encoder(16),
        text_encoder_2=text_encoder(8, projected=True),
        tokenizer=clip_tokenizer(folder),
        tokenizer_2=clip_tokenizer(folder),
        unet=_unet(
            9,
            cross_attention_dim=24,  # both encoders side by side
            addition_embed_type="text_time",
            addition_time_embed_dim=4,
            projection_class_embeddings_input_dim=8 + 6 * 4,
        ),
        scheduler=_scheduler(),
        add_watermarker=False,
    ).save_pretrained(folder, safe_serialization=True)
    return folder


def clip_tokenizer(folder: Path):
    """CLIP's byte alphabet, each character alone and at a word's end, and two marks: 514."""
    from transformers import CLIPTokenizer

    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    alphabet = [chr(byte) for byte in printable] + [chr(256 + n) for n in range(len(others))]
    tokens = alphabet + [f"{letter}</w>" for letter in alphabet]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    words = folder.parent / f"{folder.name}-words"
    words.mkdir(parents=True, exist_ok=True)
    vocabulary, merges = words / "vocab.json", words / "merges.txt"
    vocabulary.write_text(json.dumps({token: n for n, token in enumerate(tokens)}))
    merges.write_text("#version: 0.2\n")
    return CLIPTokenizer(str(vocabulary), str(merges), model_max_length=77)


def text_encoder(width: int, projected: bool = False):
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=514,
        hidden_size=width,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        projection_dim=8,
        bos_token_id=512,
        eos_token_id=513,
        pad_token_id=513,
    )
    return CLIPTextModelWithProjection(config) if projected else CLIPTextModel(config)


def _unet(channels: int, **more):
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=8,
        in_channels=channels,  # 9: latents, mask, latents of the masked picture
        out_channels=4,
        layers_per_block=1,
        block_out_channels=(8, 16),
        norm_num_groups=4,
        attention_head_dim=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        **more,
    )


def _vae(**more):
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(4, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=64,
        **more,
    )


def _scheduler():
    """As the published models' own."""
    from diffusers import PNDMScheduler

    return PNDMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        skip_prk_steps=True,
        steps_offset=1,
        set_alpha_to_one=False,
    )


# --- what is asked of them -----------------------------------------------------------------------


def settings_for(model, **more) -> StableDiffusion:
    return StableDiffusion(kind="stable_diffusion", model=str(model), **({"steps": 2} | more))


def unfinished(height=64, width=64, seed=1):
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    rows, columns = np.mgrid[:height, :width]
    known = (rows - height // 2) ** 2 + (columns - width // 2) ** 2 < (height // 4) ** 2
    return np.dstack([picture, known.astype(np.uint8) * 255])


def asked(height=64, width=64, seed=1, **more):
    return request_for(unfinished(height, width, seed), **({"prompt": "p", "seed": seed} | more))


def difference(one, other):
    assert one.shape == other.shape
    return int(np.abs(one.astype(np.int16) - other).max())


class Spy:
    """Is called in a pipeline's place, and calls it, or answers with `images`."""

    def __init__(self, pipeline, images=None, holds=None, error=None):
        self.pipeline, self.images, self.holds, self.error = pipeline, images, holds, error
        self.calls = []

    def __getattr__(self, name):
        return getattr(self.pipeline, name)

    def __call__(self, **arguments):
        # Some pipelines write into their lists.
        self.calls.append({n: list(v) if isinstance(v, list) else v for n, v in arguments.items()})
        if self.holds is not None and len(arguments["prompt"]) > self.holds:
            raise self.error
        if self.images is not None:
            return type("Output", (), {"images": self.images})()
        return self.pipeline(**arguments)

    @property
    def counts(self):
        return [len(call["prompt"]) for call in self.calls]


def spied(painter, monkeypatch, **more):
    spy = Spy(painter._pipeline, **more)
    monkeypatch.setitem(painter.__dict__, "_pipeline", spy)
    return spy


def hash_of(model) -> str:
    return build_outpainter(settings_for(model)).weights_hash()
