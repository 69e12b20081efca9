"""Subject segmentation: which pixels of a painting are kept."""

from deepart_assets.segmentation.base import ClassMap, Descriptor, Prediction, Segmenter
from deepart_assets.segmentation.cleanup import (
    SubjectMask,
    clean_up,
    remove_small_parts,
    verdict,
)
from deepart_assets.segmentation.comparison import iou
from deepart_assets.segmentation.curated import check_polarity, read_curated_mask
from deepart_assets.segmentation.overlay import overlay
from deepart_assets.segmentation.registry import build_segmenter

__all__ = [
    "ClassMap",
    "Descriptor",
    "Prediction",
    "Segmenter",
    "SubjectMask",
    "build_segmenter",
    "check_polarity",
    "clean_up",
    "iou",
    "overlay",
    "read_curated_mask",
    "remove_small_parts",
    "verdict",
]
