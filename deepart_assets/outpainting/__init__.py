"""Outpainting: inventing what is around a subject.

Belongs here: the outpainters, one file each, and what is common to them (`compose`, `seam`). Does
not belong here: where the subject comes from, or what becomes of the result.
"""

from deepart_assets.outpainting.base import Descriptor, Outpainter
from deepart_assets.outpainting.compose import (
    outpaint,
    painting_seed,
    prompt_for,
    subject_difference,
)
from deepart_assets.outpainting.registry import build_outpainter
from deepart_assets.outpainting.seam import seam_score

__all__ = [
    "Descriptor",
    "Outpainter",
    "build_outpainter",
    "outpaint",
    "painting_seed",
    "prompt_for",
    "seam_score",
    "subject_difference",
]
