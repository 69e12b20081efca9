import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from deepart_assets.wikiart.probe import PENALTIES, calibration_error, cross_validate, fit, spread


def blobs(rows=60, columns=6, classes=3, apart=1.0, seed=0):
    random = np.random.default_rng(seed)
    labels = np.arange(rows) % classes
    centres = random.normal(size=(classes, columns)) * apart
    return centres[labels] + random.normal(size=(rows, columns)), labels


def log_loss(x, labels, weights, bias):
    """The definition, row by row."""
    scores = x @ weights + bias
    return -np.mean(
        [row[k] - np.log(np.exp(row).sum()) for row, k in zip(scores, labels, strict=True)]
    )


@pytest.mark.parametrize("penalty", [0.3, 0.01])
def test_the_fit_is_the_minimum_of_the_published_loss(penalty):
    features, labels = blobs()
    z = (features - features.mean(0)) / features.std(0) / np.sqrt(features.shape[1])

    def objective(flat):
        both = flat.reshape(7, 3)
        return log_loss(z, labels, both[:-1], both[-1]) + penalty / 2 * (both[:-1] ** 2).sum()

    # Another method, with slopes by differences, from another start.
    start = np.random.default_rng(1).normal(size=21)
    wanted = minimize(objective, start, method="BFGS", options={"gtol": 1e-7, "maxiter": 2000})
    probe = fit(features, labels, 3, penalty)
    assert objective(np.vstack([probe.weights, probe.bias]).ravel()) <= wanted.fun + 1e-9
    assert np.allclose(probe.weights, wanted.x.reshape(7, 3)[:-1], atol=1e-4)


def test_a_warm_start_leads_to_the_same_probe():
    features, labels = blobs(columns=80)
    cold = fit(features, labels, 3, 0.01)
    warm = fit(features, labels, 3, 0.01, start=fit(features, labels, 3, 0.3))
    assert np.allclose(cold.probabilities(features), warm.probabilities(features), atol=1e-5)


@given(st.integers(1, 20), st.integers(0, 10), st.floats(0.001, 10))
@settings(max_examples=25)
def test_units_do_not_matter(columns, seed, factor):
    features, labels = blobs(columns=columns, seed=seed)
    one = fit(features, labels, 3, 0.1).probabilities(features)
    other = fit(features * factor + 3, labels, 3, 0.1).probabilities(features * factor + 3)
    assert np.allclose(one, other, atol=1e-4)
    assert np.allclose(one.sum(axis=1), 1)


def test_a_class_without_rows_is_never_given_and_a_constant_column_is_harmless():
    features, labels = blobs(classes=2)
    features[:, 1] = 4
    probabilities = fit(features, labels * 2, 3, 0.1).probabilities(features)
    assert (probabilities[:, 1] == 0).all()
    assert np.isfinite(probabilities).all()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12)), min_size=2, max_size=60))
def test_no_group_is_on_both_sides(rows):
    labels = np.array([label for label, _ in rows])
    groups = [str(group) for _, group in rows]
    folds = spread(labels, groups, seed=0)
    assert {len(set(folds[np.array(groups) == group])) for group in groups} == {1}
    smallest = min(count for count in np.bincount(labels) if count)
    assert set(folds) == set(range(min(5, smallest, len(set(groups)))))
    assert (spread(labels, groups, seed=0) == folds).all()


@given(st.lists(st.integers(5, 30), min_size=2, max_size=4))
def test_without_groups_each_style_is_spread_evenly(sizes):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    folds = spread(labels, [str(n) for n in range(len(labels))], seed=3)
    for label, size in enumerate(sizes):
        counts = np.bincount(folds[labels == label], minlength=5)
        assert counts.min() >= size // 5 and counts.max() <= -(-size // 5)


def test_cross_validation_finds_what_there_is_and_nothing_where_there_is_nothing():
    features, labels = blobs(rows=150, columns=40, apart=0.8)
    rows = [str(n) for n in range(150)]
    found = cross_validate(features, labels, 3, spread(labels, rows, 0))
    assert (found.probabilities.argmax(1) == labels).mean() > 0.85

    noise = np.random.default_rng(1).normal(size=(150, 200))
    found = cross_validate(noise, labels, 3, spread(labels, rows, 0))
    assert (found.probabilities.argmax(1) == labels).mean() < 0.5  # chance is 1/3


def test_the_penalty_is_the_one_with_the_least_log_loss_on_held_out_rows():
    features, labels = blobs(rows=90, columns=60, apart=0.4)
    folds = spread(labels, [str(n) for n in range(90)], 0)
    losses = {}
    for penalty in PENALTIES:
        held = cross_validate(features, labels, 3, folds, [penalty]).probabilities
        losses[penalty] = -np.log(held[range(90), labels]).mean()
    assert cross_validate(features, labels, 3, folds).penalty == min(losses, key=losses.__getitem__)
    assert len({round(loss, 3) for loss in losses.values()}) > 3


def test_groups_unmask_what_recognises_them():
    """Features that tell the group and nothing of the class."""
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(30), 6)
    labels = groups % 3
    features = random.normal(size=(30, 50))[groups] + 0.1 * random.normal(size=(180, 50))
    accuracy = {}
    for name, keys in (("plain", np.arange(180)), ("grouped", groups)):
        folds = spread(labels, [str(key) for key in keys], 0)
        found = cross_validate(features, labels, 3, folds)
        accuracy[name] = (found.probabilities.argmax(1) == labels).mean()
    assert accuracy["plain"] > 0.95
    assert accuracy["grouped"] < 0.55


def test_calibration_error():
    confidence = np.array([0.95, 0.95, 0.65, 0.65])
    right = np.array([True, True, True, False])
    # |1 - 0.95|/2 + |0.5 - 0.65|/2
    assert calibration_error(confidence, right) == pytest.approx(0.1)
    assert calibration_error(np.ones(3), np.ones(3, dtype=bool)) == 0
    assert calibration_error(np.ones(3), np.zeros(3, dtype=bool)) == 1
