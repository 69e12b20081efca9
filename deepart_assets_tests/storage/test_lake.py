"""Writes to the lake are atomic, in a folder and on other file systems."""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepart_assets.errors import UnavailableError
from deepart_assets.storage import Lake, sha256_of


@pytest.fixture(params=["folder", "memory", "s3"])
def lake(request, tmp_path):
    match request.param:
        case "folder":
            return Lake(tmp_path / "lake")
        case "memory":
            return Lake(f"memory://{tmp_path.name}")
        case _:
            return Lake(f"{request.getfixturevalue('bucket')}/lake")


def test_what_is_written_is_read_back(lake):
    stored = lake.write("a/b.png", b"pixels")
    assert lake.read("a/b.png") == b"pixels"
    assert stored.sha256 == sha256_of(b"pixels")
    assert stored.size == 6
    assert lake.checked(stored)


@pytest.mark.parametrize(
    ("address", "said"),
    [("foo://x/y", "Protocol not known: foo"), ("ftp://127.0.0.1:1/x", "refused")],
)
def test_an_address_that_cannot_be_opened_is_told(address, said):
    with pytest.raises(UnavailableError, match=said):
        Lake(address)


def test_a_lake_that_is_a_file_is_told(tmp_path):
    (tmp_path / "lake").touch()
    with pytest.raises(UnavailableError, match="is a file: DEEPART_DATA"):
        Lake(tmp_path / "lake").check_reachable()
    Lake(tmp_path / "new").check_reachable()


def test_a_changed_shortened_or_removed_file_is_not_intact(lake):
    stored = lake.write("a/b.png", b"pixels")
    lake.write("a/b.png", b"pixelZ")
    assert not lake.checked(stored)
    lake.write("a/b.png", b"pix")
    assert not lake.checked(stored)
    lake.remove("a/b.png")
    assert not lake.checked(stored)
    assert not lake.exists("a/b.png")
    lake.remove("a/b.png")


def test_list_gives_the_files_of_one_folder_by_name(lake):
    for name in ("b.json", "a.json", "c.png"):
        lake.write(f"records/x/{name}", b"{}")
    lake.write("records/x/deeper/d.json", b"{}")
    assert lake.list("records/x", ".json") == ["records/x/a.json", "records/x/b.json"]
    assert lake.list("records/x") == [f"records/x/{name}" for name in ("a.json", "b.json", "c.png")]
    assert lake.list("records/nothing") == []


def test_stamps_report_what_was_written_since(lake):
    for name in ("a.png", "b.png", "deeper/c.png"):
        lake.write(f"pictures/{name}", b"pixels")
    before = lake.stamps("pictures")
    assert {"a.png", "b.png"} <= set(before)
    assert before["a.png"] == lake.stamp("pictures/a.png")
    assert lake.stamps("pictures") == before
    time.sleep(0.02)  # a folder's stamp is a time
    lake.write("pictures/a.png", b"pixelZ")
    after = lake.stamps("pictures")
    assert after["a.png"] != before["a.png"] and after["b.png"] == before["b.png"]
    lake.remove("pictures/a.png")
    assert "a.png" not in lake.stamps("pictures")
    assert lake.stamp("pictures/a.png") is None and lake.stamps("nothing") == {}


def test_the_stamp_of_an_object_needs_no_listing_and_is_the_same_as_in_one(bucket, monkeypatch):
    lake = Lake(f"{bucket}/lake")
    written = {name: lake.write(f"pictures/{name}", name.encode()) for name in ("a.png", "b.png")}
    assert lake.stamps("pictures") == {name: file.stamp for name, file in written.items()}

    def refuse(*_, **__):
        raise AssertionError("a listing")

    monkeypatch.setattr(type(lake._fs._fs), "_lsdir", refuse)
    again = lake.write("pictures/a.png", b"a.png")
    assert again == written["a.png"] and again.stamp == written["a.png"].stamp
    assert lake.checked(again) is again
    assert lake.stamp("pictures/c.png") is None


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a//b", "a/../../x", ""])
def test_paths_stay_inside_the_lake(lake, path):
    with pytest.raises(ValueError, match="inside the lake"):
        lake.write(path, b"")


@given(st.recursive(st.none() | st.booleans() | st.text(), st.lists))
def test_json_comes_back_as_it_was(content):
    lake = Lake("memory://json")
    lake.write_json("x.json", {"content": content})
    assert lake.read_json("x.json") == {"content": content}


WRITER = """
import sys
from deepart_assets.storage import Lake
lake = Lake(sys.argv[1])
print("ready", flush=True)
number = 0
while True:
    number += 1
    lake.write("big.bin", bytes([number % 256]) * 20_000_000)
"""


@pytest.mark.slow
def test_a_process_killed_while_writing_leaves_a_whole_file(tmp_path):
    root = tmp_path / "lake"
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(root)], stdout=subprocess.PIPE, text=True
        )
        process.stdout.readline()
        time.sleep(0.35)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        data = (root / "big.bin").read_bytes()
        assert len(data) == 20_000_000
        assert len(set(data)) == 1
    assert [p for p in root.iterdir() if not p.name.startswith(".")] == [root / "big.bin"]


def test_what_killed_writers_left_is_swept_when_it_is_old(tmp_path):
    lake = Lake(tmp_path / "lake")
    kept = lake.write("masks/1.png", b"pixels")
    lake.write("masks/.someone's.tmp", b"not ours")
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER.replace("big.bin", "masks/2.png"), lake.url],
        stdout=subprocess.PIPE,
        text=True,
    )
    process.stdout.readline()

    def left():
        return list((tmp_path / "lake" / "masks").glob(".2.png.*.tmp"))

    deadline = time.monotonic() + 180
    while not left():
        assert time.monotonic() < deadline
    process.kill()
    process.wait()
    if not left():  # it was between two files
        (tmp_path / "lake" / "masks" / f".2.png.1.{'0' * 32}.tmp").write_bytes(b"half")
    [remnant] = left()
    below = tmp_path / "lake" / "masks" / "train" / "hr"
    below.mkdir(parents=True)
    deeper = below / remnant.name
    deeper.write_bytes(b"half")
    lake.sweep("masks")
    assert left() == [remnant] and deeper.exists(), "it may be being written"
    for file in (remnant, deeper):
        os.utime(file, (0, 0))
    lake.sweep("masks")
    assert not left() and not deeper.exists()
    assert lake.checked(kept) and lake.exists("masks/.someone's.tmp")
    lake.sweep("nothing")


def test_what_another_process_wrote_is_seen_at_once(bucket):
    lake = Lake(f"{bucket}/lake")
    lake.write("records/a.json", b"{}")
    assert lake.list("records") == ["records/a.json"] and not lake.exists("records/b.json")
    other = "import sys; from deepart_assets.storage import Lake; lake = Lake(sys.argv[1]);"
    work = "lake.write('records/b.json', b'[]'); lake.remove('records/a.json')"
    subprocess.run([sys.executable, "-c", other + work, lake.url], check=True)
    assert lake.exists("records/b.json") and not lake.exists("records/a.json")
    assert lake.list("records") == ["records/b.json"] and lake.read_json("records/b.json") == []


def test_a_process_killed_while_uploading_leaves_the_file_that_was_there(bucket):
    lake = Lake(f"{bucket}/lake")
    before = lake.write("big.bin", b"before")
    # Above 50 MB it goes up in parts, of which nothing is seen before the last.
    upload = (
        "lake = Lake(sys.argv[1]); print(1, flush=True); lake.write('big.bin', bytes(200 << 20))"
    )
    code = f"import sys; from deepart_assets.storage import Lake; {upload}"
    for pause in (0.1, 0.3):
        process = subprocess.Popen(
            [sys.executable, "-c", code, lake.url], stdout=subprocess.PIPE, text=True
        )
        process.stdout.readline()
        time.sleep(pause)
        process.kill()
        process.wait()
        assert lake.checked(before)


def test_a_missing_bucket_is_named_and_not_created(bucket):
    missing = Lake("s3://no-such-bucket/lake")
    assert missing.list("records") == [] and not missing.exists("records/a.json")
    with pytest.raises(UnavailableError, match=r"s3://no-such-bucket/lake .*Create the bucket"):
        missing.write("records/a.json", b"{}")


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "make room"), (errno.EROFS, "mount it"), (errno.EACCES, "let this user")],
)
def test_a_lake_that_cannot_be_written_to_says_what_to_do(tmp_path, monkeypatch, number, remedy):
    lake = Lake(tmp_path / "lake")
    lake.write("a/b.png", b"old")

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(UnavailableError, match=f"{tmp_path}/lake cannot .*{remedy}.*DEEPART_DATA"):
        lake.write("a/b.png", b"new")
    assert lake.read("a/b.png") == b"old"
    assert [file.name for file in (tmp_path / "lake" / "a").iterdir()] == ["b.png"]


def test_a_cache_that_cannot_be_written_to_is_not_taken_for_the_lake(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPART_CACHE", str(tmp_path / "cache"))

    def refuse(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(UnavailableError, match=r"The cache .*/cache/lake cannot .*DEEPART_CACHE"):
        Lake(tmp_path / "cache" / "lake").write("a", b"")
    with pytest.raises(UnavailableError, match=r"The data lake .*DEEPART_DATA"):
        Lake(tmp_path / "lake").write("a", b"")


def test_faults_of_other_kinds_pass_as_they_are(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EIO, "a broken disk")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="a broken disk"):
        Lake(tmp_path).write("a", b"")
