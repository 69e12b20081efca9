"""Subject segmentation: which pixels of a painting are kept."""

from deepart_assets.segmentation.base import Prediction, Segmenter
from deepart_assets.segmentation.cleanup import SubjectMask, clean_up
from deepart_assets.segmentation.comparison import iou, overlay
from deepart_assets.segmentation.correction import corrected_mask
from deepart_assets.segmentation.curated import check_polarity, check_position, read_curated_mask
from deepart_assets.segmentation.registry import build_corrector, build_segmenter
from deepart_assets.segmentation.scribble import Scribble
from deepart_assets.segmentation.subject_text import check_text, read_text
from deepart_assets.segmentation.support import SUPPORT_SUFFIX, Support, support_in
from deepart_assets.segmentation.support_detection import find_support
from deepart_assets.segmentation.verdict import Features, Verdict, judge, judge_prediction

__all__ = [
    "SUPPORT_SUFFIX",
    "Features",
    "Prediction",
    "Scribble",
    "Segmenter",
    "SubjectMask",
    "Support",
    "Verdict",
    "build_corrector",
    "build_segmenter",
    "check_polarity",
    "check_position",
    "check_text",
    "clean_up",
    "corrected_mask",
    "find_support",
    "iou",
    "judge",
    "judge_prediction",
    "overlay",
    "read_curated_mask",
    "read_text",
    "support_in",
]
