"""The blind sheet: no names on it, a key beside it, and what filled-in scores come to."""

import csv
import io
from types import SimpleNamespace

import numpy as np
import pytest

from deepart_assets.errors import DeepArtError
from deepart_assets.imaging import decode_rgb
from deepart_assets.outpainting.blind_sheet import blind_sheet, tally
from deepart_assets.outpainting.evaluation import Outpainted


def painting(name, side=20, **levels):
    picture = np.full((side, side, 3), 10, np.uint8)
    results = {each: np.full((side, side, 3), level, np.uint8) for each, level in levels.items()}
    unfinished = np.dstack([picture, np.tri(side, dtype=np.uint8) * 255])
    return Outpainted(name, f"Title of {name}", picture, unfinished, results, {})


PAINTINGS = [painting(f"p{number}", a=100, b=200) for number in range(12)]


def made(*given):
    files = blind_sheet(*given)
    return SimpleNamespace(
        picture=decode_rgb(files["blind_sheet.jpg"], "sheet"),
        scores=files["blind_scores.csv"].decode(),
        key=files["blind_key.csv"].decode(),
    )


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def filled(sheet, score_of):
    """Fill in the score file: a score for each outpainter."""
    found = []
    for row, key in zip(rows(sheet.scores), rows(sheet.key), strict=True):
        found.append({**row, "score": score_of(key["painting"], key["outpainter"])})
    text = io.StringIO()
    writer = csv.DictWriter(text, list(found[0]))
    writer.writeheader()
    writer.writerows(found)
    return text.getvalue()


def test_the_order_is_shuffled_painting_by_painting_and_stays():
    sheet = made(PAINTINGS, ["a", "b"], 0)
    first = [row["outpainter"] for row in rows(sheet.key) if row["letter"] == "A"]
    assert 2 <= first.count("a") <= 10
    assert made(PAINTINGS, ["a", "b"], 0).key == sheet.key
    assert made(PAINTINGS, ["a", "b"], 1).key != sheet.key
    fewer = rows(made(PAINTINGS[5:8], ["a", "b"], 0).key)
    assert [{**row, "sheet": ""} for row in fewer] == [
        {**row, "sheet": ""} for row in rows(sheet.key)[10:16]
    ]
    assert "outpainter" not in sheet.scores


def test_a_letter_on_the_sheet_is_the_result_that_the_key_names():
    one = painting("p1", side=400, a=100, b=200)
    sheet = made([one], ["a", "b"], 0)
    widths = np.split(sheet.picture, 4, axis=1)  # a sheet is at least four cells wide
    for cell, row in zip(widths[1:], rows(sheet.key), strict=False):
        level = one.results[row["outpainter"]][0, 0, 0]
        assert (cell == level).all(axis=2).mean() > 0.5


def test_what_is_filled_in_does_not_name_outpainters_and_the_key_does():
    sheet = made(PAINTINGS[:2], ["a", "b"], 0)
    assert all(list(row) == ["sheet", "painting", "letter", "score"] for row in rows(sheet.scores))
    assert tally([sheet.scores], sheet.key)


def test_paintings_with_a_single_result_are_left_out():
    sheet = made([painting("p1", a=3), painting("p2", a=3, b=5)], ["a", "b"], 0)
    assert {row["painting"] for row in rows(sheet.key)} == {"p2"}
    assert rows(made([], ["a", "b"], 0).key) == []


def test_scores_are_counted_for_the_outpainter_behind_the_letter():
    sheet = made(PAINTINGS, ["a", "b"], 0)
    scores = filled(sheet, lambda key, name: {"a": "2", "b": "1" if key == "p3" else "2"}[name])
    found = {row["name"]: row for row in tally([scores], sheet.key)}
    assert found["a"]["convincing"] == 12 and found["a"]["preferred"] == 0.54
    assert found["b"]["acceptable"] == 1 and found["b"]["mean"] == 1.92
    spreadsheet = "\ufeff" + scores.replace(",", ";")
    assert tally([spreadsheet], sheet.key) == tally([scores], sheet.key)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_each_person_may_use_another_spreadsheet_and_leave_scores_out(mark):
    sheet = made(PAINTINGS, ["a", "b"], 0)
    scores = filled(sheet, lambda key, name: "2")
    other = filled(sheet, lambda key, name: "0" if key == "p3" else "").replace(",", mark)
    both = {row["name"]: row for row in tally([scores, "\ufeff" + other], sheet.key)}
    assert both["a"]["scored"] == 13 and both["a"]["fails"] == 1


def test_a_score_is_compared_with_the_same_persons_where_rows_are_deleted():
    sheet = made(PAINTINGS[:1], ["a", "b"], 0)
    strict, mild = (filled(sheet, lambda key, name, s=score: s) for score in ("0", "2"))
    heading, *scored = strict.splitlines(keepends=True)
    for kept in scored:
        found = tally([heading + kept, mild], sheet.key)
        assert [row["preferred"] for row in found] == [0.5, 0.5]


def test_an_empty_score_file_has_no_means():
    sheet = made(PAINTINGS, ["a", "b"], 0)
    assert [(row["scored"], row["mean"]) for row in tally([sheet.scores], sheet.key)] == [
        (0, None),
        (0, None),
    ]


def test_faulty_scores_say_what_to_do():
    sheet, other = (made(PAINTINGS, ["a", "b"], seed) for seed in (0, 1))
    scores = filled(sheet, lambda key, name: "2")
    with pytest.raises(DeepArtError, match="give the key of the same sheet"):
        tally([scores], other.key)
    with pytest.raises(DeepArtError, match=r"line 2 .*'good'.*2 \(convincing\)"):
        tally([filled(sheet, lambda key, name: "good")], sheet.key)
    with pytest.raises(DeepArtError, match="the scores lack the column score"):
        tally([sheet.key], sheet.key)
    with pytest.raises(DeepArtError, match=r"the scores in file 2 lack the column score"):
        tally([scores, sheet.key], sheet.key)
    with pytest.raises(DeepArtError, match=r"line 27 .* p0, letter A once more.*file of their own"):
        tally([scores + scores], sheet.key)
