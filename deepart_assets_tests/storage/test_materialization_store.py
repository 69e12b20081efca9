"""An output is computed again exactly if its provenance changed or its files are not intact."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepart_assets.errors import PaintingError, SkipPainting
from deepart_assets.storage import (
    Lake,
    MaterializationStore,
    Provenance,
    StageResult,
    materialize_if_stale,
)
from deepart_assets_tests.storage.crashing_lake import Crashing, Killed

RECIPE = Provenance(code_version="1", settings={"a": 1}, inputs={"x": "0" * 64}, weights="w")


@pytest.fixture
def store(tmp_path):
    return MaterializationStore(Lake(tmp_path / "lake"))


class Counting:
    def __init__(self, result=None):
        self.calls = 0
        self.result = result or StageResult({"out/1.png": b"picture"}, {"share": 0.5})

    def __call__(self):
        self.calls += 1
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def test_the_second_time_nothing_is_computed(store):
    make = Counting()
    first, computed = materialize_if_stale(store, "masks", RECIPE, make, key="1")
    second, again = materialize_if_stale(store, "masks", RECIPE, make, key="1")
    assert (computed, again, make.calls) == (True, False, 1)
    assert first == second
    assert second.figures == {"share": 0.5}


@pytest.mark.parametrize(
    "other",
    [
        Provenance(code_version="2", settings={"a": 1}, inputs={"x": "0" * 64}, weights="w"),
        Provenance(code_version="1", settings={"a": 2}, inputs={"x": "0" * 64}, weights="w"),
        Provenance(code_version="1", settings={"a": 1}, inputs={"x": "1" * 64}, weights="w"),
        Provenance(code_version="1", settings={"a": 1}, inputs={"x": "0" * 64}, weights="v"),
    ],
)
def test_any_change_of_the_provenance_computes(store, other):
    make = Counting()
    materialize_if_stale(store, "masks", RECIPE, make)
    materialize_if_stale(store, "masks", other, make)
    assert make.calls == 2


@given(st.permutations(["a", "b", "c", "d"]))
def test_the_order_of_settings_does_not_matter(order):
    settings = {name: ord(name) for name in order}
    plain = {name: ord(name) for name in "abcd"}
    assert Provenance("1", settings).fingerprint == Provenance("1", plain).fingerprint


@pytest.mark.parametrize("damage", ["remove", "corrupt"])
def test_a_damaged_output_is_made_again(store, damage):
    make = Counting()
    materialize_if_stale(store, "masks", RECIPE, make)
    if damage == "remove":
        store.lake.remove("out/1.png")
    else:
        store.lake.write("out/1.png", b"pictuRe")
    _, computed = materialize_if_stale(store, "masks", RECIPE, make)
    assert computed
    assert store.lake.read("out/1.png") == b"picture"


def test_a_failure_is_recorded_raised_and_tried_again(store):
    failing = Counting(ValueError("the sky is missing"))
    for _ in range(2):
        with pytest.raises(ValueError, match="sky"):
            materialize_if_stale(store, "masks", RECIPE, failing)
    assert failing.calls == 2
    record = store.get("masks")
    assert record.status == "failed"
    assert record.reason == "ValueError: the sky is missing"
    assert store.done("masks") is None
    _, computed = materialize_if_stale(store, "masks", RECIPE, Counting())
    assert computed
    assert store.done("masks") is not None


@pytest.mark.parametrize(
    ("fault", "passes"),
    [(torch.OutOfMemoryError("CUDA out of memory."), True), (ValueError("no sky"), False)],
)
def test_a_record_says_whether_a_failure_may_pass(store, fault, passes):
    with pytest.raises(type(fault)):
        materialize_if_stale(store, "masks", RECIPE, Counting(fault))
    assert store.get("masks").transient == passes


def test_a_skip_is_recorded_and_not_tried_again(store):
    skipping = Counting(SkipPainting("no subject"))
    for _ in range(2):
        record, _ = materialize_if_stale(store, "masks", RECIPE, skipping)
    assert skipping.calls == 1
    assert (record.status, record.reason) == ("skipped", "no subject")


def test_a_record_cut_off_in_the_middle_counts_as_none(store):
    materialize_if_stale(store, "masks", RECIPE, Counting())
    data = store.lake.read("records/masks/_whole.json")
    store.lake.write("records/masks/_whole.json", data[: len(data) // 2])
    assert store.get("masks") is None
    _, computed = materialize_if_stale(store, "masks", RECIPE, Counting())
    assert computed


def test_the_data_version_depends_on_content_alone(store):
    one, _ = materialize_if_stale(store, "masks", RECIPE, Counting())
    other, _ = materialize_if_stale(store, "masks", Provenance("2"), Counting())
    assert one.fingerprint != other.fingerprint
    assert one.data_version == other.data_version
    changed, _ = materialize_if_stale(
        store, "masks", Provenance("3"), Counting(StageResult({"out/1.png": b"x"}))
    )
    assert changed.data_version != one.data_version


def test_files_may_come_one_by_one_and_fill_the_figures(store):
    figures = {"files": 0}

    def files():
        for number in range(3):
            figures["files"] += 1
            yield f"pairs/{number}.png", bytes([number])

    record, _ = materialize_if_stale(store, "pairs", RECIPE, lambda: StageResult(files(), figures))
    assert [file.path for file in record.files] == [f"pairs/{n}.png" for n in range(3)]
    assert record.figures == {"files": 3}


def test_parts_stored_before_belong_to_the_output(store):
    part, _ = materialize_if_stale(store, "pairs", RECIPE, Counting(), key="1")

    def whole():
        return StageResult({"pairs.json": b"[]"}, stored=part.files)

    first, _ = materialize_if_stale(store, "pairs", RECIPE, whole)
    assert [file.path for file in first.files] == ["pairs.json", "out/1.png"]
    assert not materialize_if_stale(store, "pairs", RECIPE, whole)[1]

    other = Counting(StageResult({"out/1.png": b"another picture"}))
    part, _ = materialize_if_stale(store, "pairs", Provenance("2"), other, key="1")
    second, computed = materialize_if_stale(store, "pairs", RECIPE, whole)
    assert computed, "a part was altered"
    assert second.data_version != first.data_version
    store.lake.remove("out/1.png")
    assert materialize_if_stale(store, "pairs", RECIPE, whole)[1], "a part was lost"


def test_a_forgotten_record_leaves_its_files(store):
    materialize_if_stale(store, "masks", RECIPE, Counting(), key="1")
    for _ in range(2):
        store.remove("masks", "1")
        assert store.keys("masks") == []
    assert store.lake.read("out/1.png") == b"picture"


def test_force_computes_what_is_current(store):
    make = Counting()
    materialize_if_stale(store, "masks", RECIPE, make)
    materialize_if_stale(store, "masks", RECIPE, make, force=True)
    assert make.calls == 2


def test_wherever_making_is_cut_off_nothing_false_is_recorded_or_read(tmp_path):
    """Another provenance gives other bytes; the process ends before each write in turn."""

    def made(text):
        files = {f"out/{name}.png": f"{text} {name}".encode() for name in ("1", "1.1")}
        return lambda: StageResult(files)

    for cut in itertools.count():
        lake = Crashing(tmp_path / str(cut))
        store, other = MaterializationStore(lake), Provenance("2")
        first, _ = materialize_if_stale(store, "masks", RECIPE, made("old"), key="1")
        lake.lives[0] = cut
        try:
            materialize_if_stale(store, "masks", other, made("new"), key="1")
        except Killed:
            lake.lives[0] = 10**9
        else:
            break
        # The record is still the old one: whoever reads by it gets what it says, or an error.
        record = store.get("masks", "1")
        assert record == first
        for number in range(2):
            if number < cut:
                with pytest.raises(PaintingError, match="differs from the record"):
                    store.read(record, number)
            else:
                assert store.read(record, number).startswith(b"old")
        again, computed = materialize_if_stale(store, "masks", RECIPE, made("old"), key="1")
        assert computed == (cut > 0) and store.read(again, 1) == b"old 1.1"
        lake.lives[0] = cut
        with pytest.raises(Killed):
            materialize_if_stale(store, "masks", other, made("new"), key="1")
        lake.lives[0] = 10**9
        mended, computed = materialize_if_stale(store, "masks", other, made("new"), key="1")
        assert computed and store.read(mended, 1) == b"new 1.1"
    assert cut == 3, "two files and a record"


def test_a_file_is_parsed_once_until_it_changes(store):
    parsed = []

    def parse(data):
        parsed.append(data)
        return data.decode()

    for content in (b"one", b"two"):
        make = Counting(StageResult({"list.txt": content}))
        other = Provenance(code_version=content.decode(), settings={}, inputs={})
        record, _ = materialize_if_stale(store, "list", other, make)
        assert {store.parsed(record, parse) for _ in range(3)} == {content.decode()}
    assert parsed == [b"one", b"two"]
