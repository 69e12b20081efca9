import numpy as np
import pytest

from deepart_assets.imaging import resize
from deepart_assets.outpainting import GroundTone, composed, subject_difference
from deepart_assets.outpainting.scene_completion import SceneCompletionOutpainter
from deepart_assets.outpainting.scene_completion.colours import colour_map
from deepart_assets.outpainting.scene_completion.composition import finish, lay
from deepart_assets.outpainting.tone import lab_of
from deepart_assets_tests.outpainting.scene_completion.drawn import choice, ground, oval, paint

ORIGINAL = paint(11, 256, 200)
"""The lender's picture at its largest size."""
SMALL = resize(ORIGINAL, 128, 100)
MASK = oval(128, 100, radii=(0.3, 0.2))
COLOURS = {"gain": (0.9, 1.1, 1), "shift": (6, -3, 4)}
PICTURE = np.where(MASK[..., None], paint(12, 128, 100), np.uint8(0))


def rendered(times=1, **placement):
    lender = ground("g", picture=SMALL, mask=oval(128, 100, centre=(0.6, 0.55), radii=(0.2, 0.2)))
    known = np.kron(MASK, np.ones((times, times), bool))
    picture = np.kron(PICTURE, np.ones((times, times, 1), np.uint8))
    chosen = choice(**COLOURS, **({"offset": (0.02, 0.04), "flip": True} | placement))
    laid = lay(resize(ORIGINAL, 128 * times, 100 * times), lender, known, chosen)
    return finish(laid, picture, known, chosen), picture, known


def test_the_subject_is_unchanged_byte_for_byte():
    result, picture, known = rendered()
    unfinished = np.dstack([picture, known * np.uint8(255)])
    joined = composed(result, unfinished, SceneCompletionOutpainter.descriptor)
    assert subject_difference(unfinished, joined) == 0
    assert np.array_equal(result[known], picture[known])


def test_equal_arguments_give_equal_results():
    assert rendered()[0].tobytes() == rendered()[0].tobytes()


def test_full_size_shows_the_same_ground():
    once = rendered(scale=1.15 * 512 / 100)[0]
    full = rendered(2, scale=1.15 * 512 / 100)[0]
    assert full.shape == (256, 200, 3)
    away = ~oval(128, 100, radii=(0.36, 0.26))
    difference = np.abs(resize(full, 128, 100).astype(float) - once)[away]
    other = np.abs(rendered(2, flip=False)[0][::2, ::2].astype(float) - once)[away]
    assert difference.mean() < 8 < other.mean()


@pytest.mark.parametrize(
    ("across", "down"), [(20, 0), (-20, 0), (0, 20)], ids=["right", "left", "below"]
)
@pytest.mark.parametrize("times", [1, 2])
def test_light_falls_on_a_wall_from_where_it_fell_before(across, down, times):
    tone = GroundTone((50, 0, 0), (50, 0, 0), (across, 0, 0), (down, 0, 0), (0.64, 0.5))
    known = np.kron(MASK, np.ones((times, times), bool))
    wall = np.full((*known.shape, 3), 120, np.uint8)
    picture = np.kron(PICTURE, np.ones((times, times, 1), np.uint8))
    even, lit = (
        lab_of(finish(wall, picture, known, choice(wall=True, light=light)))[..., 0]
        for light in (None, tone)
    )
    change = lit - even
    rows, columns = change[: 10 * times], change[:, : 10 * times]
    opposite = change[-10 * times :], change[:, -10 * times :]
    assert opposite[1].mean() - columns.mean() == pytest.approx(across * 0.7, abs=8)
    assert opposite[0].mean() - rows.mean() == pytest.approx(down * 0.9, abs=8)
    assert np.sign(opposite[1].mean() - columns.mean()) == np.sign(across) or not across


@pytest.mark.parametrize("level", [20, 75])
def test_a_scene_comes_near_the_key_of_the_old_ground_and_keeps_black_and_white(level):
    scene = paint(3, *MASK.shape)
    scene[:8, :8], scene[:8, -8:] = 0, 255
    even = (0.0, 0.0, 0.0)
    tone = GroundTone((level, 0, 0), (level, 0, 0), even, even, (0.5, 0.5))
    before, after = (
        finish(scene, PICTURE, MASK, choice(light=light))[~MASK] for light in (None, tone)
    )
    lightness = [float(lab_of(each[None])[..., 0].mean()) for each in (before, after)]
    assert abs(lightness[1] - level) < 0.8 * abs(lightness[0] - level)
    corners = finish(scene, PICTURE, MASK, choice(light=tone))[3, [3, -4]].mean(1)
    assert corners[0] < 25 and corners[1] > 215


def test_a_ground_keeps_its_own_hole_out_of_the_picture():
    lender = paint(13, 128, 100)
    mask = oval(128, 100, centre=(0.3, 0.5), radii=(0.2, 0.2))
    lender[mask] = (255, 0, 255)
    known = oval(128, 100, centre=(0.8, 0.5), radii=(0.15, 0.15))
    laid = lay(lender, ground("g", picture=lender, mask=mask), known, choice())
    pink = (np.abs(laid.astype(int) - (255, 0, 255)).sum(2) < 60) & ~known
    assert pink.mean() < 0.005


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_colours_move_towards_the_subject_and_never_far(strength):
    dark, light = np.float32([[20, 5, 5], [8, 3, 3]]), np.float32([[80, -5, 30], [20, 9, 9]])
    gain, shift = colour_map(dark, light, strength)
    assert np.all(np.abs(shift) <= (12, 6, 8))
    assert bool(shift[0] < 0) is (strength > 0)
    assert np.all((gain >= 0.8) & (gain <= 1.1))
