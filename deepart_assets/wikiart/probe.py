"""A linear probe: multinomial logistic regression on fixed features, and how far to trust it.

Belongs here: fitting, folds, cross-validation, calibration, on arrays. Does not belong here:
pictures, styles, tables (`predicted_styles`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.storage import sha256_of

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

PENALTIES = (0.1, 0.03, 0.01, 0.003, 0.001, 0.0003)
"""Strengths of the L2 penalty that are tried, from the strongest on."""

FOLDS = 5
STEPS = 1000
"""At most this many iterations of L-BFGS; it stops where no slope exceeds 1e-7."""


@dataclass(frozen=True)
class Probe:
    """A fitted probe. Class k is chosen with probability softmax(z·W + b)ₖ of the scaled z."""

    mean: Floats
    scale: Floats
    weights: Floats
    """D×K."""
    bias: Floats

    def probabilities(self, features: NDArray[Any]) -> Floats:
        """Return the probabilities of the classes: N×K of features N×D; rows sum to 1."""
        z = (np.asarray(features, dtype=np.float64) - self.mean) / self.scale
        return np.exp(_log_softmax(z @ self.weights + self.bias))


@dataclass(frozen=True)
class Validation:
    """What cross-validation found."""

    penalty: float
    """The one of `PENALTIES` with the least log loss on held-out rows."""
    probabilities: Floats
    """N×K: of each row, by the probe that was fitted without its fold."""


def fit(
    features: NDArray[Any],
    labels: Integers,
    classes: int,
    penalty: float,
    start: Probe | None = None,
) -> Probe:
    """Fit multinomial logistic regression with an L2 penalty (Hastie et al., ESL, section 4.4).

    Minimised is mean(-log p) + penalty/2 · ‖W‖² by L-BFGS from zero: the problem is strictly
    convex in W, so there is one solution. Features are standardised and divided by √D, so that a
    penalty means the same for any D; the bias is free. A class without a row gets the
    probability 0.

    Args:
        features: N×D, finite.
        labels: N numbers of classes below `classes`, at least one.
        classes: K.
        penalty: Greater than 0.
        start: A probe of the same rows to start from, such as that of a stronger penalty.
    """
    from scipy.optimize import minimize

    x = np.asarray(features, dtype=np.float64)
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    scale = np.where(deviation > 1e-9, deviation, 1.0) * np.sqrt(x.shape[1])
    z = (x - mean) / scale
    present = np.flatnonzero(np.bincount(labels, minlength=classes))
    truth = (labels[:, None] == present).astype(np.float64)
    columns, rows = z.shape[1], len(z)

    def loss(flat: Floats) -> tuple[float, Floats]:
        both = flat.reshape(columns + 1, len(present))
        weights = both[:-1]
        logs = _log_softmax(z @ weights + both[-1])
        error = (np.exp(logs) - truth) / rows
        slope = np.vstack([z.T @ error + penalty * weights, error.sum(axis=0)])
        value = -float((truth * logs).sum()) / rows + penalty / 2 * float((weights**2).sum())
        return value, slope.ravel()

    first = np.zeros((columns + 1, len(present)))
    if start is not None:
        first = np.vstack([start.weights, start.bias])[:, present]
    found = minimize(
        loss,
        first.ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": STEPS, "gtol": 1e-7, "ftol": 1e-14},
    )
    weights, bias = np.zeros((columns, classes)), np.full(classes, -np.inf)
    weights[:, present] = found.x.reshape(first.shape)[:-1]
    bias[present] = found.x.reshape(first.shape)[-1]
    return Probe(mean, scale, weights, bias)


def spread(labels: Integers, groups: Sequence[str], seed: int, folds: int = FOLDS) -> Integers:
    """Return each row's fold: stratified by class, no group on both sides.

    Greedy: the largest group first, each into the fold where the sum over classes of
    (rows of the class in the fold)² / (rows of the class) grows least; all rows together count as
    one more class, so no fold stays empty. There are as many folds as `folds`, as the smallest
    class has rows, or as there are groups, whichever is least.
    """
    names, members = np.unique(np.asarray(groups, dtype=object).astype(str), return_inverse=True)
    totals = np.bincount(labels)
    folds = min(folds, int(totals[totals > 0].min()), len(names))
    counts = np.zeros((len(names), len(totals) + 1))
    np.add.at(counts, (members, labels), 1)
    counts[:, -1] = counts.sum(axis=1)
    totals = np.append(totals, len(labels))
    order = sorted(
        range(len(names)),
        key=lambda group: (-counts[group, -1], sha256_of(f"{seed}:{names[group]}".encode())),
    )
    held = np.zeros((folds, len(totals)))
    fold_of = np.zeros(len(names), dtype=np.int64)
    for group in order:
        growth = (2 * held * counts[group] + counts[group] ** 2) / np.maximum(totals, 1)
        fold_of[group] = int(np.argmin(growth.sum(axis=1)))
        held[fold_of[group]] += counts[group]
    return fold_of[members]


def cross_validate(
    features: NDArray[Any],
    labels: Integers,
    classes: int,
    folds: Integers,
    penalties: Sequence[float] = PENALTIES,
) -> Validation:
    """Predict each fold by a probe fitted to the others, for each penalty, and choose the best.

    The log loss that chooses is taken over rows whose class the other folds know. The one number
    chosen on the same folds makes what is reported of them better by a trifle.
    """
    found = np.zeros((len(penalties), len(labels), classes))
    known = np.zeros(len(labels), dtype=bool)
    for fold in np.unique(folds):
        held = folds == fold
        known |= held & np.isin(labels, labels[~held])
        path = _path(features[~held], labels[~held], classes, penalties)
        for number, probe in enumerate(path):
            found[number, held] = probe.probabilities(features[held])
    given = np.take_along_axis(found, labels[None, :, None], axis=2)[..., 0]
    losses = -np.log(np.maximum(given, 1e-300))[:, known].mean(axis=1)
    best = int(np.argmin(losses))
    return Validation(penalties[best], found[best])


def calibration_error(confidence: Floats, right: NDArray[np.bool_], bins: int = 10) -> float:
    """Return the expected calibration error (Guo et al., ICML 2017, equation 3), in [0, 1].

    The mean over rows of |accuracy - mean confidence| in their bin of equal width.
    """
    number = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(number, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / max(len(confidence), 1))


def _path(
    features: NDArray[Any], labels: Integers, classes: int, penalties: Sequence[float]
) -> Iterator[Probe]:
    probe = None
    for penalty in penalties:
        probe = fit(features, labels, classes, penalty, probe)
        yield probe


def _log_softmax(scores: Floats) -> Floats:
    shifted = scores - scores.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
