"""A style for paintings that have none, predicted from what a network sees of them.

Belongs here: which paintings to learn from, learning, and the figures that tell how far to trust
it. Does not belong here: the network (`features`), the classifier (`probe`), filling the styles in
(`styles`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.names import name_key
from deepart_assets.settings.wikiart import PredictedStyles
from deepart_assets.storage import sha256_of
from deepart_assets.wikiart.labels import artist_key, spellings
from deepart_assets.wikiart.probe import Integers, calibration_error, cross_validate, fit, spread

if TYPE_CHECKING:
    import pandas

FEWEST = 5
"""A style with fewer labelled paintings is not learned: each fold should have one."""

FeaturesOf = Callable[[Mapping[str, str]], Mapping[str, NDArray[np.float16]]]
"""Returns the features by sha256 of paintings given as file by sha256; unreadable ones lack."""


@dataclass(frozen=True)
class Prediction:
    """The styles given, and what is known of their worth."""

    styles: "pandas.DataFrame"
    """Columns id, style, confidence (float64, in [0, 1]); sorted by id."""
    figures: dict[str, Any]
    """Plain JSON."""
    by_style: list[dict[str, Any]] = field(default_factory=list)
    """A row for each style that was learned: how it fared in cross-validation."""


def predict_styles(
    catalogue: "pandas.DataFrame", choice: PredictedStyles, features_of: FeaturesOf
) -> Prediction:
    """Predict the style of the "ok" paintings without one; never fails for lack of labels.

    The figures are: `predicted` and `left_without` (paintings without a style that got one and that
    did not); `learned_from` (paintings), `styles`; `accuracy`, the share of held-out paintings that
    are given their style, with no artist on both sides; `accuracy_known_artists`, the same in plain
    stratified folds, where the probe may recognise artists; `chance`, the share of the most
    frequent style; `confidence`, the mean over held-out paintings, and `calibration_error`; of
    held-out paintings `given_share` reach the minimal confidence, and of these `given_accuracy` are
    right. `note` says what else matters. Styles are as frequent in what is learned from as
    `per_style` lets them be, which need not be how frequent they are among the unlabelled.
    """
    usable = catalogue[catalogue["status"] == "ok"].sort_values("id", kind="stable")
    keys = usable["style"].map({name: name_key(name) for name in usable["style"].unique()})
    unlabelled, labelled = usable[keys == ""], usable.assign(key=keys)[keys != ""]
    if unlabelled.empty:
        return _none(0, "no painting lacks a style")
    counts = labelled["key"].value_counts()
    learned = sorted(counts[counts >= FEWEST].index)
    if len(learned) < 2:
        return _none(
            len(unlabelled), f"fewer than two styles have {FEWEST} labelled paintings to learn from"
        )
    teachers = _chosen(labelled[labelled["key"].isin(learned)], choice)
    both = [*zip(teachers["sha256"], teachers["file"], strict=True)]
    both += zip(unlabelled["sha256"], unlabelled["file"], strict=True)
    seen = features_of(dict(both))

    teachers = teachers[teachers["sha256"].isin(seen)]
    counts = teachers["key"].value_counts()
    lost = [key for key in learned if counts.get(key, 0) < FEWEST]
    learned = [key for key in learned if key not in lost]
    teachers = teachers[teachers["key"].isin(learned)]
    if len(learned) < 2:
        return _none(len(unlabelled), "too few labelled paintings can be read")
    features = np.stack([seen[key] for key in teachers["sha256"]])
    labels = np.searchsorted(learned, teachers["key"].to_numpy(dtype=str)).astype(np.int64)
    names = spellings(labelled["style"])
    trial = _Trial.of(features, labels, teachers, [names[key] for key in learned], choice)

    probe = fit(features, labels, len(learned), trial.penalty)
    readable = unlabelled[unlabelled["sha256"].isin(seen)]
    styles = _given(readable, seen, probe.probabilities, trial.names, choice.minimal_confidence)
    figures = {
        "predicted": len(styles),
        "left_without": len(unlabelled) - len(styles),
        "learned_from": len(labels),
        "styles": len(learned),
        **trial.figures,
        "note": trial.note,
    }
    return Prediction(styles, figures, trial.by_style)


def _none(left: int, note: str) -> Prediction:
    figures = {"predicted": 0, "left_without": left, "note": f"nothing predicted: {note}"}
    return Prediction(_table([]), figures)


def _table(rows: list[tuple[str, str, float]]) -> "pandas.DataFrame":
    import pandas as pd

    table = pd.DataFrame(rows, columns=["id", "style", "confidence"])
    return table.astype({"id": "str", "style": "str", "confidence": "float64"})


def _chosen(labelled: "pandas.DataFrame", choice: PredictedStyles) -> "pandas.DataFrame":
    """Return at most `per_style` rows of each style: those whose hash comes first.

    A painting that is added displaces one of its style at most.
    """
    order = labelled["sha256"].map(lambda key: sha256_of(f"{choice.seed}:{key}".encode()))
    ranked = labelled.assign(order=order).sort_values(["order", "id"])
    return ranked.groupby("key").head(choice.per_style).sort_values("id").drop(columns="order")


def _given(
    unlabelled: "pandas.DataFrame",
    seen: Mapping[str, NDArray[np.float16]],
    probabilities: Callable[[NDArray[Any]], NDArray[np.float64]],
    names: Sequence[str],
    minimal: float,
) -> "pandas.DataFrame":
    if unlabelled.empty:
        return _table([])
    likely = probabilities(np.stack([seen[key] for key in unlabelled["sha256"]]))
    best, confidence = likely.argmax(axis=1), likely.max(axis=1)
    rows = zip(unlabelled["id"], best, confidence, strict=True)
    return _table([(key, names[n], round(float(p), 6)) for key, n, p in rows if p >= minimal])


@dataclass(frozen=True)
class _Trial:
    """The probe tried on paintings that it has not seen."""

    names: list[str]
    penalty: float
    figures: dict[str, Any]
    by_style: list[dict[str, Any]]
    note: str

    @classmethod
    def of(
        cls,
        features: NDArray[Any],
        labels: Integers,
        teachers: "pandas.DataFrame",
        names: list[str],
        choice: PredictedStyles,
    ) -> "_Trial":
        single = [str(key) for key in teachers["sha256"]]
        # A painting of an unknown artist is a group of its own.
        artists = [
            artist_key(name) or key for name, key in zip(teachers["artist"], single, strict=True)
        ]
        by_artist = spread(labels, artists, choice.seed)
        plain = spread(labels, single, choice.seed)
        grouped = int(by_artist.max()) > 0
        folds = by_artist if grouped else plain
        held = cross_validate(features, labels, len(names), folds)
        ungrouped = cross_validate(features, labels, len(names), plain, [held.penalty])

        best = held.probabilities.argmax(axis=1)
        confidence = held.probabilities.max(axis=1)
        right = best == labels
        sure = confidence >= choice.minimal_confidence
        totals = np.bincount(labels, minlength=len(names))
        figures = {
            "accuracy": float(right.mean()) if grouped else None,
            "accuracy_known_artists": float(
                (ungrouped.probabilities.argmax(axis=1) == labels).mean()
            ),
            "chance": float(totals.max() / totals.sum()),
            "confidence": float(confidence.mean()),
            "calibration_error": calibration_error(confidence, right),
            "given_share": float(sure.mean()),
            "given_accuracy": float(right[sure].mean()) if sure.any() else None,
            "folds": int(folds.max()) + 1,
            "penalty": held.penalty,
        }
        by_style, alone = [], []
        for number, name in enumerate(names):
            is_it = labels == number
            painters = len({artists[row] for row in np.flatnonzero(is_it)})
            taken = np.bincount(best[is_it & ~right], minlength=len(names))
            by_style.append(
                {
                    "name": name,
                    "paintings": int(totals[number]),
                    "artists": painters,
                    "right": int((is_it & right).sum()),
                    "wrong": int((is_it & ~right).sum()),
                    "recall": float(right[is_it].mean()),
                    "precision": float(right[best == number].mean())
                    if (best == number).any()
                    else None,
                    "taken_for": names[int(taken.argmax())] if taken.any() else "",
                }
            )
            if painters == 1:
                alone.append(name)
        notes = []
        if not grouped:
            notes.append("all are by one artist: the accuracy is that of known artists only")
        elif alone:
            notes.append(
                f"of one artist only, so wrong throughout in the accuracy: {', '.join(alone)}"
            )
        return cls(names, held.penalty, figures, by_style, "; ".join(notes))
