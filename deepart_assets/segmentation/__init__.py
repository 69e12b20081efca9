"""Subject segmentation: which pixels of a painting are kept.

Belongs here: the segmenters (`saliency`, `bundled`, `dram`, `salient`, `panoptic`), the cleaning of
their masks and showing them. Does not belong here: what becomes of the mask, or which
paintings are segmented.
"""

from deepart_assets.segmentation.base import Descriptor, Prediction, Segmenter
from deepart_assets.segmentation.cleanup import SubjectMask, clean_up, remove_small_parts
from deepart_assets.segmentation.overlay import overlay
from deepart_assets.segmentation.registry import build_segmenter

__all__ = [
    "Descriptor",
    "Prediction",
    "Segmenter",
    "SubjectMask",
    "build_segmenter",
    "clean_up",
    "overlay",
    "remove_small_parts",
]
