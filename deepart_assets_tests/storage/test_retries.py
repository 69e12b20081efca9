"""An object store that is away for a while is waited for, and what it refuses is not repeated."""

import logging
import os
import threading
import time

import dagster as dg
import pytest

from deepart_assets.errors import UnavailableError
from deepart_assets.orchestration.step_resources import at_work
from deepart_assets.settings.execution import LocalExecution, RayExecution
from deepart_assets.storage import Lake, retries


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    # Without the client's own attempts, which would bridge a short absence.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(retries, "PAUSE_SECONDS", 0.1)
    monkeypatch.setenv(retries.ANSWERED, "1")


def stop(server):
    """Stop a server so that connections are refused."""
    server.stop()
    server._server.server_close()


def test_a_server_that_comes_back_is_waited_for(s3_server, bucket, monkeypatch, caplog):
    lake = Lake(f"{bucket}/lake")
    lake.write("a.png", b"pixels")
    monkeypatch.setattr(s3_server, "_port", s3_server.get_host_and_port()[1])
    stop(s3_server)
    threading.Timer(0.5, s3_server.start).start()
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


def test_what_is_not_there_is_not_asked_for_again(bucket, caplog):
    with pytest.raises(FileNotFoundError):
        Lake(f"{bucket}/lake").read("a.png")
    assert "asking again" not in caplog.text


def test_one_that_has_never_answered_is_soon_given_up(s3_server, bucket, monkeypatch):
    monkeypatch.delenv(retries.ANSWERED)
    lake = Lake(f"{bucket}/lake")
    stop(s3_server)
    start = time.monotonic()
    with pytest.raises(UnavailableError, match=r"does not answer .* AWS_ENDPOINT_URL"):
        lake.read("a.png")
    assert time.monotonic() - start < 20


def test_a_store_that_refuses_has_answered(bucket, monkeypatch):
    monkeypatch.delenv(retries.ANSWERED)
    with pytest.raises(FileNotFoundError):
        Lake(f"{bucket}/lake").read("a.png")
    assert retries.ANSWERED in os.environ


def test_a_step_of_a_cluster_waits_from_its_first_request_on(monkeypatch):
    monkeypatch.delenv(retries.ANSWERED)
    context = dg.build_asset_context(instance=dg.DagsterInstance.ephemeral())
    with at_work(context, LocalExecution(), "gallery", None):
        assert retries.ANSWERED not in os.environ
    with at_work(context, RayExecution(kind="ray"), "gallery", None):
        assert retries.ANSWERED in os.environ
