import numpy as np
import pytest

from deepart_assets.super_resolution.data.degradation import matlab_bicubic_enlarge
from deepart_assets.super_resolution.data.pairs import Pair
from deepart_assets.super_resolution.evaluation.crops import (
    Crop,
    detail,
    middle,
    most_detailed,
    picture_rows,
)

from .pictures import pair, texture


class Repeating:
    def __call__(self, picture):
        return picture.repeat(4, axis=0).repeat(4, axis=1)


def of_every_fourth(hr, name="a"):
    return Pair(name, "test", np.ascontiguousarray(hr[2::4, 2::4]), hr)


def test_the_most_detailed_place_is_found():
    picture = np.full((60, 80, 3), 90, np.uint8)
    picture[30:40, 50:60] = texture(10, 10)
    top, left = most_detailed(picture, 12)
    assert 28 <= top <= 30
    assert 48 <= left <= 50
    assert most_detailed(texture(12, 12), 12) == (0, 0)


@pytest.mark.parametrize("crop", [Crop(0, 0, 20, 30), Crop(41, 60, 9, 10), Crop(70, 99, 30, 21)])
def test_a_part_is_enlarged_as_in_the_whole(crop):
    whole = pair("test", 3, 400, 480)
    made = matlab_bicubic_enlarge(whole.lr)
    rows = slice(4 * crop.top, 4 * (crop.top + crop.height))
    columns = slice(4 * crop.left, 4 * (crop.left + crop.width))
    np.testing.assert_array_equal(crop.enlarged(whole, matlab_bicubic_enlarge), made[rows, columns])
    np.testing.assert_array_equal(crop.hr(whole), whole.hr[rows, columns])


def test_the_middle_has_the_side_asked_for_or_what_there_is():
    wide = pair("test", 3, 208, 400)
    assert middle(wide, None) == Crop(0, 0, 52, 100)
    assert middle(wide, 200) == Crop(1, 25, 50, 50)
    assert middle(wide, 300) == Crop(0, 12, 52, 75)
    assert middle(wide, 300).hr(wide).shape == (208, 300, 3)


def test_rows_show_the_same_place_in_every_picture():
    pairs = [of_every_fourth(texture(400, 480, seed), str(seed)) for seed in (0, 1)]
    sheet = picture_rows(pairs, {"repeated": Repeating()}, 64)
    for each in pairs:
        top, left = most_detailed(each.lr, 16)
        plain = each.hr[4 * top : 4 * top + 64, 4 * left : 4 * left + 64]
        low = plain[2::4, 2::4].repeat(4, axis=0).repeat(4, axis=1)
        assert contains(sheet, plain) == 1
        # Both the low resolution and what the "upscaler" repeats.
        assert contains(sheet, low) == 2


def contains(sheet, part):
    """How often `part` is in `sheet`, pixel by pixel."""
    height, width = part.shape[:2]
    starts = np.argwhere((sheet == part[0, 0]).all(axis=2))
    return sum(np.array_equal(sheet[y : y + height, x : x + width], part) for y, x in starts)


def test_rows_of_paintings_smaller_than_the_detail_beside_larger_ones():
    small, large = pair("test", 1, 64, 72), pair("test", 2, 320, 360)
    assert detail(small, 256) == Crop(0, detail(small, 256).left, 16, 16)
    sheet = picture_rows([small, large], {"bicubic": matlab_bicubic_enlarge}, 256)
    alone = picture_rows([large], {"bicubic": matlab_bicubic_enlarge}, 256)
    assert sheet.shape[1] == alone.shape[1]
    np.testing.assert_array_equal(sheet[-alone.shape[0] :], alone)
