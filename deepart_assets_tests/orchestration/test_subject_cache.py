"""The enlarged subjects that all outpainters' results share."""

import os

import numpy as np
import pytest

from deepart_assets.assets import subject_cache
from deepart_assets.imaging import resize


class Network:
    """Enlarges by cubic interpolation, and counts how often it is asked."""

    asked = 0

    def __call__(self, picture):
        self.asked += 1
        return resize(picture, 4 * picture.shape[0], 4 * picture.shape[1])


@pytest.fixture
def ask(monkeypatch, tmp_path):
    monkeypatch.setattr(subject_cache, "cache_folder", lambda: tmp_path)
    network = Network()
    original = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    mask = np.full((40, 30), 255, np.uint8)

    def of(key="one"):
        made = subject_cache.subject_at_size(
            original, mask, (80, 60), lambda: network, {"original": key}
        )
        return made, network.asked

    of.folder = tmp_path / "enlarged_subjects"
    return of


def test_the_network_is_asked_once_for_a_subject(ask):
    first, once = ask()
    second, asked = ask()
    assert asked == once > 0
    assert np.array_equal(first, second)
    assert ask("another")[1] > once


def test_a_damaged_file_is_made_again(ask):
    first, once = ask()
    [file] = ask.folder.glob("*.png")
    file.write_bytes(file.read_bytes()[:40])
    second, asked = ask()
    assert asked > once and np.array_equal(first, second)
    assert np.array_equal(ask()[0], first) and ask()[1] == asked


def test_the_oldest_go_first(ask, monkeypatch):
    monkeypatch.setattr(subject_cache, "MOST", 2)
    kept = set()
    for age, key in enumerate("abc"):
        ask(key)
        [new] = set(ask.folder.glob("*.png")) - kept
        os.utime(new, (age, age))
        kept = set(ask.folder.glob("*.png"))
    assert len(kept) == 2
    asked = ask("c")[1]
    assert ask("a")[1] > asked
