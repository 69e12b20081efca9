"""Judges a predicted mask: confident, doubtful, or none; and measures how often that is right."""

import itertools
from collections.abc import Iterable, Sequence
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


def precision_coverage(
    labelled: Sequence[tuple[Features, bool]],
    settings: Segmentation,
    thresholds: Iterable[float] | None = None,
) -> list[dict[str, float]]:
    """Return what each choice of `segmenter.confident_from` would have called confident.

    Args:
        labelled: The features of masks, and whether an eye accepted each.
        settings: All other thresholds.
        thresholds: The choices; None: every confidence that occurs.

    Returns:
        A row for each, rising: the threshold; `coverage`, the share of all masks that is confident;
        `precision`, the share of those that was accepted (NaN if there are none); `recall`, the
        share of the accepted masks that is confident.
    """
    chosen = sorted({mask.confidence for mask, _ in labelled} if thresholds is None else thresholds)
    rows = []
    for threshold in chosen:
        segmenter = settings.segmenter.model_copy(update={"confident_from": threshold})
        tried = settings.model_copy(update={"segmenter": segmenter})
        confident = [right for mask, right in labelled if judge(mask, tried).level == "confident"]
        accepted = sum(right for _, right in labelled)
        rows.append(
            {
                "confident_from": threshold,
                "coverage": len(confident) / len(labelled),
                "precision": sum(confident) / len(confident) if confident else float("nan"),
                "recall": sum(confident) / accepted if accepted else float("nan"),
            }
        )
    return rows


def reliability(labelled: Sequence[tuple[Features, bool]], bins: int = 5) -> list[dict[str, float]]:
    """Return by confidence how many masks were accepted: rows of equally many masks, rising."""
    ordered = sorted(labelled, key=lambda each: each[0].confidence)
    cuts = [round(len(ordered) * each / bins) for each in range(bins + 1)]
    groups = [ordered[start:end] for start, end in itertools.pairwise(cuts)]
    return [
        {
            "masks": len(group),
            "from": group[0][0].confidence,
            "to": group[-1][0].confidence,
            "accepted": sum(right for _, right in group) / len(group),
        }
        for group in groups
        if group
    ]
