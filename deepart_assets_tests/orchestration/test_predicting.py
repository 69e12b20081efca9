"""Several paintings at once: no painting's fault, and no want of memory, reaches another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepart_assets.errors import PaintingError, UnavailableError
from deepart_assets.orchestration.context import BatchedPrediction, Painting
from deepart_assets.orchestration.predicting import run_batches
from deepart_assets.storage import StageResult

NAMES = st.lists(st.integers(0, 99), unique=True, max_size=9)


def paintings(numbers):
    return [Painting(str(n), f"{n}.png", "", {}, None) for n in numbers]


def stage(unreadable=(), bad=(), room=99, size=4):
    """A network that doubles numbers, and has room for so many at once."""
    sizes = []

    def read(painting):
        if int(painting.id) in unreadable:
            raise PaintingError(f"{painting.id} is damaged")
        return int(painting.id)

    def predict(items):
        sizes.append(len(items))
        if len(items) > room:
            raise MemoryError("out of memory")
        if set(items) & set(bad):
            raise ValueError(f"cannot take {sorted(set(items) & set(bad))}")
        return [2 * item for item in items]

    def finish(painting, item, result):
        assert int(painting.id) == item
        return StageResult({}, {"doubled": result})

    return BatchedPrediction(read, predict, finish, size), sizes


def outcomes(together, numbers):
    found = {}
    for number, each in zip(numbers, run_batches(together, paintings(numbers), 2), strict=True):
        assert each.painting.id == str(number)
        try:
            found[number] = each.finish().figures["doubled"]
        except Exception as error:
            found[number] = str(error)
    return found


@given(NAMES, st.sets(st.integers(0, 99)), st.sets(st.integers(0, 99)), st.integers(1, 5))
def test_each_painting_has_its_own_result_or_its_own_fault(numbers, unreadable, bad, room):
    together, _ = stage(unreadable, bad, room)
    for number, outcome in outcomes(together, numbers).items():
        if number in unreadable:
            assert outcome == f"{number} is damaged"
        elif number in bad:
            assert outcome == f"cannot take [{number}]"
        else:
            assert outcome == 2 * number


def test_too_little_memory_halves_what_is_taken_at_once():
    together, sizes = stage(room=2, size=8)
    assert outcomes(together, range(8)) == {n: 2 * n for n in range(8)}
    assert sizes == [8, 4, 2, 2, 2, 2]


def test_all_go_at_once_where_nothing_is_wrong():
    together, sizes = stage(unreadable={3})
    outcomes(together, range(10))
    assert sizes == [3, 4, 2]
    together, sizes = stage(unreadable={0, 1})
    assert set(outcomes(together, range(2)).values()) == {"0 is damaged", "1 is damaged"}
    assert sizes == []


def test_what_is_missing_for_all_is_not_asked_for_again():
    calls = []

    def predict(items):
        calls.append(len(items))
        raise UnavailableError("no weights: fetch them")

    together, _ = stage()
    without = BatchedPrediction(together.read, predict, together.finish, 4)
    for each in run_batches(without, paintings(range(4)), 2):
        with pytest.raises(UnavailableError, match="fetch them"):
            each.finish()
    assert calls == [4]
