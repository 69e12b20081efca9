"""Telea and PatchMatch on pictures whose continuation is known, and on awkward masks."""

import subprocess
import sys
import time

import numpy as np
import pytest

from deepart_assets.outpainting import Request, build_outpainter, outpaint, subject_difference
from deepart_assets.outpainting.patchmatch import fill
from deepart_assets.outpainting.reduced import reduce
from deepart_assets.settings.outpainting import PatchMatch, Telea
from deepart_assets.work import in_parallel

TELEA = Telea(kind="telea")
PATCHMATCH = PatchMatch(kind="patchmatch")
BOTH = pytest.mark.parametrize("settings", [TELEA, PATCHMATCH], ids=["telea", "patchmatch"])


def texture(height, width, seed=0):
    random = np.random.default_rng(seed)
    grain = random.normal(0, 12, (height, width, 1))
    return np.clip((120, 90, 60) + grain, 0, 255).astype(np.uint8)


def masks(height, width):
    rows, columns = np.mgrid[:height, :width]
    centre = (rows - height / 2) ** 2 + (columns - width / 2) ** 2
    thin = np.zeros((height, width), bool)
    thin[height // 2, width // 4 : width // 2] = True
    point = np.zeros((height, width), bool)
    point[height // 3, width // 3] = True
    one_hole = np.ones((height, width), bool)
    one_hole[0, 0] = False
    return {
        "away from the borders": centre < (min(height, width) / 5) ** 2,
        "at a border": columns < width // 4,
        "thin": thin,
        "one pixel": point,
        "one hole": one_hole,
    }


@BOTH
@pytest.mark.parametrize("size", [(64, 64), (64, 91), (130, 75)])
@pytest.mark.parametrize("name", list(masks(64, 64)))
def test_awkward_masks_are_filled(settings, size, name):
    known = masks(*size)[name]
    unfinished = np.dstack([texture(*size), known.astype(np.uint8) * 255])
    result = outpaint(build_outpainter(settings), unfinished, seed=1)
    assert subject_difference(unfinished, result) == 0
    # Everything is made of the subject's brown: nothing black or white is left.
    assert result[~known].min() > 20
    assert result[~known].max() < 200


@BOTH
def test_all_known_gives_the_picture_back(settings):
    unfinished = np.dstack([texture(64, 64), np.full((64, 64), 255, np.uint8)])
    assert np.array_equal(outpaint(build_outpainter(settings), unfinished), unfinished[..., :3])


@BOTH
def test_same_seed_same_bytes(settings):
    picture = np.random.default_rng(2).integers(0, 256, (96, 80, 3), dtype=np.uint8)
    known = masks(96, 80)["away from the borders"]
    arguments = (np.where(known[..., None], picture, 0).astype(np.uint8), known)

    def run(seed):
        painter = build_outpainter(settings)
        return painter([Request(*arguments, seed=seed)])[0]

    first = run(4)
    run(5)
    assert first.tobytes() == run(4).tobytes()


def test_patchmatch_uses_its_seed():
    picture = np.random.default_rng(2).integers(0, 256, (96, 80, 3), dtype=np.uint8)
    known = masks(96, 80)["away from the borders"]
    painter = build_outpainter(PATCHMATCH)
    results = {
        painter([Request(picture * known[..., None], known, seed=seed)])[0].tobytes()
        for seed in range(3)
    }
    assert len(results) > 1


class Native:
    """PyPatchMatch as threads see it: one seed for all, read when the filling begins."""

    def __init__(self):
        self.seed, self.inside, self.most = None, 0, 0

    def set_random_seed(self, seed):
        self.seed = seed

    def inpaint(self, picture, hole, patch_size):
        self.inside += 1
        self.most = max(self.most, self.inside)
        time.sleep(0.01)
        self.inside -= 1
        return np.full_like(picture, self.seed)


@pytest.mark.parametrize(("seeds", "together"), [(range(12), 1), ([7] * 12, 3)])
def test_patchmatch_fills_with_one_seed_at_a_time(seeds, together):
    native, picture = Native(), np.zeros((2, 2, 3), np.uint8)

    def filled(seed):
        return fill(native, picture, np.ones((2, 2), bool), patch=1, seed=seed)[0, 0, 0]

    assert list(in_parallel(filled, seeds, 3)) == list(seeds)
    assert native.most == together


def test_telea_continues_colours_where_they_are():
    picture = np.zeros((128, 128, 3), np.uint8)
    picture[:64] = (200, 60, 40)
    picture[64:] = (40, 60, 200)
    known = np.zeros((128, 128), bool)
    known[:, 48:80] = True
    painter = build_outpainter(TELEA)
    result = painter([Request(picture * known[..., None], known)])[0]
    assert np.abs(result[8, 8].astype(int) - (200, 60, 40)).max() < 25
    assert np.abs(result[120, 120].astype(int) - (40, 60, 200)).max() < 25


def test_patchmatch_repeats_a_pattern():
    stripes = np.zeros((128, 128, 3), np.uint8)
    stripes[:, np.arange(128) // 8 % 2 == 0] = (220, 200, 120)
    stripes[:, np.arange(128) // 8 % 2 == 1] = (40, 50, 90)
    known = np.ones((128, 128), bool)
    known[52:76, 52:76] = False
    painter = build_outpainter(PATCHMATCH)
    result = painter([Request(stripes * known[..., None], known)])[0]
    difference = np.abs(result[~known].astype(int) - stripes[~known])
    assert difference.mean() < 15  # a constant colour would differ by about 70


@pytest.mark.parametrize("scale", [0.1, 0.25, 0.5, 1.0])
def test_reduction_averages_known_pixels_only(scale):
    known = masks(90, 70)["away from the borders"]
    picture = np.where(known[..., None], (200, 100, 50), 0).astype(np.uint8)
    small, small_known = reduce(picture, known, scale)
    assert small_known.any()
    assert not small[~small_known].any()
    assert (np.abs(small[small_known].astype(int) - (200, 100, 50)) <= 1).all()


def test_classical_methods_have_no_weights():
    assert build_outpainter(TELEA).weights_hash() is None
    assert build_outpainter(PATCHMATCH).weights_hash() is None


def test_building_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from deepart_assets.outpainting import build_outpainter\n"
        "from deepart_assets.settings.outpainting import *\n"
        "build_outpainter(Telea(kind='telea'))\n"
        "build_outpainter(PatchMatch(kind='patchmatch'))\n"
        "build_outpainter(StableDiffusion(kind='stable_diffusion')).descriptor\n"
        "build_outpainter(ArtificiallyInspired(kind='artificially_inspired',"
        "  weights={'kind': 'bundled', 'name': 'a'})).descriptor\n"
        "print(*({'torch', 'cv2', 'diffusers', 'patchmatch', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
