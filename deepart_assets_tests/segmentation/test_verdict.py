"""When a mask is confident, doubtful or none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepart_assets.segmentation import Features, judge
from deepart_assets.settings.segmentation import Segmentation
from deepart_assets.settings.segmenters import Saliency

SETTINGS = Segmentation(
    segmenter=Saliency(minimal_confidence=0.2, confident_from=0.6),
    minimal_share=0.02,
    confident_share=0.05,
    maximal_share=0.9,
)


@pytest.mark.parametrize(
    ("features", "level", "words"),
    [
        ((0.6, 0.05, 1, 1.0), "confident", []),  # the limits themselves are fine
        ((0.9, 0.9, 3, 0.4), "confident", []),
        ((0.9, 0.2, 9, 0.5), "confident", []),
        ((0.59, 0.2, 1, 1.0), "doubtful", ["not sure", "0.59", "confident_from 0.6"]),
        ((0.9, 0.04, 1, 1.0), "doubtful", ["small", "4.0%", "confident_share 5.0%"]),
        ((0.9, 0.2, 4, 0.4), "doubtful", ["scattered", "4 parts", "scattered_parts 4", "40%"]),
        ((0.9, 0.95, 1, 1.0), "doubtful", ["nearly everything", "95.0%", "maximal_share 90.0%"]),
        ((0.3, 0.2, 4, 0.4), "none", ["scattered", "not sure"]),
        ((0.3, 0.95, 1, 1.0), "none", ["nearly everything", "not sure"]),
        ((0.9, 1.0, 1, 1.0), "none", ["nearly everything"]),
        ((0.19, 0.2, 1, 1.0), "none", ["nothing stands out", "0.19", "minimal_confidence 0.2"]),
        ((0.19, 0.5, 1, 1.0), "doubtful", ["not sure"]),  # a figure that fills the picture
        ((0.15, 0.5, 1, 1.0), "none", ["nothing stands out"]),
        ((0.19, 0.5, 5, 0.3), "none", ["nothing stands out"]),
        ((0.0, 0.5, 1, 1.0), "none", ["nothing stands out"]),
        ((0.9, 0.01, 1, 1.0), "none", ["no subject", "1.0%", "minimal_share 2.0%"]),
        ((0.9, 0.0, 0, 0.0), "none", ["0.0%"]),
    ],
)
def test_levels_and_their_reasons(features, level, words):
    found = judge(Features(*features), SETTINGS)
    assert found.level == level
    assert (found.reason is None) == (level == "confident")
    assert all(word in (found.reason or "") for word in words), found.reason


def test_a_face_that_is_left_out_is_doubted_and_nothing_more():
    found = judge(Features(0.9, 0.2, 1, 1.0, ("upper left", "lower right")), SETTINGS)
    assert found.level == "doubtful"
    assert "a face is left out: upper left, lower right" in found.reason
    unsure = (0.3, 0.2, 1, 1.0)
    assert judge(Features(*unsure, ("centre",)), SETTINGS).level == "doubtful"
    nothing = (0.19, 0.2, 1, 1.0)
    assert judge(Features(*nothing, ("centre",)), SETTINGS) == judge(Features(*nothing), SETTINGS)


ORDER = ["none", "doubtful", "confident"]
unit = st.floats(0, 1)


@given(unit, unit, unit, st.integers(1, 12), unit)
def test_more_confidence_is_never_worse(first, second, share, parts, largest):
    low, high = (
        judge(Features(confidence, share, parts, largest), SETTINGS).level
        for confidence in sorted((first, second))
    )
    assert ORDER.index(low) <= ORDER.index(high)


@given(unit, unit, st.lists(st.integers(1, 12), min_size=2, max_size=2), unit)
def test_more_parts_are_never_better(confidence, share, parts, largest):
    few, many = (
        judge(Features(confidence, share, count, largest), SETTINGS).level
        for count in sorted(parts)
    )
    assert ORDER.index(many) <= ORDER.index(few)
