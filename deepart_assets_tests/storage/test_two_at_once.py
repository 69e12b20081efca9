"""Two processes make the same output at once, on a folder and on a bucket."""

import subprocess
import sys
import time

import pytest

from deepart_assets.errors import PaintingError
from deepart_assets.storage import (
    Lake,
    MaterializationStore,
    Provenance,
    StageResult,
    materialize_if_stale,
)

WRITER = """
import sys, time
from deepart_assets.storage import (
    Lake, MaterializationStore, Provenance, StageResult, materialize_if_stale
)
root, who, times, seconds, force = sys.argv[1:]
store, made = MaterializationStore(Lake(root)), 0

def make():
    global made
    made += 1
    time.sleep(float(seconds))
    # As from a GPU: the same recipe, and not always the same bytes.
    byte = bytes([made % 256]) if who == "same" else who.encode()
    return StageResult({"a/p.png": byte * 300_000, "a/p.1.png": byte * 200_000}, {"byte": byte[0]})

print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(times)):
    recipe = Provenance("1", {"who": who})
    materialize_if_stale(store, "a", recipe, make, key="p", force=force == "force")
print(made)
"""

PATHS = {"a/p.png": 300_000, "a/p.1.png": 200_000}


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.slow)])
def lake(request, tmp_path):
    if request.param == "folder":
        return Lake(tmp_path / "lake")
    return Lake(f"{request.getfixturevalue('bucket')}/lake")


def together(lake, names, times, seconds=0.0, force=True):
    """Start a process for each name, and let them go at the same moment."""
    given = (str(times), str(seconds), "force" if force else "")
    running = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, lake.url, name, *given],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    for process in running:
        process.stdout.readline()
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    return running


def matches(lake, record) -> bool:
    return record is not None and all(lake.checked(file) for file in record.files)


@pytest.mark.parametrize("names", [("same", "same"), ("A", "B")], ids=["same", "different"])
def test_a_reader_sees_whole_files_and_what_is_left_belongs_together(lake, names):
    store = MaterializationStore(lake)
    times = 60 if lake.is_local else 15
    running = together(lake, names, times)
    seen = 0
    while any(process.poll() is None for process in running):
        for path, size in PATHS.items():
            try:
                data = lake.read(path)
            except FileNotFoundError:
                continue
            assert len(data) == size and len(set(data)) == 1, "half of a file"
            seen += 1
        if lake.exists("records/a/p.json"):
            record = store.get("a", "p")
            assert record is not None, "half of a record"
            assert record.status == "done"
    assert all(process.returncode == 0 for process in running)
    assert seen > 10

    record = store.get("a", "p")
    if lake.is_local:
        assert matches(lake, record)
    # Whatever two left in a bucket, the run after them leaves what belongs together.
    recipe = Provenance("1", {"who": names[0]})
    made = StageResult({path: b"C" * size for path, size in PATHS.items()})
    record, _ = materialize_if_stale(store, "a", recipe, lambda: made, key="p")
    assert matches(lake, record) and matches(lake, store.get("a", "p"))
    assert len({lake.read(path)[0] for path in PATHS}) == 1
    assert not materialize_if_stale(store, "a", recipe, lambda: made, key="p")[1]


def test_what_another_process_is_making_is_waited_for_and_not_made_twice(lake):
    running = together(lake, ("A", "A", "A"), times=1, seconds=2, force=False)
    assert sorted(int(process.communicate()[0]) for process in running) == [0, 0, 1]
    assert lake.list("records/a") == ["records/a/p.json"]


def test_one_that_is_killed_keeps_no_other_waiting(tmp_path):
    lake = Lake(tmp_path / "lake")
    [victim] = together(lake, ("A",), times=1, seconds=60)
    deadline = time.monotonic() + 90
    while not (tmp_path / "lake" / "records" / "a" / ".p.json.lock").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    victim.kill()
    victim.wait()
    [next_one] = together(lake, ("A",), times=1)
    assert next_one.communicate(timeout=50)[0] == "1\n"
    assert matches(lake, MaterializationStore(lake).get("a", "p"))


def test_nothing_is_made_from_what_is_not_as_recorded(lake):
    store = MaterializationStore(lake)
    made = StageResult({"a/p.png": b"one"})
    record, _ = materialize_if_stale(
        store, "a", Provenance("1", {"who": "A"}), lambda: made, key="p"
    )
    assert store.read(record) == b"one"
    lake.write("a/p.png", b"two")  # as another run does, between its files and its record
    with pytest.raises(PaintingError, match=r"a/p\.png differs from the record of a"):
        store.read(record)


def test_forced_work_is_done_though_the_result_is_new(tmp_path):
    store = MaterializationStore(Lake(tmp_path / "lake"))
    calls = []

    def make() -> StageResult:
        calls.append(1)
        return StageResult({"a/p.png": b"one"})

    for _ in range(3):
        assert materialize_if_stale(store, "a", Provenance("1"), make, key="p", force=True)[1]
    assert len(calls) == 3
