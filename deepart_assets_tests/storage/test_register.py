"""A register says what the records say, and reads only those that have changed."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepart_assets.storage import Lake, Ledger, Made, Recipe, Register, keep, reason_to_make
from deepart_assets.storage.register import _path

RECIPE = Recipe(code_version="1", settings={"a": 1}, inputs={"x": "0" * 64}, weights="w")


class CountingLake(Lake):
    def __init__(self, root):
        super().__init__(root)
        self.records_read, self.writes = 0, 0

    def read(self, path):
        self.records_read += path.startswith("records/")
        return super().read(path)

    def write(self, path, data):
        self.writes += 1
        return super().write(path, data)


@pytest.fixture
def ledger(tmp_path):
    return Ledger(CountingLake(tmp_path / "lake"))


def make(ledger, key, recipe=RECIPE, data=b"picture"):
    made = Made({f"out/{key}.png": data}, {"preview": "x" * 100})
    return keep(ledger, "out", recipe, lambda: made, key=key)


def same(ledger):
    """Whether the register says of each output what its record says."""
    register = Register(ledger, "out")
    for key in [*ledger.keys("out"), "none"]:
        short, record = register.get(key), ledger.get("out", key)
        if record is None:
            assert short is None
            continue
        assert short is not None
        assert ledger.whole(short) == record
        assert short.data_version == record.data_version
        assert replace(record, recipe={}, figures={}).__dict__ == short.__dict__


def test_it_reads_only_what_is_new(ledger):
    for number in range(10):
        make(ledger, f"{number}")
    lake = ledger.lake
    for changed, expected in ((None, 10), (None, 0), ("3", 1), ("10", 1)):
        if changed is not None:
            make(ledger, changed, data=b"another")
        lake.records_read, lake.writes = 0, 0
        Register(ledger, "out")
        assert lake.records_read == expected
        assert lake.writes == (1 if expected else 0)
    same(ledger)


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["make", "remove", "fail"]))),
    st.integers(0, 3),
)
def test_it_agrees_with_the_records(tmp_path_factory, steps, looks):
    ledger = Ledger(Lake(tmp_path_factory.mktemp("lake")))
    for number, (key, step) in enumerate(steps):
        match step:
            case "make":
                make(ledger, key, data=f"{number}".encode())
            case "remove":
                ledger.remove("out", key)
            case "fail":
                with pytest.raises(ValueError, match="bad"):
                    keep(ledger, "out", RECIPE, lambda: int("bad"), key=key)  # type: ignore[arg-type]
        if number % 4 < looks:
            same(ledger)
    same(ledger)


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe", b"0\t", b"0\t1 2\t{\n", b"0\t1\tnone\n{}\t"])
def test_a_damaged_register_is_written_anew(ledger, damage):
    for number in range(3):
        make(ledger, f"{number}")
    Register(ledger, "out")
    ledger.lake.write(_path("out"), damage)
    same(ledger)
    ledger.lake.records_read = 0
    Register(ledger, "out")
    assert ledger.lake.records_read == 0


def test_the_reason_is_that_of_the_whole_record(ledger):
    make(ledger, "0")
    known = Register(ledger, "out").get("0")
    assert reason_to_make(ledger, known, RECIPE) is None
    other = replace(RECIPE, settings={"a": 2, "b": 1})
    assert reason_to_make(ledger, known, other) == "setting a, setting b changed"


def test_a_touched_file_leaves_the_record_whole(ledger):
    record = make(ledger, "0")
    known = Register(ledger, "out").get("0")
    ledger.lake.write("out/0.png", b"picture")  # the same bytes at another time
    assert reason_to_make(ledger, known, RECIPE) is None
    now = ledger.get("out", "0")
    assert (now.recipe, now.figures) == (record.recipe, record.figures)
    assert now.files[0].stamp != record.files[0].stamp


def test_a_short_record_is_never_written(ledger):
    make(ledger, "0")
    with pytest.raises(AssertionError, match="recipe"):
        ledger.put(Register(ledger, "out").get("0"))
