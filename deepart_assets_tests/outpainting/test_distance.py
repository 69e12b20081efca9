"""The kernel distance, against Equation 4 of the paper, and on real paintings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from deepart_assets.imaging import decode_rgb
from deepart_assets.outpainting.distance import (
    SIDE,
    KernelDistance,
    kernel_distance,
    spread,
    windows,
)
from deepart_assets.settings.places import PROJECT

PAINTINGS = PROJECT / "data" / "sample" / "paintings"


def by_definition(x, y):
    """Equation 4 of Bińkowski et al. 2018, one pair at a time."""

    def k(a, b):
        return (float(np.dot(a, b)) / len(a) + 1) ** 3

    m, n = len(x), len(y)
    first = sum(k(x[i], x[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    second = sum(k(y[i], y[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    return first + second - 2 * sum(k(a, b) for a in x for b in y) / (m * n)


values = st.floats(-3, 3, width=32)


@given(arrays(np.float64, (4, 3), elements=values), arrays(np.float64, (5, 3), elements=values))
def test_distance_follows_the_definition(x, y):
    assert kernel_distance(x, y) == pytest.approx(by_definition(x, y), abs=1e-8)
    assert kernel_distance(x, y) == pytest.approx(kernel_distance(y, x), abs=1e-9)


def test_samples_of_one_distribution_are_near_and_others_farther():
    random = np.random.default_rng(0)
    draws = [random.normal(0, 1, (300, 8)) for _ in range(2)]
    shifted = random.normal(0.5, 1, (300, 8))
    assert abs(kernel_distance(*draws)) < 0.05 < kernel_distance(draws[0], shifted)


@given(st.integers(1, 900), st.integers(1, 900))
def test_windows_cover_a_picture_of_any_size(height, width):
    squares = windows(np.zeros((height, width, 3), np.uint8))
    assert squares.shape == (6, SIDE, SIDE, 3)


def test_windows_reach_all_four_corners():
    picture = np.zeros((392, 500, 3), np.uint8)
    picture[0, 0] = picture[0, -1] = picture[-1, 0] = picture[-1, -1] = 255
    squares = windows(picture)
    assert sum(int((square == 255).all(axis=2).sum()) for square in squares) == 4


@pytest.fixture(scope="module")
def paintings():
    files = sorted(PAINTINGS.glob("*.jpg"))[:8]
    return [decode_rgb(file.read_bytes(), file.name) for file in files]


@pytest.mark.slow
def test_paintings_are_nearer_to_paintings_than_noise_or_smears(paintings):
    import cv2

    distance = KernelDistance()
    half, other = distance.features(paintings[:4]), distance.features(paintings[4:])
    smears = [cv2.GaussianBlur(picture, (0, 0), 12) for picture in paintings[:4]]
    random = np.random.default_rng(0)
    noise = [random.integers(0, 256, each.shape, dtype=np.uint8) for each in paintings[:4]]
    real = kernel_distance(half, other)
    assert kernel_distance(distance.features(smears), other) > 2 * abs(real)
    assert kernel_distance(distance.features(noise), other) > 2 * abs(real)
    groups = [number // 6 for number in range(len(half))]
    assert 0 < spread(half, other, groups) < 10 * abs(real) + 1
    assert spread(half, other, groups) == spread(half, other, groups)
