"""Folders, Kaggle and Google Drive; the last two against a server of this machine."""

import os
import shutil
import stat
import tempfile
import traceback
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from deepart_assets.errors import UnavailableError
from deepart_assets.settings import places
from deepart_assets.settings.super_resolution import DriveSR
from deepart_assets.settings.wikiart import DriveSource, FolderSource, Inbox, KaggleSource
from deepart_assets.storage import Lake
from deepart_assets.storage.downloads import Downloads
from deepart_assets.wikiart.sources import Source, open_source, open_sources
from deepart_assets.wikiart.sources.folder import open_folder
from deepart_assets.wikiart.sources.inbox import inbox_lake, open_inbox
from deepart_assets_tests.loopback import LOG_IN, SECRET, Fault, zipped

KAGGLE = KaggleSource(kind="kaggle")
DRIVE = DriveSource(kind="drive", file_id="abc")


def content(source: Source) -> dict[str, bytes]:
    return {picture.path: picture.read() for picture in source.pictures}


# --- folder --------------------------------------------------------------------------------------


def folder(path, **more) -> FolderSource:
    return FolderSource(path=str(path), **more)


def test_folder(tmp_path, downloads):
    names = ("b.JPG", "a.png", "deep/c.webp", "x.JFIF", "x.jpe", "x.jp2", "x.avif")
    for name in (*names, "notes.txt", "deep/more.zip", ".hidden.png", ".git/x.png", "facts.csv"):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / "in" / name).write_bytes(name.encode())
    source = open_source("mine", folder(tmp_path / "in", csv="facts.csv"), downloads)
    assert (source.name, source.origin) == ("mine", str(tmp_path / "in"))
    assert [picture.path for picture in source.pictures] == sorted(names)
    assert content(source) == {name: name.encode() for name in names}
    assert source.csv == b"facts.csv" and list(source.ignored) == ["deep/more.zip", "notes.txt"]


def test_a_changed_file_has_another_stamp(tmp_path, downloads):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"one")
    before = [picture.stamp for picture in open_source("f", folder(tmp_path), downloads).pictures]
    (tmp_path / "a.png").write_bytes(b"two")
    os.utime(tmp_path / "a.png", ns=(0, 1))
    after = [picture.stamp for picture in open_source("f", folder(tmp_path), downloads).pictures]
    assert before[0] != after[0] and before[1] == after[1]


def test_url(downloads):
    fs = fsspec.filesystem("memory")
    fs.pipe_file("/bucket/art/1.jpg", b"one")
    fs.pipe_file("/bucket/art/facts.csv", b"csv")
    source = open_source("b", FolderSource(path="memory://bucket/art", csv="facts.csv"), downloads)
    assert content(source) == {"1.jpg": b"one"} and source.csv == b"csv"
    assert source.pictures[0].stamp is not None and not source.ignored


def test_a_csv_of_any_name_is_no_picture(tmp_path, downloads):
    (tmp_path / "facts").write_bytes(b"csv")
    (tmp_path / "1.jpg").write_bytes(b"one")
    source = open_source("mine", folder(tmp_path, csv="facts"), downloads)
    assert content(source) == {"1.jpg": b"one"} and source.csv == b"csv"


def test_relative_folder_is_in_the_project(tmp_path, monkeypatch, downloads):
    monkeypatch.chdir(tmp_path)
    assert open_source("s", folder("data/sample/paintings"), downloads).pictures


def test_a_relative_inbox_is_in_the_project_and_nowhere_else(tmp_path, monkeypatch):
    here, project = tmp_path / "here", tmp_path / "project"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(places, "PROJECT", project)
    choice, lake = Inbox(path="drop/here"), Lake(tmp_path / "lake")
    open_inbox(choice, lake)
    (project / "drop/here/1.png").write_bytes(b"1")
    (project / "drop/here/paintings.csv").write_bytes(b"csv")
    source = open_inbox(choice, lake)
    assert content(source) == {"1.png": b"1"} and source.csv == b"csv"
    assert inbox_lake(choice, lake).read("1.png") == b"1"
    assert not list(here.iterdir())


def test_missing_folder_or_csv(tmp_path, downloads):
    with pytest.raises(UnavailableError, match=r"no folder .*nowhere.*sources\.mine\.path"):
        open_source("mine", folder(tmp_path / "nowhere"), downloads)
    with pytest.raises(UnavailableError, match=r"no facts\.csv in .*sources\.mine\.csv"):
        open_source("mine", folder(tmp_path, csv="facts.csv"), downloads)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (PermissionError(13, "Permission denied"), " (Permission denied)"),
        (OSError("AccessDenied"), ""),
    ],
)
def test_a_csv_that_cannot_be_read_is_told(tmp_path, monkeypatch, error, why):
    def refuse(self, path):
        raise error

    monkeypatch.setattr(LocalFileSystem, "cat_file", refuse)
    with pytest.raises(UnavailableError) as raised:
        open_folder("mine", folder(tmp_path, csv="facts.csv"), "wikiart.sources.mine")
    assert str(raised.value) == (
        f"facts.csv in {tmp_path} cannot be read{why}: make it readable, or remove"
        " wikiart.sources.mine.csv from the profile"
    )


def test_a_csv_that_nobody_may_read_does_not_stop_the_inbox(tmp_path, monkeypatch):
    lake = Lake(tmp_path)
    for name in ("1.png", "paintings.csv"):
        lake.write(f"inbox/{name}", b"1")
    fault: OSError = PermissionError(13, "Permission denied")

    def refuse(self, path):
        raise fault

    monkeypatch.setattr(LocalFileSystem, "cat_file", refuse)
    source = open_inbox(Inbox(), lake)
    assert [each.path for each in source.pictures] == ["1.png"] and source.csv is None
    assert source.ignored == {
        "paintings.csv": "cannot be read (Permission denied): make it readable, or remove it"
    }
    fault = OSError("the network is away")  # no reason to restore without titles
    with pytest.raises(UnavailableError):
        open_inbox(Inbox(), lake)


def test_links_are_followed_and_loops_are_no_trap(tmp_path, downloads):
    (tmp_path / "in/deep").mkdir(parents=True)
    (tmp_path / "in/deep/1.png").write_bytes(b"1")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/2.png").write_bytes(b"2")
    (tmp_path / "in/a link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in/deep/up").symlink_to(tmp_path / "in")
    (tmp_path / "in/again").symlink_to(tmp_path / "in/deep")  # the real folder gives the name
    (tmp_path / "in/self.png").symlink_to(tmp_path / "in/self.png")
    (tmp_path / "in/gone.png").symlink_to(tmp_path / "nowhere.png")
    os.mkfifo(tmp_path / "in/pipe.png")
    source = open_folder("f", folder(tmp_path / "in"), "f")
    assert content(source) == {"a link/2.png": b"2", "deep/1.png": b"1"}
    assert source.ignored == {
        "gone.png": "is a link to what is not there: put the file in its place",
        "self.png": "cannot be read (Too many levels of symbolic links): replace or remove it",
    }


def test_a_name_that_is_no_unicode(tmp_path, downloads):
    (tmp_path / os.fsdecode(b"caf\xe9.png")).write_bytes(b"1")
    (tmp_path / "日本.png").write_bytes(b"2")
    source = open_source("f", folder(tmp_path), downloads)
    assert content(source) == {"caf\\xe9.png": b"1", "日本.png": b"2"}
    assert [picture.path.encode() for picture in source.pictures]


def test_a_folder_that_may_not_be_read_is_told(pauses):
    place = Path(tempfile.mkdtemp())
    is_root = os.geteuid() == 0
    try:
        place.chmod(0o755)
        (place / "locked").mkdir()
        (place / "open.png").write_bytes(b"1")
        (place / "locked").chmod(0)
        if is_root:  # who may read everything
            os.seteuid(65534)
        listed = open_source("f", folder(place), Downloads(place, Lake(place), print))
    finally:
        if is_root:
            os.seteuid(0)
        (place / "locked").chmod(stat.S_IRWXU)
        shutil.rmtree(place)
    assert [picture.path for picture in listed.pictures] == ["open.png"]
    assert listed.ignored == {
        "locked/": "cannot be listed (Permission denied): make it readable"
    }  # fmt: skip


# --- several -------------------------------------------------------------------------------------


def test_any_combination_in_the_profiles_order(kaggle, drive, tmp_path, downloads):
    kaggle.files.update(competition())
    drive.files["abc"] = zipped({"1.png": b"drive"})
    (tmp_path / "inbox").mkdir()
    choices = {"z": folder(tmp_path / "inbox"), "a": DRIVE, "k": KAGGLE}
    sources = open_sources(choices, downloads)
    assert [source.name for source in sources] == ["z", "a", "k"]
    assert [len(source.pictures) for source in sources] == [0, 1, 3]  # an empty inbox is no fault


def test_no_picture_at_all(tmp_path, downloads):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    choices = {name: folder(tmp_path / name) for name in ("one", "two")}
    with pytest.raises(UnavailableError, match=r"no picture in .*one, .*two"):
        open_sources(choices, downloads)


# --- kaggle --------------------------------------------------------------------------------------


def competition() -> dict[str, bytes]:
    return {
        "train.zip": zipped({"train/1.jpg": b"one", "train/2.jpg": b"two"}),
        "test.zip": zipped(
            {"test/3.jpg": b"three", "test/inner.zip": b"PK", "__MACOSX/._3.jpg": b""}
        ),
        "all_data_info.csv": b"artist,new_filename\n",
    }


@pytest.fixture
def painters(kaggle):
    kaggle.files.update(competition())
    return kaggle


def test_kaggle(painters, downloads):
    source = open_source("k", KAGGLE, downloads)
    assert list(content(source).items()) == [
        ("test/test/3.jpg", b"three"),
        ("train/train/1.jpg", b"one"),
        ("train/train/2.jpg", b"two"),
    ]
    assert source.csv == b"artist,new_filename\n"
    assert list(source.ignored) == ["test/test/inner.zip"]
    assert len({picture.stamp for picture in source.pictures}) == 3
    assert painters.authorizations and all(painters.authorizations)
    kept = {p.name for p in (downloads.cache / "kaggle/painter-by-numbers").iterdir()}
    shown = {name for name in kept if not name.startswith(".")}
    assert shown == {"all_data_info.csv", "test.zip", "train.zip"}  # nothing is unpacked
    assert downloads.lake.list("locks/kaggle/painter-by-numbers") == [
        f"locks/kaggle/painter-by-numbers/{name}.json" for name in sorted(shown)
    ]


def test_kaggle_is_asked_once(painters, downloads, monkeypatch):
    first = open_source("k", KAGGLE, downloads)
    asked = list(painters.kaggle_calls)
    monkeypatch.delenv("KAGGLE_USERNAME")
    monkeypatch.delenv("KAGGLE_KEY")
    again = open_source("k", KAGGLE, downloads)
    assert content(again) == content(first)
    assert [p.stamp for p in again.pictures] == [p.stamp for p in first.pictures]
    assert painters.kaggle_calls == asked == ["all_data_info.csv", "train.zip", "test.zip"]


def test_kaggle_csv_may_be_zipped(painters, downloads):
    painters.files["all_data_info.csv"] = zipped({"all_data_info.csv": b"the csv"})
    assert open_source("k", KAGGLE, downloads).csv == b"the csv"


def test_kaggle_archives_are_resumed(painters, downloads):
    painters.files["train.zip"] = zipped({"1.jpg": os.urandom(500_000)})
    painters.faults["train.zip"] = [
        Fault(cut=200_000),
        Fault(status=429, retry_after="1"),
        Fault(status=500),
        Fault(cut=200_000),
    ]
    open_source("k", KAGGLE, downloads)
    assert painters.sent("train.zip") == len(painters.files["train.zip"])
    assert painters.kaggle_calls.count("train.zip") == 1


def test_a_signed_address_that_ran_out_is_renewed(painters, downloads):
    painters.files["train.zip"] = zipped({"1.jpg": os.urandom(500_000)})
    painters.faults["train.zip"] = [Fault(cut=100_000)] * 4
    painters.signed_for = 2
    source = open_source("k", KAGGLE, downloads)
    assert len(content(source)["train/1.jpg"]) == 500_000
    assert painters.sent("train.zip") == len(painters.files["train.zip"])
    assert painters.kaggle_calls.count("train.zip") == 3


def test_kaggle_busy_for_a_while(painters, downloads, monkeypatch, pauses):
    def recover(seconds):
        pauses.append(seconds)
        painters.kaggle_status = 200

    monkeypatch.setattr("deepart_assets.storage.transfer.wait", recover)
    painters.kaggle_status = 503
    assert open_source("k", KAGGLE, downloads).pictures
    assert len(pauses) == 1


@pytest.mark.parametrize(
    ("status", "remedy"), [(403, "accept the competition's rules"), (401, "new token")]
)
def test_kaggle_refusals_name_the_remedy_and_no_secret(painters, downloads, status, remedy):
    painters.kaggle_status = status
    with pytest.raises(UnavailableError, match=remedy) as caught:
        open_source("k", KAGGLE, downloads)
    shows_no_secret(caught)


def test_kaggle_refusal_of_a_signed_address_does_not_show_it(painters, downloads):
    painters.always["all_data_info.csv"] = Fault(status=403)
    with pytest.raises(UnavailableError, match="accept the competition's rules") as caught:
        open_source("k", KAGGLE, downloads)
    shows_no_secret(caught)


def test_kaggle_gives_a_page(painters, downloads):
    painters.always["train.zip"] = Fault(page=LOG_IN)
    with pytest.raises(UnavailableError, match=r"train\.zip .*a web page") as caught:
        open_source("k", KAGGLE, downloads)
    shows_no_secret(caught)


def test_kaggle_missing_file(painters, downloads):
    del painters.files["test.zip"]
    with pytest.raises(UnavailableError, match=r"test\.zip.*no such file.*sources\.k\.") as caught:
        open_source("k", KAGGLE, downloads)
    shows_no_secret(caught)
    kept = {p.name for p in (downloads.cache / "kaggle/painter-by-numbers").glob("[!.]*")}
    assert kept == {"all_data_info.csv", "train.zip"}  # what was complete stays


def test_kaggle_without_credentials(painters, downloads, monkeypatch, capsys):
    monkeypatch.delenv("KAGGLE_USERNAME")
    monkeypatch.delenv("KAGGLE_KEY")
    with pytest.raises(UnavailableError, match=r"needs credentials: .*\.kaggle/access_token"):
        open_source("k", KAGGLE, downloads)
    assert capsys.readouterr().out == ""
    assert painters.kaggle_calls == []


def test_kaggle_damaged_archive(painters, downloads):
    painters.files["train.zip"] = painters.files["train.zip"][:40]
    with pytest.raises(UnavailableError, match=r"train\.zip gave 40 bytes that are not a zip"):
        open_source("k", KAGGLE, downloads)
    painters.files.update(competition())
    assert open_source("k", KAGGLE, downloads).pictures  # nothing was noted of the bad one


def test_a_damaged_picture_is_alone(painters, downloads):
    good, bad = os.urandom(1000), os.urandom(1000)
    data = bytearray(zipped({"good.jpg": good, "bad.jpg": bad}))
    place = data.index(bad[:50])
    data[place : place + 10] = b"0123456789"
    painters.files["train.zip"] = bytes(data)
    pictures = {p.path: p for p in open_source("k", KAGGLE, downloads).pictures}
    assert pictures["train/good.jpg"].read() == good
    with pytest.raises(OSError, match=r"bad\.jpg in Kaggle's .*train\.zip is damaged"):
        pictures["train/bad.jpg"].read()


def shows_no_secret(caught):
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown and caught.value.__context__ is None


# --- drive ---------------------------------------------------------------------------------------


def test_drive(drive, downloads):
    drive.files["abc"] = zipped(
        {
            "WikiArt/realism/1.png": b"one",
            "WikiArt/facts.csv": b"csv",
            "WikiArt/readme.txt": b"words",
            "__MACOSX/WikiArt/._1.png": b"resource fork",
        }
    )
    drive.confirm = "form"
    choice = DriveSource(kind="drive", file_id="abc", csv="facts.csv")
    source = open_source("d", choice, downloads)
    assert content(source) == {"WikiArt/realism/1.png": b"one"}
    assert source.csv == b"csv" and list(source.ignored) == ["WikiArt/readme.txt"]
    drive.files.clear()
    assert content(open_source("d", choice, downloads)) == content(source)


def test_the_data_set_for_super_resolution_is_another_archive_on_drive(drive, downloads):
    drive.files["abc"] = zipped({"train/1.png": b"one"})
    source = open_source("wikiart_sr", DriveSR(kind="drive", file_id="abc"), downloads)
    assert content(source) == {"train/1.png": b"one"} and source.csv is None
    wrong = DriveSR(kind="drive", file_id="abc", sha256="00" * 32)
    with pytest.raises(UnavailableError, match=r"not 0{64}: correct super_res.*data_set\.sha"):
        open_source("wikiart_sr", wrong, downloads, "super_resolution.data_set")


def test_drive_page_instead_of_an_archive(drive, downloads):
    drive.files["abc"] = LOG_IN
    with pytest.raises(UnavailableError, match=r"a web page .* instead; share it"):
        open_source("d", DRIVE, downloads)
    assert list((downloads.cache / "drive").glob("[!.]*")) == []


def test_drive_missing_file(drive, downloads):
    with pytest.raises(UnavailableError, match=r"Google Drive's file abc .*404.*sources\.d\."):
        open_source("d", DRIVE, downloads)


def test_drive_missing_csv_or_pictures(drive, downloads):
    drive.files["abc"] = zipped({"1.png": b"one"})
    choice = DriveSource(kind="drive", file_id="abc", csv="facts.csv")
    with pytest.raises(UnavailableError, match=r"no facts\.csv.*sources\.d\.csv"):
        open_source("d", choice, downloads)
    drive.files["other"] = zipped({"1.txt": b"one"})
    with pytest.raises(UnavailableError, match=r"no picture .*file other: check .*file_id"):
        open_source("d", DriveSource(kind="drive", file_id="other"), downloads)


def test_drive_archive_that_would_leave_its_folder(drive, downloads):
    drive.files["abc"] = zipped({"1.png": b"one", "../2.png": b"two"})
    with pytest.raises(UnavailableError, match="would leave its folder"):
        open_source("d", DRIVE, downloads)
    assert not downloads.lake.exists("locks/drive/abc.zip.json")
