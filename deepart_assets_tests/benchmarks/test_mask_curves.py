"""The curves that a verdict's thresholds are chosen by."""

import math
import subprocess
import sys

from benchmarks.mask_curves import precision_coverage, reliability
from deepart_assets.segmentation import Features
from deepart_assets.settings.places import PROJECT
from deepart_assets.settings.segmentation import Segmentation
from deepart_assets.settings.segmenters import Saliency

SETTINGS = Segmentation(segmenter=Saliency(minimal_confidence=0.2, confident_from=0.6))


def labelled(*pairs):
    return [(Features(confidence, 0.3, 1, 1.0), right) for confidence, right in pairs]


def test_a_higher_threshold_trades_coverage_for_precision():
    pairs = labelled((0.3, False), (0.5, True), (0.7, False), (0.9, True))
    rows = precision_coverage(pairs, SETTINGS)
    assert [row["confident_from"] for row in rows] == [0.3, 0.5, 0.7, 0.9]
    assert [row["coverage"] for row in rows] == [1, 0.75, 0.5, 0.25]
    assert [row["precision"] for row in rows] == [0.5, 2 / 3, 0.5, 1]
    assert [row["recall"] for row in rows] == [1, 1, 0.5, 0.5]
    [row] = precision_coverage(pairs, SETTINGS, [0.95])
    assert row["coverage"] == 0 and math.isnan(row["precision"])


def test_reliability_has_equally_many_masks_a_row():
    pairs = labelled((0.9, True), (0.1, False), (0.3, True), (0.2, False))
    assert reliability(pairs, bins=2) == [
        {"masks": 2, "from": 0.1, "to": 0.2, "accepted": 0},
        {"masks": 2, "from": 0.3, "to": 0.9, "accepted": 1},
    ]


def test_without_pictures_the_benchmark_says_what_it_needs():
    command = [sys.executable, PROJECT / "benchmarks/mask_labels.py", "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1 and "needs the pictures" in done.stdout
