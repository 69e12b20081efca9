"""Downloads from a local server with every kind of failure."""

import email.utils
import hashlib
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deepart_assets.errors import UnavailableError
from deepart_assets.progress import duration
from deepart_assets.storage import Lake
from deepart_assets.storage.downloads import Download, Downloads
from deepart_assets.storage.drive import drive_download
from deepart_assets.storage.responses import looks_like_html
from deepart_assets.storage.transfer import ATTEMPTS, MAX_RETRY_AFTER, Address
from deepart_assets_tests.loopback import LOG_IN, SECRET, Fault

DATA = random.Random(1).randbytes(3_000_000)
SHA = hashlib.sha256(DATA).hexdigest()


def wanted(site, name="file.bin", **more) -> Download:
    return Download(
        name=f"some/{name}",
        origin=f"the {name}",
        locate=lambda session: Address(f"{site.url}/files/{name}?token={SECRET}"),
        remedy="ask the librarian",
        **more,
    )


@pytest.fixture
def file(site):
    site.files["file.bin"] = DATA
    return site


def in_cache(downloads) -> dict[str, bytes]:
    folder = downloads.cache / "some"
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}


def nothing_to_see(caught) -> None:
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown
    assert caught.value.__cause__ is None and caught.value.__context__ is None


# --- what goes well ------------------------------------------------------------------------------


def test_a_file_is_fetched_once_and_noted(file, downloads):
    fetched = downloads.fetch(wanted(file))
    assert fetched.path.read_bytes() == DATA and fetched.sha256 == SHA
    lock = downloads.lake.read_json("locks/some/file.bin.json")
    assert lock.pop("first_used")[:2] == "20"
    assert lock == {"origin": "the file.bin", "sha256": SHA, "size": len(DATA)}
    file.requests.clear()
    assert downloads.fetch(wanted(file)) == fetched
    assert file.requests == []
    assert set(in_cache(downloads)) == {"file.bin", ".file.bin.note"}


def test_a_known_file_needs_no_network_and_no_second_hash(file, downloads, monkeypatch):
    downloads.fetch(wanted(file))
    monkeypatch.setattr("deepart_assets.storage.downloads.sha256_of_file", None)
    other = Downloads(downloads.cache, Lake(downloads.lake.url + "2"))
    file.files.clear()
    assert other.fetch(wanted(file)).sha256 == SHA
    assert other.lake.read_json("locks/some/file.bin.json")["sha256"] == SHA


def test_a_file_saved_by_hand_is_taken(file, downloads):
    (downloads.cache / "some").mkdir(parents=True)
    (downloads.cache / "some/file.bin").write_bytes(DATA)
    assert downloads.fetch(wanted(file)).sha256 == SHA
    assert file.requests == []
    assert downloads.lake.exists("locks/some/file.bin.json")


def test_progress_is_reported_now_and_then(file, tmp_path, monkeypatch, pauses):
    lines = []
    monkeypatch.setattr("deepart_assets.progress.REPORT_SECONDS", 0.0)
    Downloads(tmp_path / "c", Lake(tmp_path / "l"), lines.append).fetch(wanted(file))
    assert any("some/file.bin: 0.00" in line and "MB/s, about" in line for line in lines)
    monkeypatch.setattr("deepart_assets.progress.REPORT_SECONDS", 60.0)
    lines.clear()
    Downloads(tmp_path / "c2", Lake(tmp_path / "l"), lines.append).fetch(wanted(file))
    assert len(lines) == 1 and "checking" in lines[0]


def test_long_times_are_told_in_hours():
    assert [duration(seconds) for seconds in (90, 7199, 36_000)] == ["90 s", "120 min", "10.0 h"]


# --- a bad line ----------------------------------------------------------------------------------


def test_a_cut_transfer_resumes_where_it_stopped(file, downloads, pauses):
    file.faults["file.bin"] = [Fault(cut=700_000)] * 4
    assert downloads.fetch(wanted(file)).path.read_bytes() == DATA
    starts = [request.start for request in file.asked("file.bin")]
    assert starts == [0, 700_000, 1_400_000, 2_100_000, 2_800_000, 3_000_000]
    assert file.sent("file.bin") == len(DATA)
    assert all(request.conditional for request in file.asked("file.bin")[1:])
    assert len(pauses) == 4


def test_more_cuts_than_attempts_are_no_end_as_long_as_something_comes(file, downloads):
    file.always["file.bin"] = Fault(cut=100_000)
    assert downloads.fetch(wanted(file)).path.read_bytes() == DATA
    assert len(file.asked("file.bin")) > 3 * ATTEMPTS


def test_a_server_without_ranges(file, downloads):
    file.always["file.bin"] = Fault(ranges=False)
    file.faults["file.bin"] = [Fault(ranges=False, cut=1_000_000)] * 3
    assert downloads.fetch(wanted(file)).path.read_bytes() == DATA
    assert {request.status for request in file.asked("file.bin")} == {200}


def test_a_server_without_ranges_that_always_cuts_is_given_up(file, downloads, pauses):
    file.always["file.bin"] = Fault(ranges=False, cut=1_000_000)
    with pytest.raises(UnavailableError, match="connection broke off; ask the lib"):
        downloads.fetch(wanted(file))
    assert len(file.asked("file.bin")) == ATTEMPTS + 1  # the first one did bring something


def test_without_a_validator_nothing_is_continued(file, downloads):
    file.validators = False
    file.faults["file.bin"] = [Fault(cut=1_000_000)]
    assert downloads.fetch(wanted(file)).path.read_bytes() == DATA
    assert [r.start for r in file.asked("file.bin")] == [0, 0, 3_000_000]


def test_a_file_that_changed_meanwhile_is_not_spliced(file, downloads, monkeypatch):
    other = random.Random(2).randbytes(2_500_000)

    def swap(seconds):
        file.files["file.bin"] = other

    file.faults["file.bin"] = [Fault(cut=1_000_000)]
    monkeypatch.setattr("deepart_assets.storage.transfer.wait", swap)
    assert downloads.fetch(wanted(file)).path.read_bytes() == other


def test_a_server_that_ignores_if_range_is_not_believed(file, downloads):
    """The second answer is the rest of another version, as a careless cache would send it."""
    file.faults["file.bin"] = [Fault(cut=1_000_000), Fault(stubborn=True, etag="other")]
    assert downloads.fetch(wanted(file)).path.read_bytes() == DATA
    assert [r.start for r in file.asked("file.bin")] == [0, 1_000_000, 0, 3_000_000]


def test_dropped_connections(file, downloads, pauses):
    file.faults["file.bin"] = [Fault(drop=True)] * 2
    assert downloads.fetch(wanted(file)).sha256 == SHA
    assert len(pauses) == 2


def test_no_server_at_all(downloads, site, pauses):
    download = wanted(site)
    site.url = "http://127.0.0.1:9"
    with pytest.raises(UnavailableError, match=r"no connection \(ConnectionError\)") as caught:
        downloads.fetch(download)
    nothing_to_see(caught)
    assert len(pauses) == ATTEMPTS - 1


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_the_cuts_the_bytes_are_right(data, site, tmp_path_factory, pauses):
    size = data.draw(st.integers(0, 400_000))
    content = random.Random(size).randbytes(size)
    fault = st.builds(
        Fault,
        cut=st.integers(0, size),
        ranges=st.booleans(),
        status=st.sampled_from([None, None, None, 429, 503]),
    )
    name = f"{len(site.files)}.bin"
    site.files[name] = content
    site.faults[name] = data.draw(st.lists(fault, max_size=ATTEMPTS - 1))
    folder = tmp_path_factory.mktemp("any")
    fetched = Downloads(folder / "cache", Lake(folder / "lake")).fetch(wanted(site, name))
    assert fetched.path.read_bytes() == content


# --- a server that does not want -----------------------------------------------------------------


def test_429_with_seconds_and_with_a_date(file, downloads, pauses):
    soon = email.utils.formatdate(time.time() + 30, usegmt=True)
    file.faults["file.bin"] = [
        Fault(status=429, retry_after="7"),
        Fault(status=429, retry_after=soon),
        Fault(status=503, retry_after="1000000"),
        Fault(status=429, retry_after="soon"),
    ]
    assert downloads.fetch(wanted(file)).sha256 == SHA
    assert pauses[0] == 7 and 25 <= pauses[1] <= 30 and pauses[2] == MAX_RETRY_AFTER
    assert 0 < pauses[3] <= 8


def test_500_and_then_well(file, downloads, pauses):
    file.faults["file.bin"] = [Fault(status=500), Fault(status=502), Fault(status=504)]
    assert downloads.fetch(wanted(file)).sha256 == SHA
    assert 0.5 <= pauses[0] <= 1 <= pauses[1] <= 2 <= pauses[2] <= 4


def test_500_for_ever(file, downloads, pauses):
    file.always["file.bin"] = Fault(status=500)
    with pytest.raises(
        UnavailableError, match=r"the file\.bin .*status 500; ask the lib"
    ) as caught:
        downloads.fetch(wanted(file))
    assert len(file.asked("file.bin")) == ATTEMPTS and len(pauses) == ATTEMPTS - 1
    nothing_to_see(caught)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_refusal_is_not_asked_again(file, downloads, status, pauses):
    file.always["file.bin"] = Fault(status=status)
    download = wanted(file, remedies={403: "pay the fee"})
    words = "pay the fee" if status == 403 else "ask the librarian"
    with pytest.raises(UnavailableError, match=f"{status}; {words}") as caught:
        downloads.fetch(download)
    assert len(file.asked("file.bin")) == 1 and pauses == []
    nothing_to_see(caught)


def test_an_address_that_ran_out_is_asked_for_again(file, downloads):
    located = []

    def locate(session):
        located.append(1)
        return Address(f"{file.url}/files/file.bin")

    download = Download("some/file.bin", "it", locate, "ask")
    file.faults["file.bin"] = [Fault(cut=1_000_000), Fault(status=403), Fault()]
    assert downloads.fetch(download).sha256 == SHA
    assert len(located) == 2 and file.sent("file.bin") == len(DATA)


# --- a server that lies --------------------------------------------------------------------------


@pytest.mark.parametrize("difference", [-1, -1000, 1, 1000])
def test_a_wrong_length_never_gives_a_file(file, downloads, difference):
    file.always["file.bin"] = Fault(declared=difference)
    with pytest.raises(UnavailableError, match=r"than it announced|broke off"):
        downloads.fetch(wanted(file))
    assert "file.bin" not in in_cache(downloads)
    assert not downloads.lake.exists("locks/some/file.bin.json")


def test_a_page_in_the_place_of_a_file(file, downloads):
    file.always["file.bin"] = Fault(page=LOG_IN)
    with pytest.raises(UnavailableError, match=r"web page \(log-in or quota\).*ask the librarian"):
        downloads.fetch(wanted(file))
    assert set(in_cache(downloads)) == {".file.bin.note", ".file.bin.partial"}
    assert in_cache(downloads)[".file.bin.partial"] == b""
    file.always.clear()
    assert downloads.fetch(wanted(file)).sha256 == SHA


def test_a_page_called_a_file(site, downloads):
    site.files["file.bin"] = b"\xef\xbb\xbf\r\n <html>" + bytes(1000)
    with pytest.raises(UnavailableError, match="web page"):
        downloads.fetch(wanted(site))


def test_a_page_in_the_middle_of_a_transfer_spoils_nothing(file, downloads):
    file.faults["file.bin"] = [Fault(cut=1_000_000), Fault(page=LOG_IN)]
    with pytest.raises(UnavailableError, match="web page"):
        downloads.fetch(wanted(file))
    assert downloads.fetch(wanted(file)).path.read_bytes() == DATA


@pytest.mark.parametrize(
    ("start", "page"),
    [(b"<!DOCTYPE html>", True), (b"\n <HTML>", True), (b"PK\x03\x04", False), (b"", False)],
)
def test_looks_like_html(start, page):
    assert looks_like_html(start) is page


# --- which bytes are meant -----------------------------------------------------------------------


def test_other_bytes_than_at_the_first_use_are_refused(file, downloads):
    downloads.fetch(wanted(file))
    (downloads.cache / "some/file.bin").unlink()
    file.files["file.bin"] = bytes([DATA[0] ^ 1]) + DATA[1:]
    with pytest.raises(UnavailableError, match=r"not .* first use.*locks/some/file\.bin\.json"):
        downloads.fetch(wanted(file))
    assert set(in_cache(downloads)) == {".file.bin.note", "file.bin.refused"}
    downloads.lake.remove("locks/some/file.bin.json")
    assert downloads.fetch(wanted(file)).sha256 != SHA


def test_another_size_than_at_the_first_use_is_refused_before_the_transfer(file, downloads):
    downloads.fetch(wanted(file))
    (downloads.cache / "some/file.bin").unlink()
    file.files["file.bin"] = DATA * 2
    file.requests.clear()
    with pytest.raises(UnavailableError, match=r"6000000 bytes, not 3000000.*locks/"):
        downloads.fetch(wanted(file))
    assert in_cache(downloads)[".file.bin.partial"] == b""


def test_a_cached_file_that_was_changed_is_refused(file, downloads):
    fetched = downloads.fetch(wanted(file))
    before = fetched.path.stat()
    fetched.path.write_bytes(DATA[:-1] + b"?")
    os.utime(fetched.path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    with pytest.raises(UnavailableError, match=r"delete .*cache/some/file\.bin"):
        downloads.fetch(wanted(file))
    fetched.path.write_bytes(DATA)  # the right bytes with another time are looked at and taken
    assert downloads.fetch(wanted(file)).sha256 == SHA


def test_the_profile_says_which_bytes_are_meant(file, downloads):
    assert downloads.fetch(wanted(file, sha256=SHA.upper())).sha256 == SHA
    with pytest.raises(UnavailableError, match=r"not 00: correct the\.key in the profile"):
        downloads.fetch(wanted(file, sha256="00", sha256_key="the.key"))
    (downloads.cache / "some/file.bin").unlink()
    with pytest.raises(UnavailableError, match=f"{SHA}, not 00"):
        downloads.fetch(wanted(file, sha256="00"))
    assert set(in_cache(downloads)) == {".file.bin.note", "file.bin.refused"}


def test_once_the_profile_is_corrected_nothing_is_fetched_again(file, downloads):
    with pytest.raises(UnavailableError, match=f"{SHA}, not 00"):
        downloads.fetch(wanted(file, sha256="00"))
    with pytest.raises(UnavailableError, match=f"{SHA}, not 11"):  # the server may have mended it
        downloads.fetch(wanted(file, sha256="11"))
    assert [request.start for request in file.asked("file.bin")] == [0, 0]
    file.requests.clear()
    assert downloads.fetch(wanted(file, sha256=SHA)).path.read_bytes() == DATA
    assert file.requests == []
    assert set(in_cache(downloads)) == {"file.bin", ".file.bin.note"}


def test_what_is_not_of_its_kind_is_never_noted(file, downloads):
    def check(path):
        raise UnavailableError("it is no zip archive")

    with pytest.raises(UnavailableError, match="no zip"):
        downloads.fetch(wanted(file, check=check))
    assert set(in_cache(downloads)) == {".file.bin.note"}
    assert downloads.lake.list("locks/some") == []
    (downloads.cache / "some/file.bin").write_bytes(LOG_IN)
    with pytest.raises(UnavailableError, match=r"web page.*delete .*some/file\.bin"):
        downloads.fetch(wanted(file))
    assert (downloads.cache / "some/file.bin").read_bytes() == LOG_IN  # a user's file stays


def test_a_lock_file_that_is_none(file, downloads):
    downloads.lake.write("locks/some/file.bin.json", b"[1]")
    with pytest.raises(UnavailableError, match=r"locks/some/file\.bin\.json cannot be read"):
        downloads.fetch(wanted(file))


# --- the disk ------------------------------------------------------------------------------------


def test_a_full_disk_is_reported_before_anything_comes(file, downloads, monkeypatch):
    real = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: real._replace(free=502_000_000))
    with pytest.raises(UnavailableError, match=r"needs 0\.5 GB.*cache has 0\.5.*DEEPART_CACHE"):
        downloads.fetch(wanted(file))
    assert in_cache(downloads)[".file.bin.partial"] == b""
    monkeypatch.setattr(shutil, "disk_usage", lambda path: real._replace(free=503_000_000))
    assert downloads.fetch(wanted(file)).sha256 == SHA


LIMITED = """
import resource, signal, sys
from pathlib import Path
from deepart_assets.storage import Lake
from deepart_assets.storage.downloads import Download, Downloads
from deepart_assets.storage.transfer import Address
url, folder = sys.argv[1:]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
Downloads(Path(folder) / "cache", Lake(Path(folder) / "lake")).fetch(
    Download("some/file.bin", "it", lambda session: Address(url), "ask")
)
"""


def test_a_disk_that_refuses_in_the_middle(file, tmp_path, downloads):
    """A limit of the process in place of a full disk."""
    url = f"{file.url}/files/file.bin"
    command = [sys.executable, "-c", LIMITED, url, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "cannot be written (File too large): make room" in done.stderr.splitlines()[-1]
    file.requests.clear()
    assert downloads.fetch(wanted(file)).path.read_bytes() == DATA
    assert file.asked("file.bin")[0].start == 1_000_000  # and what came is not lost


def test_a_cache_that_cannot_be_written(file, tmp_path):
    (tmp_path / "cache").write_bytes(b"a file")
    with pytest.raises(UnavailableError, match="DEEPART_CACHE"):
        Downloads(tmp_path / "cache", Lake(tmp_path / "lake")).fetch(wanted(file))


# --- processes -----------------------------------------------------------------------------------

FETCH = """
import sys
from pathlib import Path
from deepart_assets.storage import Lake
from deepart_assets.storage.downloads import Download, Downloads
from deepart_assets.storage.transfer import Address
url, folder = sys.argv[1:]
downloads = Downloads(Path(folder) / "cache", Lake(Path(folder) / "lake"), print)
print(downloads.fetch(Download("some/file.bin", "it", lambda session: Address(url), "ask")).sha256)
"""


def start(site, folder: Path) -> subprocess.Popen:
    command = [sys.executable, "-u", "-c", FETCH, f"{site.url}/files/file.bin", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_killed_process_harms_nothing_and_the_next_one_goes_on(file, tmp_path):
    folder = tmp_path / "cache" / "some"
    for kill in range(1, 3):
        file.faults["file.bin"] = [Fault(stall=1_000_000)]
        file.stalled.clear()
        process = start(file, tmp_path)
        assert file.stalled.wait(30)
        partial = folder / ".file.bin.partial"
        deadline = time.monotonic() + 30
        while partial.stat().st_size < kill * 1_000_000 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (folder / "file.bin").exists()
        assert partial.read_bytes() == DATA[: kill * 1_000_000]
    file.requests.clear()
    last = start(file, tmp_path)
    assert last.communicate()[0].splitlines()[-1] == SHA
    assert (folder / "file.bin").read_bytes() == DATA
    assert file.sent("file.bin") == 1_000_000  # only what was missing
    assert sorted(path.name for path in folder.iterdir()) == [".file.bin.note", "file.bin"]


def test_two_processes_at_once(file, tmp_path):
    file.faults["file.bin"] = [Fault(stall=1_000_000)]
    first = start(file, tmp_path)
    assert file.stalled.wait(30)
    second = start(file, tmp_path)
    assert second.stdout is not None and "waiting" in second.stdout.readline()
    file.resume.set()
    assert first.communicate()[0].splitlines()[-1] == SHA
    assert second.communicate()[0].splitlines()[-1] == SHA
    assert file.sent("file.bin") == len(DATA)


def test_threads_at_once(file, downloads):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(downloads.fetch(wanted(file)).sha256))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [SHA] * 4 and file.sent("file.bin") == len(DATA)


# --- secrets -------------------------------------------------------------------------------------


def test_no_address_in_any_log(file, tmp_path, caplog, pauses):
    caplog.set_level(logging.DEBUG)
    lines = []
    downloads = Downloads(tmp_path / "cache", Lake(tmp_path / "lake"), lines.append)
    file.faults["file.bin"] = [Fault(status=500), Fault(cut=1000), Fault(drop=True)]
    downloads.fetch(wanted(file))
    seen = caplog.text + "".join(lines) + str(downloads.lake.read("locks/some/file.bin.json"))
    assert len(lines) >= 3 and SECRET not in seen
    assert SECRET not in repr(wanted(file)) + repr(Address("https://x?" + SECRET))
    stored = b"".join(in_cache(downloads).values())
    assert SECRET.encode() not in stored


# --- Google Drive --------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [None, "form", "form-relative", "link"])
def test_the_page_of_confirmation_is_passed(drive, downloads, page, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    drive.files["abc"] = DATA
    drive.confirm = page
    drive.faults["abc"] = [Fault(cut=1_000_000)]
    download = drive_download("abc", "drive/abc.zip", remedy="share it")
    assert downloads.fetch(download).sha256 == SHA
    assert drive.sent("abc") == len(DATA)
    assert not (tmp_path / "home").exists()


def test_another_page_of_google_is_not_passed(drive, downloads):
    drive.files["abc"] = LOG_IN
    download = drive_download("abc", "drive/abc.zip", remedy="share it")
    with pytest.raises(UnavailableError, match=r"file abc .*web page.*; share it") as caught:
        downloads.fetch(download)
    nothing_to_see(caught)


def test_a_wrong_id_is_refused(downloads):
    with pytest.raises(UnavailableError, match="not an id"):
        drive_download("../../x", "drive/x", remedy="check it")
