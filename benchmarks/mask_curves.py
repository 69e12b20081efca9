"""The curves that a verdict's thresholds are chosen by, on masks that an eye has judged."""

import itertools
from collections.abc import Iterable, Sequence

from deepart_assets.segmentation import Features, judge
from deepart_assets.settings.segmentation import Segmentation


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
