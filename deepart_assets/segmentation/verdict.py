"""Judges a predicted mask: confident, doubtful, or none."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from deepart_assets.segmentation.cleanup import SubjectMask, clean_up
from deepart_assets.segmentation.faces import left_out, read_faces
from deepart_assets.settings.segmentation import Segmentation
from deepart_assets.storage import MaterializationRecord

Level = Literal["confident", "doubtful", "none"]

HALF = 0.5
"""A part with at least this share of the subject dominates it; it is not scattered."""

NEARLY = 0.8
"""Share of `minimal_confidence` that is enough for a subject that fills the picture."""


@dataclass(frozen=True)
class Features:
    """What a mask is judged by."""

    confidence: float
    """As in `Prediction`."""
    share: float
    """Share of the picture's area that is subject, in [0, 1]."""
    parts: int
    """Number of connected parts of the subject."""
    largest: float
    """Share of the subject that its largest part has, in [0, 1]; 0 if there is none."""
    faces_left_out: tuple[str, ...] = ()
    """Where the mask leaves out a face, as `left_out` says it."""


@dataclass(frozen=True)
class Verdict:
    """What becomes of a painting with a predicted mask."""

    level: Level
    reason: str | None = None
    """The figures and the settings they miss; None if confident."""


def judge(mask: Features, settings: Segmentation) -> Verdict:
    """Judge a mask by confidence, size, coherence and faces.

    A mask with any fault is doubtful. It is none if nothing stands out or is left to generate, or
    if it is uncertain and scattered or covers nearly everything. One coherent part that fills much
    of the picture is doubtful, not none, if it nearly has the confidence: little of the picture is
    left to stand out from.
    """
    segmenter = settings.segmenter
    least, certain = segmenter.minimal_confidence, segmenter.confident_from
    share, confidence = mask.share, mask.confidence
    coherent = share >= settings.filling_share and mask.largest >= HALF
    enough = least * NEARLY if coherent else least
    if share < settings.minimal_share:
        return Verdict(
            "none",
            f"no subject: only {share:.1%} of the area was found (below minimal_share"
            f" {settings.minimal_share:.1%})",
        )
    if confidence < enough:
        return Verdict(
            "none",
            f"no subject: nothing stands out (confidence {confidence:.2f}, below"
            f" segmenter.minimal_confidence {least:g})",
        )
    faults = []
    if share > settings.maximal_share:
        faults.append(
            f"nearly everything is subject: {share:.1%} of the area (above maximal_share"
            f" {settings.maximal_share:.1%})"
        )
    if mask.parts >= settings.scattered_parts and mask.largest < HALF:
        faults.append(
            f"the subject is scattered: {mask.parts} parts (scattered_parts"
            f" {settings.scattered_parts}), of which the largest has {mask.largest:.0%}"
        )
    none = bool(faults) and (confidence < certain or share == 1)
    if confidence < min(certain, 1):
        faults.append(
            f"the segmenter is not sure (confidence {confidence:.2f}, below"
            f" segmenter.confident_from {certain:g})"
        )
    if share < settings.confident_share:
        faults.append(
            f"the subject is small: {share:.1%} of the area (below confident_share"
            f" {settings.confident_share:.1%})"
        )
    if mask.faces_left_out:
        faults.append(f"a face is left out: {', '.join(mask.faces_left_out)} (faces)")
    if not faults:
        return Verdict("confident")
    level: Level = "none" if none else "doubtful"
    return Verdict(level, f"{'no' if none else 'doubtful'} subject: {'; '.join(faults)}")


def judge_prediction(
    soft: NDArray[np.uint8],
    record: MaterializationRecord,
    painted: NDArray[np.bool_] | None,
    size: tuple[int, ...],
    settings: Segmentation,
) -> tuple[SubjectMask, Verdict]:
    """Clean up a recorded prediction and judge it.

    Args:
        soft: uint8, h×w, 0 to 255 = subject: the predicted mask.
        record: That of the predicted mask.
        painted: bool, H×W, where the paint is in a picture with a support; None without one.
        size: Height and width of the result.
        settings: What a mask is cleaned up and judged by.

    Returns:
        The mask, H×W, and what becomes of the painting unless a curator draws another.
    """
    subject = clean_up(soft, size, settings)
    if painted is not None:
        subject = SubjectMask.of(subject.mask, painted)
    if record.verdict is not None:
        return subject, Verdict("none", record.verdict)
    faces = read_faces(record.figures.get("faces", ()), size)
    found = Features(
        record.figures["confidence"],
        subject.share,
        subject.parts,
        subject.largest,
        tuple(left_out(faces, subject.mask)),
    )
    return subject, judge(found, settings)
