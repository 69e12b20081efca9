"""An object store that is away for a while is waited for, and what it refuses is not repeated."""

import logging
import re
import threading
import time

import pytest
import torch
from typer.testing import CliRunner

from deepart_assets.cli import app
from deepart_assets.errors import PaintingError, UnavailableError
from deepart_assets.storage import Lake, retries


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    # Without the client's own attempts, which would bridge a short absence.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(retries, "PAUSE_SECONDS", 0.1)


def stop(server):
    """Stop a server so that connections are refused."""
    server.stop()
    server._server.server_close()


def comes_back_once_missed(server):
    """Return what tells an error of an absent server; it starts it soon after the first one."""
    tells, missed = retries._is_unanswered, []

    def is_unanswered(error):
        if tells(error) and not missed:
            missed.append(error)
            threading.Timer(0.3, server.start).start()
        return tells(error)

    return is_unanswered


def test_a_server_that_comes_back_is_waited_for(s3_server, bucket, monkeypatch, caplog):
    lake = Lake(f"{bucket}/lake")
    lake.write("a.png", b"pixels")
    monkeypatch.setattr(s3_server, "_port", s3_server.get_host_and_port()[1])
    stop(s3_server)
    monkeypatch.setattr(retries, "_is_unanswered", comes_back_once_missed(s3_server))
    assert lake.read("a.png") == b"pixels"
    assert "No answer, asking again for 180 s" in caplog.text
    lake.write("b.png", b"more")
    assert lake.exists("b.png")


def test_one_that_stays_away_is_given_up(s3_server, bucket, monkeypatch, caplog):
    monkeypatch.setattr(retries, "PATIENCE_SECONDS", 0.5)
    lake = Lake(f"{bucket}/lake")
    stop(s3_server)
    start = time.monotonic()
    with pytest.raises(Exception, match="Could not connect to the endpoint URL"):
        lake.read("a.png")
    assert 0.5 <= time.monotonic() - start < 20
    assert len([each for each in caplog.records if each.levelno == logging.WARNING]) == 1


def test_a_store_that_does_not_answer_is_no_empty_one(s3_server, bucket, monkeypatch):
    monkeypatch.setattr(retries, "PATIENCE_SECONDS", 0)
    lake = Lake(f"{bucket}/lake")
    lake.write("a.png", b"pixels")
    assert lake.exists("a.png") and not lake.exists("b.png") and not lake.exists("a.png/c")
    stop(s3_server)
    with pytest.raises(Exception, match="Could not connect to the endpoint URL"):
        lake.exists("a.png")


def test_what_may_be_over_by_itself(s3_server, bucket, monkeypatch):
    monkeypatch.setattr(retries, "PATIENCE_SECONDS", 0)
    lake = Lake(f"{bucket}/lake")
    stop(s3_server)
    with pytest.raises(Exception, match="Could not connect") as unanswered:
        lake.read("a.png")
    with pytest.raises(RuntimeError, match="DefaultCPUAllocator") as too_large:
        torch.empty(2**50)
    told = PaintingError("memory does not hold the picture: lower the scale")
    told.__cause__ = too_large.value
    for passing in (
        UnavailableError("no network"),
        OSError("a broken disk"),
        MemoryError(),
        unanswered.value,
        too_large.value,
        torch.OutOfMemoryError("CUDA out of memory."),
        told,
    ):
        assert retries.is_transient(passing), passing
    damaged = PaintingError("p.png is missing")
    damaged.__cause__ = FileNotFoundError("p.png")
    for lasting in (ValueError("sizes differ"), PaintingError("it is damaged"), damaged):
        assert not retries.is_transient(lasting), lasting


def test_what_is_not_there_is_not_asked_for_again(bucket, caplog):
    with pytest.raises(FileNotFoundError):
        Lake(f"{bucket}/lake").read("a.png")
    assert "asking again" not in caplog.text


def test_it_is_waited_for_from_the_first_request_of_a_process_on(s3_server, bucket, monkeypatch):
    Lake(f"{bucket}/lake").write("a.png", b"pixels")
    monkeypatch.setattr(s3_server, "_port", s3_server.get_host_and_port()[1])
    stop(s3_server)
    threading.Timer(0.5, s3_server.start).start()
    assert Lake(f"{bucket}/lake").read("a.png") == b"pixels"


def test_a_command_soon_gives_up_one_that_does_not_answer(s3_server, bucket, monkeypatch):
    stop(s3_server)
    monkeypatch.setenv("DEEPART_DATA", f"{bucket}/lake")
    start = time.monotonic()
    refused = CliRunner().invoke(app, ["list"])
    assert refused.exit_code == 1
    assert time.monotonic() - start < 20
    told = r"deepart: the object store does not answer \(Could not .*\): .* AWS_ENDPOINT_URL .*\n"
    assert re.fullmatch(told, refused.stderr)


def test_what_is_not_there_is_an_answer(bucket, caplog):
    Lake(f"{bucket}/nothing").check_reachable()
    Lake(f"{bucket}-not-there/lake").check_reachable()
    assert "asking again" not in caplog.text
