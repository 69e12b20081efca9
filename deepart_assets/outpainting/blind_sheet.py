"""A blind sheet: outpaintings in shuffled order without names, for people to score."""

import csv
import hashlib
import io
import string
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Any

import numpy as np

from deepart_assets.errors import DeepArtError
from deepart_assets.imaging import encode_jpeg, grouped_mosaic, over_checkerboard
from deepart_assets.outpainting.compose import painting_seed
from deepart_assets.outpainting.evaluation import Outpainted

CELL = 400
"""Side of a picture on the sheet, in pixels."""
SCORES = ("fails", "acceptable", "convincing")
"""What the scores 0, 1 and 2 mean."""


def blind_sheet(
    paintings: Sequence[Outpainted], names: Sequence[str], seed: int
) -> dict[str, bytes]:
    """Return a sheet of the paintings that at least two of the outpainters have painted.

    Args:
        paintings: The paintings with their results.
        names: The outpainters.
        seed: Seed of the order, which differs from painting to painting.

    Returns:
        Files by name: the sheet, with each unfinished painting and its outpaintings as A, B, …; the
        score file to fill in, CSV: sheet, painting, letter and an empty score; and the key, CSV:
        sheet, painting, letter, outpainter, not to be seen by those who score.
    """
    groups, rows, digest = [], [], hashlib.sha256()
    for each in paintings:
        painted = [name for name in names if name in each.results]
        if len(painted) < 2:
            continue
        order = np.random.default_rng(painting_seed(seed, each.id, "blind sheet")).permutation(
            len(painted)
        )
        cells = [("the subject", over_checkerboard(each.unfinished))]
        for letter, index in zip(string.ascii_uppercase, order, strict=False):
            result = each.results[painted[index]]
            cells.append((letter, result))
            rows.append((each.id, letter, painted[index]))
            digest.update(repr(rows[-1]).encode() + result.tobytes())
        groups.append((f"{each.id}   {each.caption}", cells))
    sheet = digest.hexdigest()[:8]
    scores = [("sheet", "painting", "letter", "score"), *((sheet, *row[:2], "") for row in rows)]
    key = [("sheet", "painting", "letter", "outpainter"), *((sheet, *row) for row in rows)]
    return {
        "blind_sheet.jpg": encode_jpeg(grouped_mosaic(groups, CELL, size=24)),
        "blind_scores.csv": _csv(scores),
        "blind_key.csv": _csv(key),
    }


def tally(scores: Sequence[str], key: str) -> list[dict[str, Any]]:
    """Count the scores of each outpainter.

    Args:
        scores: The filled-in score file of each person; rows without a score are left out.
            Spreadsheets may have changed the commas of some to semicolons or tabs.
        key: The key of the same sheet.

    Returns:
        A row an outpainter: how many were scored, convincing, acceptable and failing, the mean
        score, and `preferred`: the share of comparisons with another outpainter's result, of the
        same painting and by the same person, that it wins; ties count half.

    Raises:
        DeepArtError: A column is missing, a score is not 0, 1 or 2, the scores are another
            sheet's, or a file has two scores of one picture.
    """
    keys = {
        (row["sheet"], row["painting"], row["letter"]): row["outpainter"]
        for _, row in _rows(key, "outpainter", "the key")
    }
    given: dict[str, list[int]] = {name: [] for name in keys.values()}
    won: dict[str, list[float]] = defaultdict(list)
    for number, text in enumerate(scores, 1):
        what = "the scores" if len(scores) == 1 else f"the scores in file {number}"
        for case in _cases(text, keys, what).values():
            for name, score in case.items():
                given[name].append(score)
            for name, other in permutations(case, 2):
                won[name].append(0.5 * (1 + np.sign(case[name] - case[other])))
    return [
        {
            "name": name,
            "scored": len(found),
            **{word: found.count(number) for number, word in reversed([*enumerate(SCORES)])},
            "mean": round(float(np.mean(found)), 2) if found else None,
            "preferred": round(float(np.mean(won[name])), 2) if won[name] else None,
        }
        for name, found in given.items()
    ]


def _cases(
    text: str, keys: Mapping[tuple[str, str, str], str], what: str
) -> dict[str, dict[str, int]]:
    """Return the scores of one person by painting and outpainter; see `tally`."""
    cases: dict[str, dict[str, int]] = defaultdict(dict)
    for line, row in _rows(text, "score", what):
        if not row["score"]:
            continue
        sheet, painting, letter = place = (row["sheet"], row["painting"], row["letter"])
        if place not in keys:
            raise DeepArtError(
                f"line {line} of {what} is of sheet {sheet}, painting {painting}, letter {letter},"
                " which the key does not have: give the key of the same sheet"
            )
        if row["score"] not in ("0", "1", "2"):
            meant = ", ".join(f"{number} ({word})" for number, word in enumerate(SCORES))
            raise DeepArtError(f"line {line} of {what} has the score {row['score']!r}: use {meant}")
        if keys[place] in cases[painting]:
            raise DeepArtError(
                f"line {line} of {what} scores painting {painting}, letter {letter} once more: give"
                " the scores of each person as a file of their own"
            )
        cases[painting][keys[place]] = int(row["score"])
    return cases


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _rows(text: str, column: str, what: str) -> list[tuple[int, dict[str, str]]]:
    """Return the line number and the cells of each row below the headings."""
    text = text.lstrip("\ufeff")
    first = text.partition("\n")[0]
    delimiter = next((mark for mark in ",;\t" if mark in first), ",")
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    lacking = {"sheet", "painting", "letter", column} - set(reader.fieldnames or ())
    if lacking:
        raise DeepArtError(f"{what} lack the column {', '.join(sorted(lacking))}")
    return [
        (reader.line_num, {name: (value or "").strip() for name, value in row.items() if name})
        for row in reader
        if row["letter"] != "letter"  # the headings of a second file, appended
    ]
