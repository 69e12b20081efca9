"""Folders, Kaggle and Google Drive; the last two against a server of this machine."""

import functools
import http.server
import io
import threading
import zipfile
from pathlib import Path

import fsspec
import pytest

from deepart_assets.errors import UnavailableError
from deepart_assets.settings.wikiart import DriveSource, FolderSource, KaggleSource
from deepart_assets.wikiart.archives import unzip
from deepart_assets.wikiart.sources import open_source

SECRET = "b5c1f0secret"


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


class Site(http.server.BaseHTTPRequestHandler):
    """Answers Kaggle's download call with a redirect, as Kaggle does, and serves files."""

    files: dict[str, bytes]
    status: int
    file_status: int
    calls: list[str]
    authorizations: list[str | None]

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length).decode()
        self.calls.append(self.path)
        self.authorizations.append(self.headers.get("Authorization"))
        name = next((name for name in self.files if f'"{name}"' in body), None)
        if self.status != 200 or name is None:
            self._answer(self.status if self.status != 200 else 404, b"{}", "application/json")
            return
        self.send_response(302)
        self.send_header("Location", f"/files/{name}?signature={SECRET}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        self.calls.append(self.path)
        name = self.path.rsplit("/", 1)[-1].split("?")[0]
        key = self.path.split("id=")[-1] if "id=" in self.path else name
        if key in self.files:
            self._answer(self.file_status, self.files[key], "application/octet-stream")
        else:
            self._answer(404, b"none", "text/plain")

    def _answer(self, status: int, data: bytes, kind: str):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def site():
    handler = type(
        "Handler",
        (Site,),
        {"files": {}, "status": 200, "file_status": 200, "calls": [], "authorizations": []},
    )
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=functools.partial(server.serve_forever, 0.02), daemon=True)
    thread.start()
    handler.url = f"http://127.0.0.1:{server.server_port}"
    yield handler
    server.shutdown()
    server.server_close()


# --- folder --------------------------------------------------------------------------------------


def test_folder(tmp_path):
    for name in ("b.JPG", "a.png", "deep/c.webp", "notes.txt", ".hidden.png", ".git/x.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "facts.csv").write_bytes(b"csv")
    source = open_source(FolderSource(path=str(tmp_path), csv="facts.csv"), tmp_path)
    assert [picture.path for picture in source.pictures] == ["a.png", "b.JPG", "deep/c.webp"]
    assert [picture.read() for picture in source.pictures] == [b"a.png", b"b.JPG", b"deep/c.webp"]
    assert source.csv == b"csv"
    before = [picture.stamp for picture in source.pictures]
    (tmp_path / "a.png").write_bytes(b"other")
    after = [p.stamp for p in open_source(FolderSource(path=str(tmp_path)), tmp_path).pictures]
    assert before[0] != after[0] and before[1:] == after[1:]


def test_url():
    fs = fsspec.filesystem("memory")
    fs.pipe_file("/bucket/art/1.jpg", b"one")
    fs.pipe_file("/bucket/art/facts.csv", b"csv")
    choice = FolderSource(path="memory://bucket/art", csv="facts.csv")
    source = open_source(choice, Path("unused"))
    assert [(p.path, p.read()) for p in source.pictures] == [("1.jpg", b"one")]
    assert source.csv == b"csv"


def test_relative_folder_is_in_the_project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert open_source(FolderSource(path="data/sample/paintings"), tmp_path).pictures


def test_missing_folder_csv_or_pictures(tmp_path):
    with pytest.raises(UnavailableError, match=r"no folder .*nowhere.*wikiart\.source\.path"):
        open_source(FolderSource(path=str(tmp_path / "nowhere")), tmp_path)
    with pytest.raises(UnavailableError, match="There is no picture"):
        open_source(FolderSource(path=str(tmp_path)), tmp_path)
    (tmp_path / "1.png").write_bytes(b"1")
    with pytest.raises(UnavailableError, match=r"no facts\.csv in"):
        open_source(FolderSource(path=str(tmp_path), csv="facts.csv"), tmp_path)


# --- kaggle --------------------------------------------------------------------------------------


@pytest.fixture
def kaggle(site, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "home"))
    monkeypatch.delenv("KAGGLE_API_TOKEN", raising=False)
    monkeypatch.setenv("KAGGLE_USERNAME", "painter")
    monkeypatch.setenv("KAGGLE_KEY", SECRET)
    from kagglesdk import kaggle_env

    endpoints = {**kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD: site.url}
    monkeypatch.setattr(kaggle_env, "_env_to_endpoint", endpoints)
    from kaggle.api.kaggle_api_extended import KaggleApi

    for name in ("config_dir", "config"):  # set from the environment when kaggle is imported
        monkeypatch.setattr(KaggleApi, name, str(tmp_path / "home" / "kaggle.json"))
    site.files = {
        "train.zip": zipped({"train/1.jpg": b"one", "train/2.jpg": b"two"}),
        "test.zip": zipped({"test/3.jpg": b"three"}),
        "all_data_info.csv": b"artist,new_filename\n",
    }
    return site


def test_kaggle(kaggle, tmp_path):
    source = open_source(KaggleSource(kind="kaggle"), tmp_path / "cache")
    assert [(p.path, p.read()) for p in source.pictures] == [
        ("train/train/1.jpg", b"one"),
        ("train/train/2.jpg", b"two"),
        ("test/test/3.jpg", b"three"),
    ]
    assert source.csv == b"artist,new_filename\n"
    assert kaggle.authorizations and all(kaggle.authorizations)
    kept = sorted(p.name for p in (tmp_path / "cache/kaggle/painter-by-numbers").iterdir())
    assert kept == ["all_data_info.csv", "test", "train"]

    kaggle.calls.clear()
    again = open_source(KaggleSource(kind="kaggle"), tmp_path / "cache")
    assert kaggle.calls == [] and [p.path for p in again.pictures] == [
        p.path for p in source.pictures
    ]


def test_kaggle_csv_may_be_zipped(kaggle, tmp_path):
    kaggle.files["all_data_info.csv"] = zipped({"all_data_info.csv": b"the csv"})
    assert open_source(KaggleSource(kind="kaggle"), tmp_path).csv == b"the csv"


@pytest.mark.parametrize(
    ("status", "remedy"), [(403, "accept the competition's rules"), (401, "new token")]
)
def test_kaggle_refusals_name_the_remedy_and_no_secret(kaggle, tmp_path, status, remedy):
    kaggle.status = status
    with pytest.raises(UnavailableError, match=remedy) as caught:
        open_source(KaggleSource(kind="kaggle"), tmp_path)
    _shows_no_secret(caught)


def test_kaggle_refusal_of_a_signed_url_does_not_show_it(kaggle, tmp_path):
    kaggle.file_status = 403
    with pytest.raises(UnavailableError, match="accept the competition's rules") as caught:
        open_source(KaggleSource(kind="kaggle"), tmp_path)
    assert any(SECRET in call for call in kaggle.calls)
    _shows_no_secret(caught)


def test_kaggle_missing_file(kaggle, tmp_path):
    del kaggle.files["test.zip"]
    with pytest.raises(UnavailableError, match=r"test\.zip.*no such file") as caught:
        open_source(KaggleSource(kind="kaggle"), tmp_path)
    _shows_no_secret(caught)
    left = {path.name for path in (tmp_path / "kaggle/painter-by-numbers").iterdir()}
    assert left == {"train"}  # what was complete stays, of the rest nothing


def test_kaggle_without_credentials(kaggle, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("KAGGLE_USERNAME")
    monkeypatch.delenv("KAGGLE_KEY")
    with pytest.raises(UnavailableError, match=r"\.kaggle/access_token"):
        open_source(KaggleSource(kind="kaggle"), tmp_path)
    assert capsys.readouterr().out == ""
    assert kaggle.calls == []


def test_kaggle_damaged_archive(kaggle, tmp_path):
    kaggle.files["train.zip"] = kaggle.files["train.zip"][:40]
    with pytest.raises(UnavailableError, match=r"train\.zip gave 40 bytes that are no zip"):
        open_source(KaggleSource(kind="kaggle"), tmp_path)


def _shows_no_secret(caught):
    import traceback

    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown and SECRET not in str(caught.value)


# --- drive ---------------------------------------------------------------------------------------


@pytest.fixture
def drive(site, monkeypatch):
    monkeypatch.setattr("deepart_assets.storage.drive.DRIVE_URL", site.url + "/uc?id={file_id}")
    return site


def test_drive(drive, tmp_path):
    drive.files["abc"] = zipped(
        {
            "WikiArt/realism/1.png": b"one",
            "WikiArt/facts.csv": b"csv",
            "__MACOSX/WikiArt/._1.png": b"resource fork",
        }
    )
    choice = DriveSource(kind="drive", file_id="abc", csv="facts.csv")
    source = open_source(choice, tmp_path)
    assert [(p.path, p.read()) for p in source.pictures] == [("WikiArt/realism/1.png", b"one")]
    assert source.csv == b"csv"
    calls = len(drive.calls)
    open_source(choice, tmp_path)
    assert len(drive.calls) == calls


def test_drive_page_instead_of_an_archive(drive, tmp_path):
    drive.files["abc"] = b"<!DOCTYPE html><html><title>Sign in - Google Accounts</title></html>"
    with pytest.raises(UnavailableError, match=r"a web page .* came in its place; share it"):
        open_source(DriveSource(kind="drive", file_id="abc"), tmp_path)
    assert list((tmp_path / "drive").iterdir()) == []  # nothing that a later run would take


def test_drive_missing_file(drive, tmp_path):
    with pytest.raises(UnavailableError, match="Google Drive's file abc"):
        open_source(DriveSource(kind="drive", file_id="abc"), tmp_path)


def test_drive_missing_csv(drive, tmp_path):
    drive.files["abc"] = zipped({"1.png": b"one"})
    with pytest.raises(UnavailableError, match=r"no facts\.csv"):
        open_source(DriveSource(kind="drive", file_id="abc", csv="facts.csv"), tmp_path)


# --- archives ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../out.png", "/out.png", "a/../../out.png", "..\\out.png", "C:\\out.png", "C:out.png"]
)
def test_archive_that_would_leave_its_folder(tmp_path, name):
    archive = tmp_path / "a.zip"
    archive.write_bytes(zipped({"first.png": b"1", name: b"2"}))
    with pytest.raises(UnavailableError, match="would leave its folder"):
        unzip(archive, tmp_path / "deep" / "target", "the archive", "do not")
    assert list((tmp_path / "deep" / "target").iterdir()) == []
    assert not list(tmp_path.rglob("out.png"))


def test_archive_with_a_link(tmp_path):
    member = zipfile.ZipInfo("link.png")
    member.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(member, "/etc/hostname")
    with pytest.raises(UnavailableError, match="would leave its folder"):
        unzip(tmp_path / "a.zip", tmp_path / "target", "the archive", "do not")


def test_damaged_archive(tmp_path):
    data = bytearray(zipped({"1.png": bytes(range(256)) * 40}))
    data[60:70] = b"0123456789"
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(UnavailableError, match="damaged"):
        unzip(tmp_path / "a.zip", tmp_path / "target", "the archive", "do not")


def test_archive_larger_than_the_disk(tmp_path, monkeypatch):
    import shutil

    (tmp_path / "a.zip").write_bytes(zipped({"1.png": bytes(5000)}))
    real = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: real._replace(free=4999))
    with pytest.raises(UnavailableError, match="DEEPART_DATA"):
        unzip(tmp_path / "a.zip", tmp_path / "target", "the archive", "do not")
