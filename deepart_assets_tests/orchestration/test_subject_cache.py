"""The enlarged subjects that all outpainters' results share."""

import errno
import os

import numpy as np
import pytest

from deepart_assets.assets import subject_cache
from deepart_assets.imaging import resize
from deepart_assets.settings.super_resolution import Upscaling
from deepart_assets.super_resolution.upscaling.subject import enlarged_subject


class Network:
    """Enlarges parts by cubic interpolation, and counts the pixels."""

    asked = 0

    def __call__(self, picture, parts):
        whole = resize(picture, 4 * picture.shape[0], 4 * picture.shape[1])
        made = np.zeros_like(whole)
        for rows, columns in parts:
            self.asked += (rows.stop - rows.start) * (columns.stop - columns.start)
            part = slice(4 * rows.start, 4 * rows.stop), slice(4 * columns.start, 4 * columns.stop)
            made[part] = whole[part]
        return made


SETTINGS = Upscaling(overlap=2)
SIZE = (320, 480)
ORIGINAL = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)


def subject(*span):
    mask = np.zeros(ORIGINAL.shape[:2], np.uint8)
    mask[20:120, slice(*span)] = 255
    return mask


@pytest.fixture
def ask(monkeypatch, tmp_path):
    monkeypatch.setattr(subject_cache, "cache_folder", lambda: tmp_path)
    network = Network()

    def of(key="one", mask=None, original=ORIGINAL):
        mask = subject(20, 50) if mask is None else mask
        made = subject_cache.subject_at_size(
            original, mask, SIZE, lambda: network, settings=SETTINGS, key={"original": key}
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


def test_another_mask_asks_for_what_is_new_in_it_alone(ask):
    _, small = ask()
    assert 0 < small < 40_000, "the network is not asked for the whole picture"
    assert ask(mask=subject(22, 48))[1] == small
    wider, larger = ask(mask=subject(20, 100))
    assert small < larger < 2.5 * small
    anew, _ = ask("another", mask=subject(20, 100))
    assert np.array_equal(wider, anew), "what is kept depends on no earlier mask"


def test_the_subject_is_in_its_place_and_all_of_it_the_networks(ask):
    mask = subject(20, 50)
    made, _ = ask(mask=mask)
    inside = enlarged_subject(mask, SIZE)
    whole = resize(resize(ORIGINAL, 800, 1200), *SIZE)
    assert np.array_equal(made[inside], whole[inside])


def test_the_network_is_not_asked_where_it_is_not_needed(ask):
    larger = np.random.default_rng(1).integers(0, 256, (400, 600, 3), dtype=np.uint8)
    mask = np.full((400, 600), 255, np.uint8)
    made, asked = ask(mask=mask, original=larger)
    assert asked == 0 and np.array_equal(made, resize(larger, *SIZE))
    made, asked = ask(mask=subject(0, 0))
    assert asked == 0 and np.array_equal(made, resize(ORIGINAL, *SIZE))


def test_what_is_black_in_the_original_is_not_enlarged_at_each_call(ask):
    dark = ORIGINAL.copy()
    dark[:, 40:] = 0
    first, once = ask(mask=subject(20, 200), original=dark)
    second, asked = ask(mask=subject(20, 200), original=dark)
    assert asked == once > 0 and np.array_equal(first, second)


def test_a_damaged_file_is_made_again(ask):
    first, once = ask()
    [file] = ask.folder.glob("*.png")
    file.write_bytes(file.read_bytes()[:40])
    second, asked = ask()
    assert asked > once and np.array_equal(first, second)
    assert np.array_equal(ask()[0], first) and ask()[1] == asked


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_cache_that_cannot_be_written_to_costs_no_result(ask, monkeypatch, caplog, number):
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(number, "no disk")))
        first, once = ask()
    assert "is not kept" in caplog.text and not list(ask.folder.glob("*.png"))
    second, asked = ask()
    assert asked == 2 * once and np.array_equal(first, second)


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
