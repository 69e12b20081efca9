"""Outpainting: generates the surround of a painting's subject."""

from deepart_assets.outpainting.base import Descriptor, Request
from deepart_assets.outpainting.compose import (
    composed,
    outpaint,
    painting_seed,
    prompt_for,
    request_for,
    subject_difference,
)
from deepart_assets.outpainting.ground_tone import GroundTone, ground_tone
from deepart_assets.outpainting.registry import build_outpainter
from deepart_assets.outpainting.seam import seam_score

__all__ = [
    "Descriptor",
    "GroundTone",
    "Request",
    "build_outpainter",
    "composed",
    "ground_tone",
    "outpaint",
    "painting_seed",
    "prompt_for",
    "request_for",
    "seam_score",
    "subject_difference",
]
