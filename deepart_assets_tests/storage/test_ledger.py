"""An output is made again exactly when its recipe changed or its files are not what was written."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepart_assets.errors import PaintingError, SkipPainting
from deepart_assets.storage import Lake, Ledger, Made, Recipe, make_or_reuse
from deepart_assets_tests.storage.mortal import Killed, Mortal

RECIPE = Recipe(code_version="1", settings={"a": 1}, inputs={"x": "0" * 64}, weights="w")


@pytest.fixture
def ledger(tmp_path):
    return Ledger(Lake(tmp_path / "lake"))


class Counting:
    def __init__(self, result=None):
        self.calls = 0
        self.result = result or Made({"out/1.png": b"picture"}, {"share": 0.5})

    def __call__(self):
        self.calls += 1
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def test_the_second_time_nothing_is_computed(ledger):
    make = Counting()
    first, computed = make_or_reuse(ledger, "masks", RECIPE, make, key="1")
    second, again = make_or_reuse(ledger, "masks", RECIPE, make, key="1")
    assert (computed, again, make.calls) == (True, False, 1)
    assert first == second
    assert second.figures == {"share": 0.5}


@pytest.mark.parametrize(
    "other",
    [
        Recipe(code_version="2", settings={"a": 1}, inputs={"x": "0" * 64}, weights="w"),
        Recipe(code_version="1", settings={"a": 2}, inputs={"x": "0" * 64}, weights="w"),
        Recipe(code_version="1", settings={"a": 1}, inputs={"x": "1" * 64}, weights="w"),
        Recipe(code_version="1", settings={"a": 1}, inputs={"x": "0" * 64}, weights="v"),
    ],
)
def test_any_change_of_the_recipe_computes(ledger, other):
    make = Counting()
    make_or_reuse(ledger, "masks", RECIPE, make)
    make_or_reuse(ledger, "masks", other, make)
    assert make.calls == 2


@given(st.permutations(["a", "b", "c", "d"]))
def test_the_order_of_settings_does_not_matter(order):
    settings = {name: ord(name) for name in order}
    plain = {name: ord(name) for name in "abcd"}
    assert Recipe("1", settings).fingerprint == Recipe("1", plain).fingerprint


@pytest.mark.parametrize("damage", ["remove", "corrupt"])
def test_a_damaged_output_is_made_again(ledger, damage):
    make = Counting()
    make_or_reuse(ledger, "masks", RECIPE, make)
    if damage == "remove":
        ledger.lake.remove("out/1.png")
    else:
        ledger.lake.write("out/1.png", b"pictuRe")
    _, computed = make_or_reuse(ledger, "masks", RECIPE, make)
    assert computed
    assert ledger.lake.read("out/1.png") == b"picture"


def test_a_failure_is_recorded_raised_and_tried_again(ledger):
    failing = Counting(ValueError("the sky is missing"))
    for _ in range(2):
        with pytest.raises(ValueError, match="sky"):
            make_or_reuse(ledger, "masks", RECIPE, failing)
    assert failing.calls == 2
    record = ledger.get("masks")
    assert record.status == "failed"
    assert record.reason == "ValueError: the sky is missing"
    assert ledger.done("masks") is None
    _, computed = make_or_reuse(ledger, "masks", RECIPE, Counting())
    assert computed
    assert ledger.done("masks") is not None


def test_a_skip_is_recorded_and_not_tried_again(ledger):
    skipping = Counting(SkipPainting("no subject"))
    for _ in range(2):
        record, _ = make_or_reuse(ledger, "masks", RECIPE, skipping)
    assert skipping.calls == 1
    assert (record.status, record.reason) == ("skipped", "no subject")


def test_a_record_cut_off_in_the_middle_counts_as_none(ledger):
    make_or_reuse(ledger, "masks", RECIPE, Counting())
    data = ledger.lake.read("records/masks/_whole.json")
    ledger.lake.write("records/masks/_whole.json", data[: len(data) // 2])
    assert ledger.get("masks") is None
    _, computed = make_or_reuse(ledger, "masks", RECIPE, Counting())
    assert computed


def test_the_data_version_depends_on_content_alone(ledger):
    one, _ = make_or_reuse(ledger, "masks", RECIPE, Counting())
    other, _ = make_or_reuse(ledger, "masks", Recipe("2"), Counting())
    assert one.fingerprint != other.fingerprint
    assert one.data_version == other.data_version
    changed, _ = make_or_reuse(ledger, "masks", Recipe("3"), Counting(Made({"out/1.png": b"x"})))
    assert changed.data_version != one.data_version


def test_files_may_come_one_by_one_and_fill_the_figures(ledger):
    figures = {"files": 0}

    def files():
        for number in range(3):
            figures["files"] += 1
            yield f"pairs/{number}.png", bytes([number])

    record, _ = make_or_reuse(ledger, "pairs", RECIPE, lambda: Made(files(), figures))
    assert [file.path for file in record.files] == [f"pairs/{n}.png" for n in range(3)]
    assert record.figures == {"files": 3}


def test_parts_stored_before_belong_to_the_output(ledger):
    part, _ = make_or_reuse(ledger, "pairs", RECIPE, Counting(), key="1")

    def whole():
        return Made({"pairs.json": b"[]"}, stored=part.files)

    first, _ = make_or_reuse(ledger, "pairs", RECIPE, whole)
    assert [file.path for file in first.files] == ["pairs.json", "out/1.png"]
    assert not make_or_reuse(ledger, "pairs", RECIPE, whole)[1]

    other = Counting(Made({"out/1.png": b"another picture"}))
    part, _ = make_or_reuse(ledger, "pairs", Recipe("2"), other, key="1")
    second, computed = make_or_reuse(ledger, "pairs", RECIPE, whole)
    assert computed, "a part was altered"
    assert second.data_version != first.data_version
    ledger.lake.remove("out/1.png")
    assert make_or_reuse(ledger, "pairs", RECIPE, whole)[1], "a part was lost"


def test_a_forgotten_record_leaves_its_files(ledger):
    make_or_reuse(ledger, "masks", RECIPE, Counting(), key="1")
    for _ in range(2):
        ledger.remove("masks", "1")
        assert ledger.keys("masks") == []
    assert ledger.lake.read("out/1.png") == b"picture"


def test_force_computes_what_is_current(ledger):
    make = Counting()
    make_or_reuse(ledger, "masks", RECIPE, make)
    make_or_reuse(ledger, "masks", RECIPE, make, force=True)
    assert make.calls == 2


def test_wherever_making_is_cut_off_nothing_false_is_recorded_or_read(tmp_path):
    """Another recipe gives other bytes; the process ends before each write in turn."""

    def made(text):
        files = {f"out/{name}.png": f"{text} {name}".encode() for name in ("1", "1.1")}
        return lambda: Made(files)

    for cut in itertools.count():
        lake = Mortal(tmp_path / str(cut))
        ledger, other = Ledger(lake), Recipe("2")
        first, _ = make_or_reuse(ledger, "masks", RECIPE, made("old"), key="1")
        lake.lives[0] = cut
        try:
            make_or_reuse(ledger, "masks", other, made("new"), key="1")
        except Killed:
            lake.lives[0] = 10**9
        else:
            break
        # The record is still the old one: whoever reads by it gets what it says, or an error.
        record = ledger.get("masks", "1")
        assert record == first
        for number in range(2):
            if number < cut:
                with pytest.raises(PaintingError, match="is not what was recorded"):
                    ledger.read(record, number)
            else:
                assert ledger.read(record, number).startswith(b"old")
        again, computed = make_or_reuse(ledger, "masks", RECIPE, made("old"), key="1")
        assert computed == (cut > 0) and ledger.read(again, 1) == b"old 1.1"
        lake.lives[0] = cut
        with pytest.raises(Killed):
            make_or_reuse(ledger, "masks", other, made("new"), key="1")
        lake.lives[0] = 10**9
        mended, computed = make_or_reuse(ledger, "masks", other, made("new"), key="1")
        assert computed and ledger.read(mended, 1) == b"new 1.1"
    assert cut == 3, "two files and a record"
