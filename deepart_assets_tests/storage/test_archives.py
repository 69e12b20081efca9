"""Zip archives from elsewhere: good, damaged and malicious."""

import os
import threading
import zipfile
from pathlib import Path

import pytest

from deepart_assets.errors import UnavailableError
from deepart_assets.storage import archives
from deepart_assets.storage.archives import Archive
from deepart_assets_tests.loopback import LOG_IN, zipped


@pytest.fixture
def opened(tmp_path):
    """Write these bytes and open them as an archive."""

    def open_bytes(data: bytes) -> Archive:
        (tmp_path / "a.zip").write_bytes(data)
        return Archive(tmp_path / "a.zip", "the archive", "get another")

    return open_bytes


def test_members_are_read_in_place(opened, tmp_path):
    archive = opened(zipped({"b/2.png": b"two", "1.png": b"one", "深/ø.png": b"three", "d/": b""}))
    assert [member.path for member in archive.members] == ["1.png", "b/2.png", "深/ø.png"]
    assert [archive.read(m.path) for m in archive.members] == [b"one", b"two", b"three"]
    assert archive.members[0].size == 3
    assert list(tmp_path.iterdir()) == [tmp_path / "a.zip"]
    again = opened(zipped({"1.png": b"one", "b/2.png": b"tow"}))
    assert again.members[0].stamp == archive.members[0].stamp
    assert again.members[1].stamp != archive.members[1].stamp


def test_ending_in(opened):
    archive = opened(zipped({"x/ab.csv": b"1", "x/b.csv": b"2"}))
    found = archive.ending_in("b.csv")
    assert found is not None and found.path == "x/b.csv"
    assert archive.ending_in("c.csv") is None


def test_extract(opened, tmp_path):
    archive = opened(zipped({"a/model.pth": bytes(3_000_000)}))
    archive.extract("a/model.pth", tmp_path / "deep" / "model.pth")
    assert (tmp_path / "deep" / "model.pth").read_bytes() == bytes(3_000_000)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["model.pth"]


def test_many_threads_read_at_once(opened):
    files = {f"{number}.png": os.urandom(20_000) for number in range(200)}
    archive = opened(zipped(files))
    wrong = []

    def read(start: int) -> None:
        for number in range(start, start + 200):
            name = f"{number % 200}.png"
            if archive.read(name) != files[name]:
                wrong.append(name)

    threads = [threading.Thread(target=read, args=(50 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_forked_process_reads_correctly(opened):
    """Parent and child read alternately and do not share a file position."""
    files = {f"{number}.png": os.urandom(200_000) for number in range(30)}
    archive = opened(zipped(files))
    child = os.fork()
    is_right = all(archive.read(name) == data for _ in range(5) for name, data in files.items())
    if child == 0:
        os._exit(0 if is_right else 1)
    assert is_right
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize(
    "name", ["../out.png", "/out.png", "a/../../out.png", "..\\out.png", "C:\\out.png", "C:out.png"]
)
def test_a_member_outside_its_folder_is_refused(opened, name):
    with pytest.raises(UnavailableError, match=r"the archive .* would leave its folder"):
        opened(zipped({"first.png": b"1", name: b"2"}))


def test_a_link_is_refused(opened, tmp_path):
    member = zipfile.ZipInfo("link.png")
    member.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(member, "/etc/hostname")
    with pytest.raises(UnavailableError, match="would leave its folder"):
        opened((tmp_path / "link.zip").read_bytes())


def test_an_encrypted_member_is_refused(opened):
    data = bytearray(zipped({"1.png": b"one"}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(UnavailableError, match="encrypted"):
        opened(bytes(data))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (LOG_IN, "gave a web page instead of an archive: get another"),
        (b"1234", "4 bytes that are not a zip file"),
        (zipped({"1.png": b"one"})[:-30], "not a zip file"),
        (zipped({"1.png": b"one"}).replace(b"PK\x01\x02", b"PK\x01\x03"), "damaged"),
    ],
    ids=["page", "no zip", "cut short", "damaged"],  # the bytes have the time of day in them
)
def test_files_that_are_no_archive_are_refused(opened, data, words):
    with pytest.raises(UnavailableError, match=words):
        opened(data)


def test_other_members_can_be_read_beside_a_damaged_one(opened, tmp_path):
    data = bytearray(zipped({"1.png": os.urandom(4000), "2.png": b"two"}))
    data[100:110] = b"0123456789"
    archive = opened(bytes(data))
    with pytest.raises(OSError, match=r"1\.png in the archive is damaged"):
        archive.read("1.png")
    with pytest.raises(OSError, match=r"1\.png"):
        archive.extract("1.png", tmp_path / "out" / "1.png")
    assert list((tmp_path / "out").iterdir()) == []
    assert archive.read("2.png") == b"two"


@pytest.mark.parametrize("declared", [10, 2_000_000])
def test_a_member_of_another_size_than_it_says(opened, declared):
    data = bytearray(zipped({"1.png": os.urandom(1000) * 100, "2.png": b"two"}))
    place = data.index(b"PK\x01\x02") + 24
    data[place : place + 4] = declared.to_bytes(4, "little")
    archive = opened(bytes(data))
    with pytest.raises(OSError, match="damaged"):
        archive.read("1.png")
    assert archive.read("2.png") == b"two"


def test_a_bomb_is_not_inflated(opened, tmp_path, monkeypatch):
    archive = opened(zipped({"bomb.png": bytes(120_000_000), "2.png": b"two"}))
    monkeypatch.setattr(archives.zipfile.ZipFile, "open", None)  # nothing may be inflated
    with pytest.raises(OSError, match=r"would inflate from 11.* to 120000000"):
        archive.read("bomb.png")
    with pytest.raises(OSError, match="would inflate"):
        archive.extract("bomb.png", tmp_path / "x")
    monkeypatch.undo()
    assert archive.read("2.png") == b"two"


def test_a_member_of_enormous_size_is_refused(opened):
    data = bytearray(zipped({"1.png": b"one"}))
    place = data.index(b"PK\x01\x02")
    data[place + 20 : place + 24] = (2_500_000_000).to_bytes(4, "little")
    data[place + 24 : place + 28] = (2_500_000_000).to_bytes(4, "little")
    with pytest.raises(OSError, match="would inflate"):
        opened(bytes(data)).read("1.png")


def test_too_many_members_are_refused(opened, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 2)
    with pytest.raises(UnavailableError, match="3 files"):
        opened(zipped({f"{n}.png": b"" for n in range(3)}))


def test_the_file_is_closed_when_the_archive_is_dropped(opened, tmp_path):
    archive = opened(zipped({"1.png": b"one"}))
    read = archive.read
    assert read("1.png") == b"one"
    del archive, read
    folder = Path("/proc/self/fd")
    held = {str(fd.readlink()) for fd in folder.iterdir() if fd.is_symlink()}
    assert str(tmp_path / "a.zip") not in held
