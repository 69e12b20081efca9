"""The index agrees with the records, and reads only those that have changed."""

from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepart_assets.errors import UnavailableError
from deepart_assets.storage import (
    Lake,
    MaterializationStore,
    Provenance,
    RecordIndex,
    StageResult,
    compute_and_record,
    staleness_reason,
)
from deepart_assets.storage.record_index import _path

PROVENANCE = Provenance(code_version="1", settings={"a": 1}, inputs={"x": "0" * 64}, weights="w")


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


class FullLake(Lake):
    def write(self, path, data):
        raise UnavailableError("the disk is full")


@pytest.fixture
def store(tmp_path):
    return MaterializationStore(CountingLake(tmp_path / "lake"))


def fail(store, key):
    def bad():
        raise ValueError("bad")

    compute_and_record(store, "out", PROVENANCE, bad, key=key, known=store.get("out", key))


def make(store, key, provenance=PROVENANCE, data=b"picture"):
    made = StageResult({f"out/{key}.png": data}, {"preview": "x" * 100})
    known = store.get("out", key)
    return compute_and_record(store, "out", provenance, lambda: made, key=key, known=known)[0]


def same(store):
    """Assert that the index agrees with the records."""
    index = RecordIndex(store, "out")
    for key in [*store.keys("out"), "none"]:
        short, record = index.get(key), store.get("out", key)
        if record is None:
            assert short is None
            continue
        assert short is not None
        assert store.whole(short) == record
        assert short.data_version == record.data_version
        assert asdict(replace(record, provenance={}, figures={}, cause="")) == asdict(short)


def test_it_reads_only_what_is_new(store):
    for number in range(10):
        make(store, f"{number}")
    lake = store.lake
    for changed, expected in ((None, 10), (None, 0), ("3", 1), ("10", 1)):
        if changed is not None:
            make(store, changed, data=b"another")
        lake.records_read, lake.writes = 0, 0
        RecordIndex(store, "out")
        assert lake.records_read == expected
        assert lake.writes == (1 if expected else 0)
    same(store)


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["make", "remove", "fail"]))),
    st.integers(0, 3),
)
def test_it_agrees_with_the_records(tmp_path_factory, steps, looks):
    store = MaterializationStore(Lake(tmp_path_factory.mktemp("lake")))
    for number, (key, step) in enumerate(steps):
        match step:
            case "make":
                make(store, key, data=f"{number}".encode())
            case "remove":
                store.remove("out", key)
            case "fail":
                with pytest.raises(ValueError, match="bad"):
                    fail(store, key)
        if number % 4 < looks:
            same(store)
    same(store)


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe", b"0\t", b"0\t1 2\t{\n", b"0\t1\tnone\n{}\t"])
def test_a_damaged_index_is_written_again(store, damage):
    for number in range(3):
        make(store, f"{number}")
    RecordIndex(store, "out")
    store.lake.write(_path("out"), damage)
    same(store)
    store.lake.records_read = 0
    RecordIndex(store, "out")
    assert store.lake.records_read == 0


def test_the_reason_is_that_of_the_whole_record(store):
    make(store, "0")
    known = RecordIndex(store, "out").get("0")
    assert staleness_reason(store, known, PROVENANCE) is None
    other = replace(PROVENANCE, settings={"a": 2, "b": 1})
    assert staleness_reason(store, known, other) == "setting a, setting b changed"


def test_a_touched_file_leaves_the_record_whole(store):
    record = make(store, "0")
    known = RecordIndex(store, "out").get("0")
    store.lake.write("out/0.png", b"picture")  # the same bytes at another time
    assert staleness_reason(store, known, PROVENANCE) is None
    now = store.get("out", "0")
    assert (now.provenance, now.figures) == (record.provenance, record.figures)
    assert now.files[0].stamp != record.files[0].stamp


def test_a_short_record_is_never_written(store):
    make(store, "0")
    with pytest.raises(AssertionError, match="provenance"):
        store.put(RecordIndex(store, "out").get("0"))


def test_on_a_full_disk_the_records_are_read_all_the_same(store, tmp_path):
    make(store, "a")
    index = RecordIndex(MaterializationStore(FullLake(tmp_path / "lake")), "out")
    assert index.get("a").status == "done"
