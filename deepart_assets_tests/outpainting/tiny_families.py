"""Pipelines of the families beyond Stable Diffusion: a few channels, random weights.

The layout is the published one, file for file, with the published numbers of latent channels.
"""

from collections.abc import Callable
from pathlib import Path

from deepart_assets.settings.diffusion import Diffusers
from deepart_assets_tests.outpainting.tiny_pipelines import clip_tokenizer, text_encoder

CHAT = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"


def save_sd3(folder: Path) -> Path:
    """Save Stable Diffusion 3.5: three text encoders."""
    import diffusers

    return _save(
        diffusers.StableDiffusion3Pipeline(
            transformer=diffusers.SD3Transformer2DModel(
                sample_size=8,
                patch_size=2,
                in_channels=16,
                out_channels=16,
                num_layers=2,  # the last takes nothing of a ControlNet
                attention_head_dim=8,
                num_attention_heads=2,
                joint_attention_dim=32,
                caption_projection_dim=16,
                pooled_projection_dim=16,
            ),
            scheduler=_flow(shift=3.0),
            vae=_vae(16),
            text_encoder=text_encoder(16, projected=True),
            tokenizer=clip_tokenizer(folder),
            text_encoder_2=text_encoder(16, projected=True),
            tokenizer_2=clip_tokenizer(folder),
            text_encoder_3=_t5(32),
            tokenizer_3=_t5_tokenizer(),
        ),
        folder,
    )


def save_flux_fill(folder: Path) -> Path:
    """Save FLUX.1 Fill: latents, latents of the masked picture, and the mask, in packs of four."""
    return _save_flux(folder, "FluxFillPipeline", 16 * 4 + 16 * 4 + 8 * 8 * 4)


def save_flux(folder: Path) -> Path:
    """Save FLUX.1."""
    return _save_flux(folder, "FluxPipeline", 16 * 4)


def _save_flux(folder: Path, kind: str, channels: int) -> Path:
    import diffusers

    return _save(
        getattr(diffusers, kind)(
            scheduler=_flow(use_dynamic_shifting=True),
            vae=_vae(16),
            text_encoder=text_encoder(16),
            tokenizer=clip_tokenizer(folder),
            text_encoder_2=_t5(16),
            tokenizer_2=_t5_tokenizer(),
            transformer=diffusers.FluxTransformer2DModel(
                patch_size=1,
                in_channels=channels,
                out_channels=64,
                num_layers=1,
                num_single_layers=1,
                attention_head_dim=16,
                num_attention_heads=1,
                joint_attention_dim=16,
                pooled_projection_dim=16,
                axes_dims_rope=(4, 4, 8),
                guidance_embeds=True,
            ),
        ),
        folder,
    )


def save_klein(folder: Path, is_distilled: bool = True) -> Path:
    """Save FLUX.2 klein, which reads three layers of its text encoder, the last the 27th."""
    import diffusers
    from transformers import Qwen3ForCausalLM

    return _save(
        diffusers.Flux2KleinPipeline(
            scheduler=_flow(use_dynamic_shifting=True),
            vae=diffusers.AutoencoderKLFlux2(
                block_out_channels=(4,) * 4,
                down_block_types=("DownEncoderBlock2D",) * 4,
                up_block_types=("UpDecoderBlock2D",) * 4,
                layers_per_block=1,
                latent_channels=32,
                norm_num_groups=1,
                sample_size=64,
            ),
            text_encoder=Qwen3ForCausalLM(_qwen3(layers=28)),
            tokenizer=_qwen_tokenizer(),
            transformer=diffusers.Flux2Transformer2DModel(
                patch_size=1,
                in_channels=128,
                num_layers=1,
                num_single_layers=1,
                attention_head_dim=16,
                num_attention_heads=1,
                joint_attention_dim=3 * 16,
                timestep_guidance_channels=16,
                axes_dims_rope=(4, 4, 4, 4),
                guidance_embeds=False,
            ),
            is_distilled=is_distilled,
        ),
        folder,
    )


def save_z_image(folder: Path) -> Path:
    """Save Z-Image."""
    import diffusers
    from transformers import Qwen3Model

    return _save(
        diffusers.ZImagePipeline(
            scheduler=_flow(shift=3.0),
            vae=_vae(16),
            text_encoder=Qwen3Model(_qwen3(layers=2)),
            tokenizer=_qwen_tokenizer(),
            transformer=diffusers.ZImageTransformer2DModel(
                all_patch_size=(2,),
                all_f_patch_size=(1,),
                in_channels=16,
                dim=32,
                n_layers=1,
                n_refiner_layers=1,
                n_heads=2,
                n_kv_heads=2,
                qk_norm=True,
                cap_feat_dim=16,
                rope_theta=256.0,
                t_scale=1000.0,
                axes_dims=[8, 4, 4],
                axes_lens=[1024, 64, 64],
            ),
        ),
        folder,
    )


def save_qwen_image(folder: Path) -> Path:
    """Save Qwen-Image: a VAE of videos, a text encoder that can see."""
    import diffusers
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    text = {
        "vocab_size": 600,
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "rope_scaling": {"mrope_section": [1, 1, 2], "rope_type": "default", "type": "default"},
        "rope_theta": 1000000.0,
    }
    vision = {
        "depth": 1,
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_heads": 2,
        "out_hidden_size": 16,
    }
    return _save(
        diffusers.QwenImagePipeline(
            scheduler=_flow(use_dynamic_shifting=True, shift_terminal=0.02),
            vae=diffusers.AutoencoderKLQwenImage(
                base_dim=8,
                z_dim=16,
                dim_mult=[1, 1, 1, 1],
                num_res_blocks=1,
                temperal_downsample=[False, True, True],
                latents_mean=[0.0] * 16,
                latents_std=[1.0] * 16,
            ),
            text_encoder=Qwen2_5_VLForConditionalGeneration(
                Qwen2_5_VLConfig(text_config=text, vision_config=vision)
            ),
            tokenizer=_qwen_tokenizer(),
            transformer=diffusers.QwenImageTransformer2DModel(
                patch_size=2,
                in_channels=64,
                out_channels=16,
                num_layers=1,
                attention_head_dim=16,
                num_attention_heads=1,
                joint_attention_dim=16,
                guidance_embeds=False,
                axes_dims_rope=(8, 4, 4),
            ),
        ),
        folder,
    )


SAVERS: dict[str, Callable[[Path], Path]] = {
    "Stable Diffusion 3.5": save_sd3,
    "FLUX.1 Fill": save_flux_fill,
    "FLUX.1": save_flux,
    "FLUX.2 klein": save_klein,
    "Z-Image": save_z_image,
    "Qwen-Image": save_qwen_image,
}


def diffusers_settings(model, **more) -> Diffusers:
    """Return settings that paint quickly: two steps, no larger than asked."""
    quick = {"steps": 2, "resolution": "working"}
    return Diffusers(kind="diffusers", model=str(model), **(quick | more))


# --- the parts -----------------------------------------------------------------------------------


def _save(pipeline, folder: Path) -> Path:
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def _flow(**more):
    from diffusers import FlowMatchEulerDiscreteScheduler

    return FlowMatchEulerDiscreteScheduler(**more)


def _vae(channels: int):
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(4,) * 4,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        latent_channels=channels,
        norm_num_groups=1,
        sample_size=64,
        use_quant_conv=False,
        use_post_quant_conv=False,
        shift_factor=0.06,
        scaling_factor=1.5,
    )


def _t5(width: int):
    from transformers import T5Config, T5EncoderModel

    return T5EncoderModel(
        T5Config(vocab_size=300, d_model=width, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    )


def _t5_tokenizer():
    from transformers import T5TokenizerFast

    marks = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -1.0)]
    letters = [(chr(code), -2.0) for code in range(33, 127)]
    return T5TokenizerFast(vocab=marks + letters, extra_ids=0, model_max_length=512)


def _qwen3(layers: int):
    from transformers import Qwen3Config

    return Qwen3Config(
        vocab_size=600,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=8,
    )


def _qwen_tokenizer():
    from transformers import Qwen2Tokenizer

    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    alphabet = [chr(byte) for byte in printable] + [chr(256 + n) for n in range(len(others))]
    tokenizer = Qwen2Tokenizer(
        vocab={letter: number for number, letter in enumerate(alphabet)},
        merges=[],
        model_max_length=1024,
    )
    tokenizer.add_special_tokens(
        {"additional_special_tokens": ["<|im_start|>", "<|im_end|>"], "pad_token": "<|endoftext|>"}
    )
    tokenizer.chat_template = CHAT
    return tokenizer
