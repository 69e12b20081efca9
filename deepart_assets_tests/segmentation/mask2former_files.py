"""A tiny Mask2Former with random weights, saved as transformers saves the real ones."""

from pathlib import Path

from deepart_assets.compat import prepare

SQUARE = {"height": 384, "width": 384}
WHOLE = {"shortest_edge": 96, "longest_edge": 160}


def save_model(folder: Path, size: dict = SQUARE, labels: int = 133, seed: int = 0) -> Path:
    """Write configuration, weights and image processor; label n is called "label n"."""
    prepare()
    import torch
    from transformers import (
        Mask2FormerConfig,
        Mask2FormerForUniversalSegmentation,
        Mask2FormerImageProcessorPil,
        SwinConfig,
    )

    torch.manual_seed(seed)
    config = Mask2FormerConfig(
        backbone_config=SwinConfig(
            embed_dim=8,
            depths=[1, 1, 1, 1],
            num_heads=[1, 1, 1, 1],
            window_size=4,
            out_features=["stage1", "stage2", "stage3", "stage4"],
        ),
        feature_size=32,  # 32 groups are normalised
        mask_feature_size=32,
        hidden_dim=32,
        encoder_feedforward_dim=16,
        dim_feedforward=16,
        encoder_layers=1,
        decoder_layers=2,
        num_attention_heads=2,
        num_queries=20,
        id2label={n: f"label {n}" for n in range(labels)},
    )
    model = Mask2FormerForUniversalSegmentation(config).eval()
    # Untrained queries are alike, and no class or mask is probable: spread them.
    decoder = model.model.transformer_module.decoder
    with torch.no_grad():
        model.model.transformer_module.queries_features.weight.normal_(0, 3)
        model.class_predictor.weight.normal_(0, 1.5)
        for weight in decoder.mask_predictor.mask_embedder.parameters():
            weight.mul_(4)
    model.save_pretrained(folder)
    Mask2FormerImageProcessorPil(size=size).save_pretrained(folder)
    return folder
