"""Hashes of files are kept while a file has not changed."""

import os

from deepart_assets.storage import hashes, sha256_of, sha256_of_file

LONG_AGO = 1_000_000_000


def write(file, data, seconds=LONG_AGO):
    file.write_bytes(data)
    os.utime(file, (seconds, seconds))


def test_a_file_is_read_once(tmp_path, monkeypatch):
    file = tmp_path / "weights.pth"
    write(file, b"weights")
    read = []
    digest = hashes._digest
    monkeypatch.setattr(hashes, "_digest", lambda each: read.append(each) or digest(each))
    assert {sha256_of_file(file) for _ in range(3)} == {sha256_of(b"weights")}
    assert read == [file]


def test_another_time_size_or_file_is_read_again(tmp_path):
    file = tmp_path / "weights.pth"
    for data, seconds in ((b"one", LONG_AGO), (b"two", LONG_AGO + 1), (b"three", LONG_AGO + 1)):
        write(file, data, seconds)
        assert sha256_of_file(file) == sha256_of(data)
    write(tmp_path / "other.pth", b"other", LONG_AGO + 1)
    (tmp_path / "other.pth").replace(file)
    assert sha256_of_file(file) == sha256_of(b"other")


def test_a_file_just_written_is_read_each_time(tmp_path):
    file = tmp_path / "weights.pth"
    file.write_bytes(b"one")
    state = file.stat()
    assert sha256_of_file(file) == sha256_of(b"one")
    file.write_bytes(b"two")
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))  # as a coarse clock would have it
    assert sha256_of_file(file) == sha256_of(b"two")
