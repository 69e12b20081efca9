"""Tiny models with random weights that find what a text names, in the published layouts."""

import string
from pathlib import Path
from typing import Any

from deepart_assets.compat import prepare

WORDS = ["the", "a", "woman", "child", "dog", "ship", "horse", "person", "animal", "and", "two"]
SIDE = 64
"""Of a SAM's input, in pixels; its masks have a quarter of it."""
BERT = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]", 1012: ".", 1029: "?"}
"""Ids of BERT's vocabulary; Grounding DINO itself knows some of them."""


def save_detector(folder: Path, kind: str = "GroundingDino", seed: int = 0) -> Path:
    """Write a Grounding DINO, or a `MMGroundingDino`, whose tokenizer knows `WORDS`."""
    t = _transformers(seed)
    words = [*(f"[unused{n}]" for n in range(1030)), *WORDS]
    for place, word in BERT.items():
        words[place] = word
    size = {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = getattr(t, f"{kind}Config")(
        backbone_config=t.SwinConfig(
            embed_dim=8,
            depths=[1, 1, 1, 1],
            num_heads=[1, 1, 1, 1],
            window_size=4,
            out_indices=[2, 3, 4],
        ),
        text_config=t.BertConfig(vocab_size=len(words), hidden_size=16, **size),
        d_model=32,
        encoder_layers=1,
        encoder_ffn_dim=16,
        encoder_attention_heads=2,
        decoder_layers=2,
        decoder_ffn_dim=16,
        decoder_attention_heads=2,
        num_queries=12,
        max_text_len=32,
    )
    _save(getattr(t, f"{kind}ForObjectDetection")(config), folder, 0.25)
    tokenizer = t.BertTokenizer(vocab={word: n for n, word in enumerate(words)}, do_lower_case=True)
    tokenizer.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(words))
    processor = t.GroundingDinoImageProcessor(size={"shortest_edge": 96, "longest_edge": 160})
    processor.save_pretrained(folder)
    return folder


def save_sam(folder: Path, kind: str = "sam2_video", seed: int = 0) -> Path:
    """Write a SAM of a kind of `prompted_masks.KINDS`; SAM 2 is published as `sam2_video`."""
    t = _transformers(seed)
    prompts = {"hidden_size": 32, "image_size": SIDE, "mask_input_channels": 4}
    decoder = {"hidden_size": 32, "mlp_dim": 16, "num_attention_heads": 2}
    decoder["iou_head_hidden_dim"] = 16
    if kind == "sam_hq":
        config = t.SamHQConfig(
            vision_config=t.SamHQVisionConfig(
                hidden_size=16,
                output_channels=32,
                num_hidden_layers=2,
                num_attention_heads=2,
                image_size=SIDE,
                window_size=2,
                global_attn_indexes=[1],
                num_pos_feats=16,
                mlp_dim=16,
            ),
            prompt_encoder_config=t.SamHQPromptEncoderConfig(**prompts),
            mask_decoder_config=t.SamHQMaskDecoderConfig(**decoder, vit_dim=16),
        )
        _save(t.SamHQModel(config), folder, 0.15)
        quarter = {"height": SIDE // 4, "width": SIDE // 4}
        images = t.SamImageProcessor(
            size={"longest_edge": SIDE},
            pad_size={"height": SIDE, "width": SIDE},
            mask_size={"longest_edge": SIDE // 4},
            mask_pad_size=quarter,
        )
        t.SamHQProcessor(images).save_pretrained(folder)
        return folder
    parts = {
        "vision_config": t.Sam2VisionConfig(
            backbone_config=t.Sam2HieraDetConfig(
                hidden_size=8,
                image_size=[SIDE, SIDE],
                blocks_per_stage=[1, 1, 2, 1],
                embed_dim_per_stage=[8, 16, 32, 64],
                num_attention_heads_per_stage=[1, 1, 1, 1],
                window_size_per_stage=[8, 8, 4, 4],
                global_attention_blocks=[3],
            ),
            backbone_channel_list=[64, 32, 16, 8],
            backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]],
            fpn_hidden_size=32,
        ),
        "prompt_encoder_config": t.Sam2PromptEncoderConfig(**prompts),
        "mask_decoder_config": t.Sam2MaskDecoderConfig(**decoder),
    }
    images = t.Sam2ImageProcessor(size={"height": SIDE, "width": SIDE})
    if kind == "sam2":
        _save(t.Sam2Model(t.Sam2Config(**parts)), folder, 0.15)
        t.Sam2Processor(images).save_pretrained(folder)
        return folder
    config = t.Sam2VideoConfig(
        **parts,
        image_size=SIDE,
        memory_attention_hidden_size=32,
        memory_attention_num_layers=1,
        memory_attention_num_attention_heads=1,
        memory_attention_feed_forward_hidden_size=16,
        memory_encoder_hidden_size=32,
        memory_encoder_output_channels=16,
        mask_downsampler_embed_dim=32,
        memory_fuser_num_layers=1,
        memory_fuser_embed_dim=32,
        memory_fuser_intermediate_dim=16,
    )
    _save(t.Sam2VideoModel(config), folder, 0.15)
    t.Sam2VideoProcessor(images, t.Sam2VideoVideoProcessor()).save_pretrained(folder)
    return folder


def save_sam3(folder: Path, seed: int = 0) -> Path:
    """Write a SAM 3 whose tokenizer knows letters."""
    t = _transformers(seed)
    size = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 32}
    letters = [*string.ascii_lowercase, *(f"{each}</w>" for each in string.ascii_lowercase)]
    vocabulary = {each: n for n, each in enumerate([*letters, "<|startoftext|>", "<|endoftext|>"])}
    start, end = len(letters), len(letters) + 1
    config = t.Sam3Config(
        vision_config=t.Sam3VisionConfig(
            backbone_config=t.Sam3ViTConfig(
                **size,
                num_hidden_layers=2,
                image_size=56,
                window_size=2,
                global_attn_indexes=[1],
                pretrain_image_size=56,
            ),
            fpn_hidden_size=32,
            backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]],
        ),
        text_config=t.CLIPTextConfig(
            **size,
            vocab_size=len(vocabulary),
            projection_dim=16,
            num_hidden_layers=1,
            max_position_embeddings=32,
            bos_token_id=start,
            eos_token_id=end,
            pad_token_id=end,
        ),
        geometry_encoder_config=t.Sam3GeometryEncoderConfig(**size, num_layers=1),
        detr_encoder_config=t.Sam3DETREncoderConfig(**size, num_layers=1),
        detr_decoder_config=t.Sam3DETRDecoderConfig(**size, num_layers=2, num_queries=8),
        mask_decoder_config=t.Sam3MaskDecoderConfig(
            hidden_size=32, num_attention_heads=2, num_upsampling_stages=2
        ),
    )
    _save(t.Sam3Model(config), folder, 0.15)
    tokenizer = t.CLIPTokenizer(vocab=vocabulary, merges=[])
    images = t.Sam3ImageProcessor(size={"height": 56, "width": 56})
    t.Sam3Processor(images, tokenizer).save_pretrained(folder)
    return folder


def _transformers(seed: int) -> Any:
    prepare()
    import torch
    import transformers

    torch.manual_seed(seed)
    return transformers


def _save(model: Any, folder: Path, spread: float) -> None:
    """Save a model whose answers differ: those of untrained ones are all alike."""
    import torch

    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, spread)
    model.eval().save_pretrained(folder)
