"""Builds the segmenter that the settings name, and what corrects its predictions."""

from deepart_assets.segmentation import base
from deepart_assets.segmentation.correction import grab_cut_correction
from deepart_assets.settings.segmenters import (
    Bundled,
    Described,
    Dram,
    Panoptic,
    Salient,
    Segmenter,
)
from deepart_assets.storage.downloads import Downloads


def build_segmenter(settings: Segmenter, downloads: Downloads) -> base.Segmenter:
    """Return the segmenter of these settings; nothing is loaded or fetched before its first use.

    Args:
        settings: Which one.
        downloads: Fetches and keeps published weights.
    """
    if isinstance(settings, Dram):
        from deepart_assets.segmentation.dram import DramSegmenter

        return DramSegmenter(settings, downloads)
    if isinstance(settings, Salient):
        from deepart_assets.segmentation.salient import SalientSegmenter

        return SalientSegmenter(settings)
    if isinstance(settings, Panoptic):
        from deepart_assets.segmentation.panoptic import PanopticSegmenter

        return PanopticSegmenter(settings)
    if isinstance(settings, Described):
        from deepart_assets.segmentation.described import DescribedSegmenter

        return DescribedSegmenter(settings)
    if isinstance(settings, Bundled):
        from deepart_assets.segmentation.bundled import BundledSegmenter

        return BundledSegmenter(heads=settings.heads)
    from deepart_assets.segmentation.saliency import SaliencySegmenter

    return SaliencySegmenter()


def build_corrector(settings: Segmenter) -> base.Corrector:
    """Return what moves a segmenter's predictions by a curator's strokes; loads nothing.

    GrabCut, unless the settings let the segmenter itself cut out what the strokes point at.
    """
    if isinstance(settings, Described) and settings.strokes == "sam":
        from deepart_assets.segmentation.described import DescribedSegmenter
        from deepart_assets.segmentation.prompted_correction import prompted_correction

        return prompted_correction(DescribedSegmenter(settings).from_points)
    return grab_cut_correction
