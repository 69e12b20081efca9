"""Tiny CLIP and SigLIP models with random weights, in the layout of the published ones."""

from pathlib import Path

from deepart_assets.compat import prepare

WORDS = ["a", "painting", "in", "the", "style", "of", "stripes", "chequers", "dots", "cubism", "."]


def save_model(folder: Path, kind: str = "clip", seed: int = 0) -> Path:
    """Write configuration, weights, image processor and a tokenizer that knows `WORDS`."""
    prepare()
    import torch
    import transformers as t
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    torch.manual_seed(seed)
    vocabulary = {word: n for n, word in enumerate(["<pad>", "<unk>", *WORDS, "<end>"])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <end>", special_tokens=[("<end>", vocabulary["<end>"])]
    )
    t.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", eos_token="<end>"
    ).save_pretrained(folder)
    size = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    size["num_attention_heads"] = 2
    text = {**size, "vocab_size": len(vocabulary), "max_position_embeddings": 64}
    text.update(eos_token_id=vocabulary["<end>"], pad_token_id=0, bos_token_id=1)
    vision = {**size, "image_size": 32, "patch_size": 16}
    if kind == "clip":
        config = t.CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)
        model, processor = t.CLIPModel(config), t.CLIPImageProcessor
        resizing = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
    else:
        text["projection_size"] = 16
        config = t.SiglipConfig(text_config=text, vision_config=vision)
        model, processor = t.SiglipModel(config), t.SiglipImageProcessor
        resizing = {"size": {"height": 32, "width": 32}}
    with torch.no_grad():  # untrained encoders hardly tell one text from another
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, 0.5)
    model.eval().save_pretrained(folder)
    processor(**resizing).save_pretrained(folder)
    return folder
