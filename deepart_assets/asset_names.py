"""The names of the assets, and where their files lie in the data lake.

An asset's files are `<asset>/<key>.<suffix>`; reports for people lie in `reports/`.
"""

from collections.abc import Iterable

PAINTINGS = "paintings"
"""The observed asset with a partition for each painting to restore."""
WIKIART_PAINTINGS = "wikiart_paintings"
INBOX_PAINTINGS = "inbox_paintings"
STYLED_PAINTINGS = "styled_paintings"
WIKIART_SR = "wikiart_sr"
LR_HR_PAIRS = "lr_hr_pairs"
PSNR_WEIGHTS = "psnr_weights"
ART_ESRGAN = "art_esrgan"
ART_ESRGAN_EVALUATION = "art_esrgan_evaluation"
PREDICTED_MASKS = "predicted_masks"
CURATED_MASKS = "curated_masks"
SUBJECT_TEXTS = "subject_texts"
SUBJECT_MASKS = "subject_masks"
SUBJECT_MASKS_EVALUATION = "subject_masks_evaluation"
UNFINISHED_PAINTINGS = "unfinished_paintings"
PAINTING_GROUNDS = "painting_grounds"
GROUND_LIBRARY = "ground_library"
OUTPAINTING_EVALUATION = "outpainting_evaluation"
RESTORATION_SHEETS = "restoration_sheets"
RESTORATION_PLAN = "restoration_plan"
GALLERY = "gallery"
CURATOR_CHOICES = "curator_choices"
CHOSEN_RESTORATIONS = "chosen_restorations"


def outpainter_weights(outpainter: str) -> str:
    """Return the asset with the weights of an outpainter that the profile names."""
    return f"{outpainter}_weights"


def outpaintings(outpainter: str) -> str:
    """Return the asset with the outpaintings of an outpainter."""
    return f"{outpainter}_outpaintings"


def upscaled(outpainter: str) -> str:
    """Return the asset with an outpainter's outpaintings at four times their size."""
    return f"{outpainter}_upscaled"


def requests(outpainter: str) -> str:
    """Return the observed asset with what curators ask of an outpainter."""
    return f"{outpainter}_requests"


def painting_stages(outpainters: Iterable[str]) -> dict[str, str]:
    """Return the assets of each painting, in the pipeline's order, with their headings."""
    columns = {
        asset: heading
        for name in outpainters
        for asset, heading in (
            (outpaintings(name), name.replace("_", " ")),
            (upscaled(name), f"{name.replace('_', ' ')} ×4"),
        )
    }
    return {
        PREDICTED_MASKS: "prediction",
        SUBJECT_MASKS: "mask",
        UNFINISHED_PAINTINGS: "unfinished",
        **columns,
        RESTORATION_SHEETS: "sheet",
    }


def output_path(asset: str, key: str, suffix: str = ".png") -> str:
    """Return the lake path of an output's file."""
    return f"{asset}/{key}{suffix}"


def candidate_path(asset: str, key: str, rank: int) -> str:
    """Return the lake path of one of several pictures of an output; the best has rank 0.

    No painting's id can hold a "+", so the further ones of `29.100` are not those of `29.100.1`.
    """
    return output_path(asset, key, f"+{rank}.png" if rank else ".png")


def report_path(asset: str) -> str:
    """Return the lake path of an asset's figures as JSON."""
    return f"reports/{asset}.json"


def check_register(asset: str) -> str:
    """Return the lake path of what an asset's checks found, painting by painting."""
    return f"registers/{asset}.checks.jsonl"
