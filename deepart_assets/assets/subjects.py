"""The subject of each painting: its mask, and the unfinished painting that it leaves.

Belongs here: what these two assets are made from. Does not belong here: how a subject is found
(`segmentation`), and what becomes of it (`restoration`).
"""

import dagster as dg
import numpy as np

from deepart_assets.errors import SkipPainting
from deepart_assets.imaging import (
    decode_grey,
    encode_png,
    preview_uri,
    resize,
    working_size,
)
from deepart_assets.orchestration.checks import Check
from deepart_assets.orchestration.factory import painting_asset
from deepart_assets.orchestration.studio import Painting, PaintingStage, Studio
from deepart_assets.segmentation import build_segmenter, clean_up, overlay
from deepart_assets.storage import Made, Record


def _mask_fault(record: Record) -> str | None:
    return record.figures.get("verdict")


@painting_asset(
    kinds={"onnx", "opencv"},
    pool="gpu",
    checks=[
        Check(
            "neither_empty_nor_full",
            "The mask keeps a subject and leaves something to generate. A painting where it does"
            " not is reported and left out downstream.",
            _mask_fault,
            dg.AssetCheckSeverity.WARN,
        )
    ],
)
def subject_masks(studio: Studio) -> PaintingStage:
    """What is kept of each painting: its subject.

    A segmentation network finds the subject; the mask is refined to the picture's edges, rid of
    specks and filled. PNG of the painting's size, 255 = subject (kept), 0 = surround (generated
    again). A painting without a clear subject gets a verdict that says so, and goes no further.
    """
    settings = studio.settings.segmentation
    segmenter = build_segmenter(settings.segmenter, studio.downloads)

    def make(painting: Painting) -> Made:
        picture = painting.original()
        subject = clean_up(segmenter([picture])[0], settings)
        return Made(
            {f"subject_masks/{painting.id}.png": encode_png(subject.mask.astype(np.uint8) * 255)},
            {
                "preview": preview_uri(overlay(picture, subject.mask)),
                "subject_share": round(subject.share, 4),
                "confidence": round(subject.confidence, 3),
                "parts": subject.parts,
                "verdict": subject.verdict,
                "segmenter": segmenter.descriptor.name,
            },
        )

    return PaintingStage(
        make, settings=settings.model_dump(mode="json"), weights=segmenter.weights_hash()
    )


@painting_asset(painting_deps=["subject_masks"], kinds={"opencv"})
def unfinished_paintings(studio: Studio) -> PaintingStage:
    """The painting as an outpainter gets it: the subject, and nothing of the rest.

    RGBA PNG at the working size (smaller side as set, aspect kept, never enlarged): alpha 255 =
    subject, 0 = to be generated; colours under alpha 0 are black, so that no generator can look
    at what it is asked to invent.
    """
    side = studio.settings.restoration.working_side

    def make(painting: Painting) -> Made:
        mask_record = painting.inputs["subject_masks"]
        if verdict := mask_record.figures.get("verdict"):
            raise SkipPainting(verdict)
        mask = decode_grey(painting.read("subject_masks"), mask_record.path)
        picture = painting.original()
        size = working_size(picture.shape[0], picture.shape[1], side)
        # Half covered or more is subject: the rule that keeps the area unbiased.
        known = resize((mask > 0).astype(np.float32), *size) >= 0.5
        rgba = np.dstack([resize(picture, *size), np.full(size, 255, np.uint8)])
        rgba[~known] = 0
        return Made(
            {f"unfinished_paintings/{painting.id}.png": encode_png(rgba)},
            {
                "preview": preview_uri(rgba),
                "height": size[0],
                "width": size[1],
                "subject_share": round(float(known.mean()), 4),
            },
        )

    return PaintingStage(make, settings={"working_side": side})
