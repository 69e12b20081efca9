"""What is guaranteed of every outpainting, whatever the outpainter does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from deepart_assets.errors import PaintingError
from deepart_assets.outpainting import (
    Descriptor,
    outpaint,
    painting_seed,
    prompt_for,
    seam_score,
    subject_difference,
)


class Painter:
    """An outpainter whose result is given by a function of picture and mask."""

    descriptor = Descriptor("test", True, False)

    def __init__(self, paint):
        self.paint = paint
        self.seen = None

    def weights_hash(self):
        return None

    def __call__(self, requests):
        [one] = requests
        rest = one.prompt, one.negative_prompt, one.seed
        self.seen = one.picture.copy(), one.known.copy(), *rest
        return [self.paint(one.picture, one.known)]


def unfinished(known, seed=0):
    """RGBA with a colour under every pixel, also under the transparent ones."""
    colours = np.random.default_rng(seed).integers(0, 256, (*known.shape, 3), dtype=np.uint8)
    return np.dstack([colours, known.astype(np.uint8) * 255])


def noise(picture, known):
    return np.random.default_rng(9).integers(1, 256, picture.shape, dtype=np.uint8)


def disc(side=60, radius=15):
    rows, columns = np.mgrid[:side, :side] - side // 2
    return rows**2 + columns**2 < radius**2


masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=20))


@given(masks.filter(np.any), st.integers(0, 2**32 - 1))
def test_subject_pixels_stay_byte_identical(known, seed):
    painting = unfinished(known, seed)
    before = painting.copy()
    result = outpaint(Painter(noise), painting)
    assert result.dtype == np.uint8
    assert result.shape == (*known.shape, 3)
    assert np.array_equal(result[known], painting[known][:, :3])
    assert subject_difference(painting, result) == 0
    assert np.array_equal(painting, before)


def test_the_outpainter_never_sees_the_original():
    painter = Painter(noise)
    painting = unfinished(disc())
    outpaint(painter, painting, prompt="p", negative_prompt="n", seed=5)
    picture, known, *rest = painter.seen
    assert rest == ["p", "n", 5]
    assert not picture[~known].any()
    assert np.array_equal(picture[known], painting[known][:, :3])


def test_an_outpainter_that_scribbles_on_its_input_does_no_harm():
    def scribble(picture, known):
        result = noise(picture, known)
        picture[:] = 7
        known[:] = False
        return result

    painting = unfinished(disc())
    assert subject_difference(painting, outpaint(Painter(scribble), painting)) == 0


def test_only_a_few_generated_pixels_are_blended():
    from scipy.ndimage import distance_transform_edt

    known = disc()
    painted = noise(np.zeros((60, 60, 3)), known)
    result = outpaint(Painter(lambda picture, mask: painted), unfinished(known))
    far = distance_transform_edt(~known) > 8
    assert np.array_equal(result[far], painted[far])
    assert not np.array_equal(result[~known], painted[~known])


def test_blending_softens_a_hard_seam():
    known = disc()
    painting = unfinished(known)
    painting[..., :3] = 200
    painted = np.full((60, 60, 3), 90, np.uint8)
    painted[0, 0] = 91
    result = outpaint(Painter(lambda picture, mask: painted), painting)
    pasted = np.where(known[..., None], painting[..., :3], 90).astype(np.uint8)
    assert seam_score(painting, result) < 0.7 * seam_score(painting, pasted)


@pytest.mark.parametrize("shift", [(-16, 14, -15), (9, 9, 9), (0, 0, 0)])
def test_colours_are_matched_where_the_generator_drew_the_subject_off(shift):
    """As the original notebook's Stable Diffusion did, by 14 to 17 grey levels."""
    from scipy.ndimage import distance_transform_edt

    known = disc(160, 30)
    rows = np.mgrid[:160, :160][0]
    true = np.repeat((60 + rows[..., None] * 0.6), 3, axis=2)
    painting = np.dstack([true, known * 255.0]).astype(np.uint8)
    drawn = np.clip(true + shift, 0, 255).astype(np.uint8)
    result = outpaint(Painter(lambda picture, mask: drawn), painting)
    depth = distance_transform_edt(~known)
    error = np.abs(result.astype(float) - true)
    near, far = (depth > 0) & (depth < 8), depth > 72
    assert error[near].mean() < 0.3 * max(3, np.abs(shift).mean())
    assert np.array_equal(result[far], drawn[far])


def test_a_generator_that_did_not_draw_the_subject_shifts_nothing():
    known = disc(160, 30)
    painting = unfinished(known)
    painted = np.full((160, 160, 3), 120, np.uint8)
    painted[0, 0] = 121
    result = outpaint(Painter(lambda picture, mask: painted), painting)
    rows, columns = np.mgrid[:160, :160] - 80
    beyond = rows**2 + columns**2 > 36**2
    assert np.abs(result[beyond].astype(int) - painted[beyond]).max() <= 1


def test_all_known_is_returned_as_it_is():
    painter = Painter(noise)
    painting = unfinished(np.ones((5, 7), bool))
    assert np.array_equal(outpaint(painter, painting), painting[..., :3])
    assert painter.seen is None


@pytest.mark.parametrize(
    ("known", "paint", "words"),
    [
        (np.zeros((6, 6), bool), noise, "no subject"),
        (disc(), lambda picture, mask: picture, "black"),  # the hole is untouched
        (disc(), lambda picture, mask: np.zeros_like(picture), "black"),
        (disc(), lambda picture, mask: np.full_like(picture, 120), "one colour"),
        (disc(), lambda picture, mask: noise(picture, mask)[:-1], "59"),
    ],
)
def test_faults_are_found(known, paint, words):
    with pytest.raises(PaintingError, match=words):
        outpaint(Painter(paint), unfinished(known))


def test_what_has_no_weights_is_not_told_to_mend_them():
    painter = Painter(lambda picture, mask: picture)
    with pytest.raises(PaintingError, match="its weights are broken, or half precision"):
        outpaint(painter, unfinished(disc()))
    painter.descriptor = Descriptor("telea", False, False)
    with pytest.raises(PaintingError, match=r"telea left 100% .* black: take the result"):
        outpaint(painter, unfinished(disc()))


@pytest.mark.parametrize("change", [1, 2, 200])
def test_difference_is_the_largest_inside_the_subject(change):
    painting = unfinished(disc())
    painting[..., :3] = 30
    result = painting[..., :3].copy()
    result[0, 0] = 255  # outside
    result[30, 30, 1] += change
    result[31, 31, 2] -= 1
    assert subject_difference(painting, result) == change


def test_seam_score_of_a_flat_and_of_a_cut_out_picture():
    painting = unfinished(disc())
    flat = np.full((60, 60, 3), 100, np.uint8)
    assert seam_score(painting, flat) == pytest.approx(1)
    grain = np.random.default_rng(0).integers(90, 110, (60, 60, 3), dtype=np.uint8)
    assert seam_score(painting, grain) == pytest.approx(1, abs=0.15)
    grain[~disc()] -= 60
    assert seam_score(painting, grain) > 5


# --- seeds and prompts ---------------------------------------------------------------------------


@given(st.integers(), st.text(), st.text())
def test_seeds_are_stable_and_fit_32_bits(seed, painting, outpainter):
    first = painting_seed(seed, painting, outpainter)
    assert 0 <= first < 2**32
    assert first == painting_seed(seed, painting, outpainter)


def test_each_argument_changes_the_seed():
    seeds = {
        painting_seed(seed, painting, outpainter, candidate)
        for seed in range(5)
        for painting in ("a", "b", "ab")
        for outpainter in ("telea", "patchmatch")
        for candidate in range(3)
    }
    assert len(seeds) == 90


def test_a_seed_never_changes_between_versions():
    import hashlib

    digest = hashlib.sha256(b"0\n436543\ntelea").digest()
    assert painting_seed(0, "436543", "telea") == int.from_bytes(digest[:4], "big") // 2


LABELS = {"style": "Realism", "artist": "Goya", "title": "A {curly} title", "genre": ""}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("a {genre} painting, {title}", "a painting, A {curly} title"),
        ("a painting[ in {style} style][ of {genre}]", "a painting in Realism style"),
        ("[{genre}, ][{title}] by {artist}", "A {curly} title by Goya"),
        ("[{style} and {genre}] always [this]", "always this"),
        ("{style}[]", "Realism"),
    ],
)
def test_prompts_are_filled_in_and_leave_out_what_is_not_known(template, expected):
    assert prompt_for(template, LABELS) == expected


@pytest.mark.parametrize(
    "template", ["{mood}", "{style", "{0}", "[{mood}]", "{style.__class__}{x}"]
)
def test_a_wrong_template_is_explained(template):
    with pytest.raises(PaintingError, match=r"restoration\.prompt.*\{style\}"):
        prompt_for(template, LABELS)
